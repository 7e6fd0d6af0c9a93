namespace Polder.Mpi;

/// <summary>How a step is shared among ranks.</summary>
public sealed record RankOptions
{
    /// <summary>
    /// The parts that the batch of every point is cut into; null, the default, is one where there are as many points as ranks or more, else as few as make
    /// the busiest rank's share least. Given, the work is the same on any number of ranks.
    /// </summary>
    public int? Parts { get; init; }

    /// <summary>
    /// Whether gradients are summed in the points' order, one after another, so that the result is the same bits on any number of ranks. Default: false, the
    /// library's own order, which depends on their number. It keeps one gradient for each of a rank's points, and sends each.
    /// </summary>
    public bool Reproducible { get; init; }

    /// <summary>What the probes of a step do to BatchNorm's statistics; all but <see cref="BatchNormPolicy.EveryProbe"/>, which has an order.</summary>
    public BatchNormPolicy BatchNorm { get; init; } = BatchNormPolicy.OncePerStep;

    /// <summary>Told in words, once, how the first step is shared out.</summary>
    public IProgress<string>? Note { get; init; }

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is out of its range; the message says which and what is allowed.</exception>
    public void Validate()
    {
        Require.AtLeast(Parts, 1);
        Require.Known(BatchNorm);
        Require.That(BatchNorm != BatchNormPolicy.EveryProbe, BatchNorm, "another policy than that of statistics that move from probe to probe");
    }
}
