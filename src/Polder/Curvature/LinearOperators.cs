using Polder.Curvature.Operators;

namespace Polder.Curvature;

/// <summary>Operators made of operators.</summary>
public static class LinearOperators
{
    /// <summary><paramref name="factor"/> A.</summary>
    public static ILinearOperator Scaled(this ILinearOperator @operator, double factor) => new ScaledOperator(@operator, factor);

    /// <summary>A + <paramref name="shift"/> I.</summary>
    public static ILinearOperator Shifted(this ILinearOperator @operator, double shift) => new ShiftedOperator(@operator, shift);

    /// <summary>A + B.</summary>
    /// <exception cref="ArgumentException">The dimensions, types or devices differ.</exception>
    public static ILinearOperator Plus(this ILinearOperator @operator, ILinearOperator other) => new SumOperator(@operator, other);

    /// <summary>The diagonal block of A at rows and columns <paramref name="offset"/> to <paramref name="offset"/> + <paramref name="count"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The block leaves the matrix.</exception>
    public static ILinearOperator Block(this ILinearOperator @operator, long offset, long count) => new BlockOperator(@operator, offset, count);

    /// <summary>P A P with P the projection that takes <paramref name="basis"/> out (deflation).</summary>
    /// <param name="operator">A.</param>
    /// <param name="basis">Orthonormal rows [count, d]; the caller keeps them alive.</param>
    public static ILinearOperator Without(this ILinearOperator @operator, Tensor basis) => new ProjectedOperator(@operator, basis);

    /// <summary>The product with one vector of <see cref="ILinearOperator.Dimension"/> elements; a new tensor of the caller's dispose scope.</summary>
    public static Tensor MultiplyVector(this ILinearOperator @operator, Tensor vector, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(@operator);
        ArgumentNullException.ThrowIfNull(vector);
        if (vector.dim() != 1)
            throw new ArgumentException($"a vector has one dimension; found [{string.Join(", ", vector.shape)}]", nameof(vector));
        using var scope = NewDisposeScope();
        return @operator.Multiply(vector.unsqueeze(0), cancellation).squeeze(0).MoveToOuterDisposeScope();
    }

    /// <summary>The whole matrix, by d products: for small d only.</summary>
    /// <param name="operator">A.</param>
    /// <param name="rowsAtOnce">How many products are asked for in one call.</param>
    /// <param name="cancellation">Stops between calls.</param>
    /// <returns>[d, d], a new tensor of the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">d is above 20 000: the matrix would take more than 3 GB.</exception>
    public static Tensor ToDense(this ILinearOperator @operator, int rowsAtOnce = 64, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(@operator);
        Require.AtLeast(rowsAtOnce, 1);
        long dimension = @operator.Dimension;
        if (dimension > 20_000)
            throw new ArgumentException($"the operator has dimension {dimension}; a dense matrix is made for at most 20000", nameof(@operator));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor matrix = empty([dimension, dimension], @operator.DataType, @operator.Device);
        for (long start = 0; start < dimension; start += rowsAtOnce)
        {
            using var pass = NewDisposeScope();
            long count = Math.Min(rowsAtOnce, dimension - start);
            Tensor units = zeros([count, dimension], @operator.DataType, @operator.Device);
            units.narrow(1, start, count).copy_(eye(count, dtype: @operator.DataType, device: @operator.Device));
            matrix.narrow(0, start, count).copy_(@operator.Multiply(units, cancellation));
        }
        return matrix.MoveToOuterDisposeScope();
    }

    /// <summary>Checks the argument of a product, before anything native sees it.</summary>
    internal static void RequireVectors(ILinearOperator @operator, Tensor vectors)
    {
        ArgumentNullException.ThrowIfNull(vectors);
        if (vectors.IsInvalid)
            throw new ArgumentException("the vectors have been disposed of", nameof(vectors));
        if (vectors.dim() != 2 || vectors.shape[0] == 0 || vectors.shape[1] != @operator.Dimension)
            throw new ArgumentException(
                $"the vectors have shape [{string.Join(", ", vectors.shape)}]; allowed: [count, {@operator.Dimension}] with a count of at least 1",
                nameof(vectors));
        if (vectors.dtype != @operator.DataType)
            throw new ArgumentException($"the vectors are {vectors.dtype}; allowed: {@operator.DataType}", nameof(vectors));
        if (vectors.device_type != @operator.Device.type)
            throw new ArgumentException($"the vectors live on {vectors.device_type}; allowed: {@operator.Device.type}", nameof(vectors));
    }
}
