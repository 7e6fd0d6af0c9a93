using static TorchSharp.torch;

namespace Polder.Curvature.Operators;

/// <summary>c A.</summary>
internal sealed class ScaledOperator(ILinearOperator inner, double factor) : ILinearOperator
{
    private readonly ILinearOperator _inner = inner ?? throw new ArgumentNullException(nameof(inner));
    private readonly double _factor = double.IsFinite(factor) ? factor : throw new ArgumentOutOfRangeException(nameof(factor), factor, "factor must be finite");

    public long Dimension => _inner.Dimension;

    public ScalarType DataType => _inner.DataType;

    public Device Device => _inner.Device;

    public Tensor Multiply(Tensor vectors, CancellationToken cancellation = default)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return _inner.Multiply(vectors, cancellation).mul(_factor).MoveToOuterDisposeScope();
    }
}

/// <summary>A + c I.</summary>
internal sealed class ShiftedOperator(ILinearOperator inner, double shift) : ILinearOperator
{
    private readonly ILinearOperator _inner = inner ?? throw new ArgumentNullException(nameof(inner));
    private readonly double _shift = double.IsFinite(shift) ? shift : throw new ArgumentOutOfRangeException(nameof(shift), shift, "shift must be finite");

    public long Dimension => _inner.Dimension;

    public ScalarType DataType => _inner.DataType;

    public Device Device => _inner.Device;

    public Tensor Multiply(Tensor vectors, CancellationToken cancellation = default)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return _inner.Multiply(vectors, cancellation).add(vectors, _shift).MoveToOuterDisposeScope();
    }
}

/// <summary>A + B.</summary>
internal sealed class SumOperator : ILinearOperator
{
    private readonly ILinearOperator _first, _second;

    public SumOperator(ILinearOperator first, ILinearOperator second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (first.Dimension != second.Dimension || first.DataType != second.DataType || first.Device.type != second.Device.type)
            throw new ArgumentException(
                $"one operator is {first.DataType} of dimension {first.Dimension}, "
                + $"the other {second.DataType} of dimension {second.Dimension}; they must agree",
                nameof(second));
        (_first, _second) = (first, second);
    }

    public long Dimension => _first.Dimension;

    public ScalarType DataType => _first.DataType;

    public Device Device => _first.Device;

    public Tensor Multiply(Tensor vectors, CancellationToken cancellation = default)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return _first.Multiply(vectors, cancellation).add(_second.Multiply(vectors, cancellation)).MoveToOuterDisposeScope();
    }
}

/// <summary>A diagonal block of A: the vectors are padded with zeros, the products cut.</summary>
internal sealed class BlockOperator : ILinearOperator
{
    private readonly ILinearOperator _inner;
    private readonly long _offset;

    public BlockOperator(ILinearOperator inner, long offset, long count)
    {
        ArgumentNullException.ThrowIfNull(inner);
        Require.AtLeast(offset, 0);
        Require.AtLeast(count, 1);
        Require.That(count <= inner.Dimension - offset, count, $"at most the {inner.Dimension - offset} rows from {offset} on");
        (_inner, _offset, Dimension) = (inner, offset, count);
    }

    public long Dimension { get; }

    public ScalarType DataType => _inner.DataType;

    public Device Device => _inner.Device;

    public Tensor Multiply(Tensor vectors, CancellationToken cancellation = default)
    {
        LinearOperators.RequireVectors(this, vectors);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor padded = zeros([vectors.shape[0], _inner.Dimension], DataType, Device);
        padded.narrow(1, _offset, Dimension).copy_(vectors);
        return _inner.Multiply(padded, cancellation).narrow(1, _offset, Dimension).contiguous().MoveToOuterDisposeScope();
    }
}

/// <summary>P A P with P = I - Q^T Q, the rows of Q orthonormal.</summary>
internal sealed class ProjectedOperator : ILinearOperator
{
    private readonly ILinearOperator _inner;
    private readonly Tensor _basis;

    public ProjectedOperator(ILinearOperator inner, Tensor basis)
    {
        ArgumentNullException.ThrowIfNull(inner);
        LinearOperators.RequireVectors(inner, basis);
        (_inner, _basis) = (inner, basis);
    }

    public long Dimension => _inner.Dimension;

    public ScalarType DataType => _inner.DataType;

    public Device Device => _inner.Device;

    public Tensor Multiply(Tensor vectors, CancellationToken cancellation = default)
    {
        LinearOperators.RequireVectors(this, vectors);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Project(_inner.Multiply(Project(vectors), cancellation)).MoveToOuterDisposeScope();
    }

    private Tensor Project(Tensor vectors) => vectors.sub(vectors.mm(_basis.t()).mm(_basis));
}
