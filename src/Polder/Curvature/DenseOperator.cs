namespace Polder.Curvature;

/// <summary>A matrix that is at hand.</summary>
public sealed class DenseOperator : ILinearOperator
{
    private readonly Tensor _matrix;

    /// <summary>Wraps a matrix; the caller keeps it alive.</summary>
    /// <param name="matrix">[d, d], symmetric, Float32 or Float64.</param>
    /// <exception cref="ArgumentException">It is not square, not finite, not symmetric or of another type.</exception>
    public DenseOperator(Tensor matrix)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        if (matrix.dim() != 2 || matrix.shape[0] != matrix.shape[1] || matrix.shape[0] == 0)
            throw new ArgumentException($"the matrix has shape [{string.Join(", ", matrix.shape)}]; allowed: [d, d]", nameof(matrix));
        if (matrix.dtype is not (ScalarType.Float32 or ScalarType.Float64))
            throw new ArgumentException($"the matrix is {matrix.dtype}; allowed: Float32, Float64", nameof(matrix));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        double largest = matrix.abs().max().ToDouble();
        if (!double.IsFinite(largest))
            throw new ArgumentException("the matrix has an element that is not finite", nameof(matrix));
        double asymmetry = matrix.sub(matrix.t()).abs().max().ToDouble();
        if (asymmetry > (matrix.dtype == ScalarType.Float64 ? 1e-10 : 1e-4) * largest)
            throw new ArgumentException($"the matrix is not symmetric: elements differ from their mirror images by up to {asymmetry:G3}", nameof(matrix));
        _matrix = matrix;
    }

    /// <inheritdoc/>
    public long Dimension => _matrix.shape[0];

    /// <inheritdoc/>
    public ScalarType DataType => _matrix.dtype;

    /// <inheritdoc/>
    public Device Device => _matrix.device;

    /// <inheritdoc/>
    public Tensor Multiply(Tensor vectors, CancellationToken cancellation = default)
    {
        LinearOperators.RequireVectors(this, vectors);
        cancellation.ThrowIfCancellationRequested();
        using var noGrad = no_grad();
        return vectors.mm(_matrix);
    }
}
