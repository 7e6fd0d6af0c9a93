namespace Polder.Curvature.Operators;

/// <summary>An operator that is made of another: of its type, on its device and, unless it says otherwise, of its dimension.</summary>
internal abstract class DerivedOperator(ILinearOperator inner) : ILinearOperator
{
    public virtual long Dimension => Inner.Dimension;

    public ScalarType DataType => Inner.DataType;

    public Device Device => Inner.Device;

    protected ILinearOperator Inner { get; } = inner ?? throw new ArgumentNullException(nameof(inner));

    public Tensor Multiply(Tensor vectors, CancellationToken cancellation = default)
    {
        LinearOperators.RequireVectors(this, vectors);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Product(vectors, cancellation).MoveToOuterDisposeScope();
    }

    /// <summary>The product, in a scope of its own and without gradients.</summary>
    protected abstract Tensor Product(Tensor vectors, CancellationToken cancellation);
}

/// <summary>c A.</summary>
internal sealed class ScaledOperator : DerivedOperator
{
    private readonly double _factor;

    public ScaledOperator(ILinearOperator inner, double factor) : base(inner)
    {
        Require.Finite(factor);
        _factor = factor;
    }

    protected override Tensor Product(Tensor vectors, CancellationToken cancellation) => Inner.Multiply(vectors, cancellation).mul(Number(_factor));
}

/// <summary>A + c I.</summary>
internal sealed class ShiftedOperator : DerivedOperator
{
    private readonly double _shift;

    public ShiftedOperator(ILinearOperator inner, double shift) : base(inner)
    {
        Require.Finite(shift);
        _shift = shift;
    }

    protected override Tensor Product(Tensor vectors, CancellationToken cancellation) => Inner.Multiply(vectors, cancellation).add(vectors, Number(_shift));
}

/// <summary>A + B.</summary>
internal sealed class SumOperator : DerivedOperator
{
    private readonly ILinearOperator _other;

    public SumOperator(ILinearOperator first, ILinearOperator second) : base(first)
    {
        ArgumentNullException.ThrowIfNull(second);
        if (first.Dimension != second.Dimension || first.DataType != second.DataType || first.Device.type != second.Device.type)
            throw new ArgumentException(
                $"one operator is {first.DataType} of dimension {first.Dimension}, "
                + $"the other {second.DataType} of dimension {second.Dimension}; they must agree",
                nameof(second));
        _other = second;
    }

    protected override Tensor Product(Tensor vectors, CancellationToken cancellation) =>
        Inner.Multiply(vectors, cancellation).add(_other.Multiply(vectors, cancellation));
}

/// <summary>A diagonal block of A: the vectors are padded with zeros, the products cut.</summary>
internal sealed class BlockOperator : DerivedOperator
{
    private readonly long _offset;

    public BlockOperator(ILinearOperator inner, long offset, long count) : base(inner)
    {
        Require.AtLeast(offset, 0);
        Require.AtLeast(count, 1);
        Require.That(count <= inner.Dimension - offset, count, $"at most the {inner.Dimension - offset} rows from {offset} on");
        (_offset, Dimension) = (offset, count);
    }

    public override long Dimension { get; }

    protected override Tensor Product(Tensor vectors, CancellationToken cancellation)
    {
        Tensor padded = zeros([vectors.shape[0], Inner.Dimension], DataType, Device);
        padded.narrow(1, _offset, Dimension).copy_(vectors);
        return Inner.Multiply(padded, cancellation).narrow(1, _offset, Dimension).contiguous();
    }
}

/// <summary>P A P with P = I - Q^T Q, the rows of Q orthonormal.</summary>
internal sealed class ProjectedOperator : DerivedOperator
{
    private readonly Tensor _basis;

    public ProjectedOperator(ILinearOperator inner, Tensor basis) : base(inner)
    {
        LinearOperators.RequireVectors(inner, basis);
        _basis = basis;
    }

    protected override Tensor Product(Tensor vectors, CancellationToken cancellation) => Project(Inner.Multiply(Project(vectors), cancellation));

    private Tensor Project(Tensor vectors) => vectors.sub(vectors.mm(_basis.t()).mm(_basis));
}
