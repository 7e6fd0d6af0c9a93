namespace Polder.Generalization;

/// <summary>What a classifier does on the whole sample, with the weights as they stand.</summary>
/// <param name="ErrorRate">The share that is classified wrongly, between 0 and 1.</param>
/// <param name="Loss">The mean of a loss between 0 and the sample's largest loss.</param>
public readonly record struct ClassifierLosses(double ErrorRate, double Loss);

/// <summary>The sample that a bound is made from.</summary>
/// <param name="Examples">The number n of independent examples.</param>
/// <param name="Classes">The number K of classes: a guess errs with probability 1 - 1/K.</param>
/// <param name="LargestLoss">C: no example's loss is larger.</param>
/// <param name="Evaluate">Evaluates the classifier, with its weights as they stand, on the whole sample.</param>
public sealed record BoundSample(long Examples, int Classes, double LargestLoss, Func<ClassifierLosses> Evaluate);

/// <summary>The bounds at one sigma, with their terms.</summary>
/// <param name="Sigma">The standard deviation of the noise.</param>
/// <param name="Divergence">KL from the start, in nats.</param>
/// <param name="LeastErrorBound">The error bound that a classifier without a single error would have here: distance, n and delta alone.</param>
public sealed record SigmaBound(double Sigma, double Divergence, double LeastErrorBound)
{
    /// <summary>What was measured by draws; null where <see cref="LeastErrorBound"/> already shows that another sigma is better.</summary>
    public MeasuredBound? Measured { get; init; }
}

/// <summary>Bounds from draws of the noise.</summary>
/// <param name="Error">The error rate of W + sigma U on the sample, over the draws.</param>
/// <param name="ErrorUpper">What its average over U is at most, but for the draws' share of failures.</param>
/// <param name="ErrorBound">What the error rate on new examples is at most: <see cref="PacBayes.Maurer"/>.</param>
/// <param name="Loss">The bounded loss of W + sigma U on the sample, over the draws.</param>
/// <param name="LossUpper">What its average over U is at most, but for the draws' share of failures.</param>
/// <param name="LossBound">What the loss on new examples is at most: <see cref="PacBayes.Catoni"/>.</param>
/// <param name="LinearLossBound">The same by the linear form: <see cref="PacBayes.McAllester"/>.</param>
public sealed record MeasuredBound(
    MeanEstimate Error, double ErrorUpper, double ErrorBound, MeanEstimate Loss, double LossUpper, double LossBound, double LinearLossBound);

/// <summary>A PAC-Bayes bound with all its terms.</summary>
/// <param name="Sample">n, K and C.</param>
/// <param name="Options">What was chosen beforehand.</param>
/// <param name="Distance">|W - W0| over the weights that carry noise.</param>
/// <param name="Clean">Error rate and loss of W itself, without noise.</param>
/// <param name="Points">One a sigma of the options, those that are finished, largest sigma first.</param>
public sealed record BoundResult(BoundSample Sample, BoundOptions Options, double Distance, ClassifierLosses Clean, IReadOnlyList<SigmaBound> Points)
{
    /// <summary>The sigma with the smallest error bound; null before any is measured.</summary>
    public SigmaBound? Best => Points.Where(p => p.Measured is not null).MinBy(p => p.Measured!.ErrorBound);

    /// <summary>The bound of the error rate of the noisy classifier on new examples; NaN before any sigma is measured.</summary>
    public double Value => Best?.Measured!.ErrorBound ?? double.NaN;

    /// <summary>1 - 1/K: the error rate of a guess, which needs no sample.</summary>
    public double GuessError => 1 - (1.0 / Sample.Classes);

    /// <summary>Whether the bound says no more than a guess does.</summary>
    public bool IsVacuous => !(Value < GuessError);

    /// <summary>1 - delta - draw delta: the probability, over sample and draws, with which the bound holds.</summary>
    public double Confidence => 1 - Options.Delta - Options.DrawDelta;
}
