namespace Polder.Vision.Training;

/// <summary>Which average of the weights is evaluated and kept in place of the weights themselves.</summary>
public sealed record AveragingOptions
{
    /// <summary>The average. Default: the exponential moving one.</summary>
    public AveragingKind Kind { get; init; } = AveragingKind.Ema;

    /// <summary>The decay of the exponential average, at least 0 and below 1. Default 0.99, which remembers some hundred steps.</summary>
    public double Decay { get; init; } = 0.99;

    /// <summary>SWA: the share of the steps before the phase of averaging, at least 0 and below 1. Default 0.75.</summary>
    public double Start { get; init; } = 0.75;

    /// <summary>SWA: the learning rate of the phase, above 0; null, the default, is half the training's.</summary>
    public double? LearningRate { get; init; }

    /// <summary>
    /// SWA: epochs of a cycle in which the rate falls from the training's to <see cref="LearningRate"/>, and at whose end the mean takes the
    /// weights in; 0, the default, anneals once, over a tenth of the steps, and takes the weights in at the end of every epoch.
    /// </summary>
    public int CycleEpochs { get; init; }

    internal void Validate()
    {
        Require.That(Enum.IsDefined(Kind), Kind, "none, ema or swa");
        Require.BelowOne(Decay);
        Require.BelowOne(Start);
        Require.Positive(LearningRate);
        Require.AtLeast(CycleEpochs, 0);
    }

    internal WeightAverage Create(long steps, int stepsPerEpoch) => Kind == AveragingKind.Ema
        ? new ExponentialMovingAverage(Decay)
        : new StochasticWeightAverage(StartStep(steps, stepsPerEpoch), (long)Math.Max(1, CycleEpochs) * stepsPerEpoch);

    /// <summary>How often the average takes the weights in over a training.</summary>
    internal long TimesOver(long steps, int stepsPerEpoch) => Kind == AveragingKind.Ema ? steps
        : (steps - StartStep(steps, stepsPerEpoch)) / ((long)Math.Max(1, CycleEpochs) * stepsPerEpoch);

    internal SwaLearningRate? Rate(double trainingRate, long steps, int stepsPerEpoch)
    {
        if (Kind == AveragingKind.Ema)
            return null;
        double rate = LearningRate ?? (trainingRate / 2);
        long start = StartStep(steps, stepsPerEpoch);
        return CycleEpochs == 0
            ? SwaLearningRate.Annealed(rate, start, steps / 10)
            : SwaLearningRate.Cyclic(Math.Max(rate, trainingRate), rate, start, (long)CycleEpochs * stepsPerEpoch);
    }

    // A whole number of epochs, and at least one of them averaged.
    private long StartStep(long steps, int stepsPerEpoch) =>
        Math.Min((long)(Start * steps) / stepsPerEpoch, Math.Max(0, (steps / stepsPerEpoch) - 1)) * stepsPerEpoch;
}

/// <summary>The averages of the weights.</summary>
public enum AveragingKind
{
    /// <summary>None: the weights of the last step.</summary>
    None,

    /// <summary>The exponential moving average.</summary>
    Ema,

    /// <summary>Stochastic weight averaging: the plain mean over the last phase.</summary>
    Swa,
}
