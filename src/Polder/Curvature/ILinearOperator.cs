namespace Polder.Curvature;

/// <summary>
/// A symmetric matrix A that is known by its products A v alone. Every estimator of this room (trace, eigenvalues, density) works on it,
/// so it is tested on matrices whose answer is known.
/// </summary>
public interface ILinearOperator
{
    /// <summary>The number of rows and columns d.</summary>
    long Dimension { get; }

    /// <summary>The type of the vectors: Float32 or Float64.</summary>
    ScalarType DataType { get; }

    /// <summary>Where the vectors live.</summary>
    Device Device { get; }

    /// <summary>The products of A with several vectors; what they share is computed once.</summary>
    /// <param name="vectors">One vector a row: [count, <see cref="Dimension"/>], of <see cref="DataType"/> on <see cref="Device"/>.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>One product a row, in the order of the vectors; a new tensor of the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The vectors have another shape, type or device.</exception>
    Tensor Multiply(Tensor vectors, CancellationToken cancellation = default);
}
