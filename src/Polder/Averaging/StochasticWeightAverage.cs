namespace Polder.Averaging;

/// <summary>
/// Stochastic weight averaging, SWA (Izmailov, Podoprikhin, Garipov, Vetrov and Wilson, 2018): the plain mean of the weights at every
/// <see cref="Every"/>-th update from <see cref="Start"/> on. The learning rate of that phase is <see cref="SwaLearningRate"/>'s.
/// </summary>
public sealed class StochasticWeightAverage : WeightAverage
{
    /// <summary>Makes an average.</summary>
    /// <param name="start">Updates before the phase of averaging, at least 0.</param>
    /// <param name="every">Updates between two weights that go into the mean, at least 1: an epoch, or the cycle of a cyclic learning rate.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public StochasticWeightAverage(long start, long every = 1)
    {
        Require.AtLeast(start, 0);
        Require.AtLeast(every, 1);
        (Start, Every) = (start, every);
    }

    /// <summary>Updates before the phase of averaging.</summary>
    public long Start { get; }

    /// <summary>Updates between two weights that go into the mean.</summary>
    public long Every { get; }

    /// <inheritdoc/>
    protected override double Share(long updates, long taken) =>
        updates > Start && (updates - Start) % Every == 0 ? 1.0 / (taken + 1) : 0;
}
