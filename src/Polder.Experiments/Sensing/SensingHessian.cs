namespace Polder.Experiments.Sensing;

/// <summary>The Hessian of a sensing problem's f at a U, as a matrix of d^2 rows that is known by its products.</summary>
/// <param name="problem">The problem.</param>
/// <param name="weights">U, [d, d]; the caller keeps it as it is.</param>
public sealed class SensingHessian(SensingProblem problem, Tensor weights) : ILinearOperator
{
    /// <inheritdoc/>
    public long Dimension => (long)problem.Dimension * problem.Dimension;

    /// <inheritdoc/>
    public ScalarType DataType => problem.DataType;

    /// <inheritdoc/>
    public Device Device => CPU;

    /// <inheritdoc/>
    public Tensor Multiply(Tensor vectors, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(vectors);
        if (vectors.dim() != 2 || vectors.shape[1] != Dimension || vectors.dtype != DataType)
            throw new ArgumentException(
                $"the vectors are {vectors.dtype} of shape [{string.Join(", ", vectors.shape)}]; allowed: {DataType}, [count, {Dimension}]", nameof(vectors));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor[] products = new Tensor[vectors.shape[0]];
        for (int row = 0; row < products.Length; row++)
        {
            cancellation.ThrowIfCancellationRequested();
            Tensor direction = vectors[row].reshape(problem.Dimension, problem.Dimension).contiguous();
            products[row] = problem.HessianVectorProduct(weights, direction).reshape(-1);
        }
        return stack(products).MoveToOuterDisposeScope();
    }
}
