namespace Polder.Regularization;

/// <summary>
/// Keeps every layer within a radius of its start: a hook that moves the weights back after the update. In the Frobenius norm that is
/// the nearest point, W0 + min(1, radius / ||W - W0||) (W - W0); in the max-row-sum norm each row of the difference is shortened by the
/// same rule (Gouk, Hospedales and Pontil, 2021), which bounds the norm but is not the Euclidean projection.
/// </summary>
public sealed class DistanceProjection : IUpdateHook
{
    private readonly StartWeights _start;
    private readonly double[] _radii;
    private readonly DistanceNorm _norm;

    /// <summary>Makes a projection of the same radius for every layer.</summary>
    /// <inheritdoc cref="DistanceProjection(StartWeights, Func{string, double}, DistanceNorm)"/>
    public DistanceProjection(StartWeights start, double radius, DistanceNorm norm = DistanceNorm.Frobenius)
        : this(start, _ => radius, norm)
    {
    }

    /// <summary>Makes a projection.</summary>
    /// <param name="start">Where the distances are measured from; it stays the caller's and must outlive the projection.</param>
    /// <param name="radius">The radius of a layer by its name, at least 0; positive infinity leaves the layer free.</param>
    /// <param name="norm">The norm.</param>
    /// <exception cref="ArgumentOutOfRangeException">A radius is not a number of at least 0.</exception>
    public DistanceProjection(StartWeights start, Func<string, double> radius, DistanceNorm norm = DistanceNorm.Frobenius)
    {
        _start = start;
        _radii = LayerNumbers.Of(start, radius, nameof(radius));
        _norm = norm;
    }

    /// <summary>Layers that the last update had left outside of their radius.</summary>
    public int LastProjected { get; private set; }

    /// <inheritdoc/>
    public void AfterUpdate(UpdateContext context)
    {
        using var noGrad = no_grad();
        LastProjected = 0;
        for (int i = 0; i < _radii.Length; i++)
        {
            if (double.IsPositiveInfinity(_radii[i]))
                continue;
            using var scope = NewDisposeScope();
            StartWeights.Layer layer = _start.Layers[i];
            Tensor difference = layer.Difference();
            Tensor lengths = _norm == DistanceNorm.Frobenius ? difference.norm() : StartWeights.RowSums(difference);
            if (lengths.max().ToDouble() <= _radii[i])
                continue;
            LastProjected++;
            using Scalar radius = _radii[i].ToScalar();
            Tensor factor = (radius / lengths).clamp_max(Number(1));
            if (_norm == DistanceNorm.MaxRowSum)
                factor = factor.reshape([difference.shape[0], .. Enumerable.Repeat(1L, (int)difference.dim() - 1)]);
            Tensor moved = difference.mul_(factor);
            layer.Weight.copy_(layer.Start is null ? moved : moved.add_(layer.Start));
        }
    }
}
