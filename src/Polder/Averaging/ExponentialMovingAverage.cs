namespace Polder.Averaging;

/// <summary>
/// The exponential moving average of the weights: m &lt;- d m + (1 - d) W after every update. The first updates use the smaller
/// d = min(decay, (1 + t) / (10 + t)), so that the start is soon forgotten.
/// </summary>
public sealed class ExponentialMovingAverage : WeightAverage
{
    /// <summary>Makes an average.</summary>
    /// <param name="decay">The decay d, at least 0 and below 1; 0.999 remembers some thousand steps.</param>
    /// <param name="warmUp">Whether the first updates use a smaller decay.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="decay"/> is out of range.</exception>
    public ExponentialMovingAverage(double decay = 0.999, bool warmUp = true)
    {
        Require.BelowOne(decay);
        (Decay, WarmUp) = (decay, warmUp);
    }

    /// <summary>The decay.</summary>
    public double Decay { get; }

    /// <summary>Whether the first updates use a smaller decay.</summary>
    public bool WarmUp { get; }

    /// <inheritdoc/>
    protected override double Share(long updates, long taken) => 1 - (WarmUp ? Math.Min(Decay, (1.0 + taken) / (10.0 + taken)) : Decay);
}
