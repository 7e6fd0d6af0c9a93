namespace Polder.Parameters;

/// <summary>
/// A vector of a <see cref="ParameterSpace"/>: one block a parameter, in the parameter's shape. The blocks of one data type and device
/// are views of one flat tensor, so that whole-vector operations are one pass over memory.
/// </summary>
public sealed class ParameterVector : IDisposable
{
    private readonly Tensor[] _flats;
    private readonly Tensor[] _blocks;

    internal ParameterVector(ParameterSpace space)
    {
        Space = space;
        _blocks = new Tensor[space.Parameters.Count];
        var flats = new List<Tensor>();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var group in space.Parameters.Select((parameter, index) => (parameter, index))
                     .GroupBy(p => (p.parameter.dtype, p.parameter.device.type, p.parameter.device.index)))
        {
            Tensor flat = zeros(group.Sum(p => p.parameter.numel()), group.Key.dtype, group.First().parameter.device);
            flats.Add(flat.DetachFromDisposeScope());
            long offset = 0;
            foreach (var (parameter, index) in group)
            {
                long count = parameter.numel();
                _blocks[index] = flat.narrow(0, offset, count).view(parameter.shape).DetachFromDisposeScope();
                offset += count;
            }
        }
        _flats = [.. flats];
    }

    /// <summary>The space that this is a vector of.</summary>
    public ParameterSpace Space { get; }

    /// <summary>
    /// One tensor a parameter, in the order and shape of <see cref="ParameterSpace.Parameters"/>; they share the vector's memory and belong to it.
    /// </summary>
    public IReadOnlyList<Tensor> Blocks => _blocks;

    /// <summary>All elements, one tensor a data type and device.</summary>
    internal IReadOnlyList<Tensor> Flats => _flats;

    /// <summary>Sets every element to zero.</summary>
    public void Zero()
    {
        using var noGrad = no_grad();
        foreach (Tensor flat in _flats)
            flat.zero_().Dispose(); // unlike other operations in place, zero_ returns a tensor of its own
    }

    /// <summary>The Euclidean norm over all blocks.</summary>
    public double Norm() => Math.Sqrt(Reduce(flat => flat.norm(), square: true));

    /// <summary>The inner product with a vector of the same space.</summary>
    public double Dot(ParameterVector other)
    {
        RequireSameSpace(other);
        double sum = 0;
        using var noGrad = no_grad();
        for (int i = 0; i < _flats.Length; i++)
        {
            using Tensor dot = torch.dot(_flats[i], other._flats[i]);
            sum += dot.ToDouble();
        }
        return sum;
    }

    /// <summary>Adds <paramref name="alpha"/> times <paramref name="other"/>, a vector of the same space.</summary>
    public void Add(ParameterVector other, double alpha = 1)
    {
        RequireSameSpace(other);
        using var noGrad = no_grad();
        using Scalar factor = alpha.ToScalar();
        for (int i = 0; i < _flats.Length; i++)
            _flats[i].add_(other._flats[i], factor);
    }

    /// <summary>Multiplies every element by <paramref name="factor"/>.</summary>
    public void Scale(double factor)
    {
        using var noGrad = no_grad();
        using Scalar scalar = factor.ToScalar();
        foreach (Tensor flat in _flats)
            flat.mul_(scalar);
    }

    /// <summary>Limits every element to between -<paramref name="limit"/> and <paramref name="limit"/>.</summary>
    public void Clamp(double limit)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (Tensor flat in _flats)
            flat.clamp_(Number(-limit), Number(limit));
    }

    /// <summary>Takes over the elements of <paramref name="other"/>, a vector of the same space.</summary>
    public void CopyFrom(ParameterVector other)
    {
        RequireSameSpace(other);
        using var noGrad = no_grad();
        for (int i = 0; i < _flats.Length; i++)
            _flats[i].copy_(other._flats[i]);
    }

    /// <summary>Multiplies every element by the weight at its place, as the parameters stand.</summary>
    public void MultiplyByWeights()
    {
        using var noGrad = no_grad();
        for (int i = 0; i < _blocks.Length; i++)
            _blocks[i].mul_(Space.Parameters[i]);
    }

    /// <summary>Adds <paramref name="factor"/> times the weights, as the parameters stand.</summary>
    public void AddWeights(double factor)
    {
        using var noGrad = no_grad();
        using Scalar scalar = factor.ToScalar();
        for (int i = 0; i < _blocks.Length; i++)
            _blocks[i].add_(Space.Parameters[i], scalar);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor block in _blocks)
            block.Dispose();
        foreach (Tensor flat in _flats)
            flat.Dispose();
    }

    private double Reduce(Func<Tensor, Tensor> reduction, bool square)
    {
        double sum = 0;
        using var noGrad = no_grad();
        foreach (Tensor flat in _flats)
        {
            using Tensor value = reduction(flat);
            double number = value.ToDouble();
            sum += square ? number * number : number;
        }
        return sum;
    }

    private void RequireSameSpace(ParameterVector other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (!ReferenceEquals(other.Space, Space))
            throw new ArgumentException("the vectors belong to different parameter spaces", nameof(other));
    }
}
