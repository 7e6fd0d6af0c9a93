namespace Polder.Statistics;

/// <summary>The mean of a number over draws or steps, and how sure it is.</summary>
/// <param name="Value">The mean; NaN where there is nothing to average.</param>
/// <param name="StandardError">
/// Its standard error; NaN where there are too few values for one. Of independent draws: their sample standard deviation over the root of
/// the count. Of the steps of a training, which are alike: from the means of batches of steps.
/// </param>
/// <param name="Count">The number of draws or steps.</param>
public readonly record struct MeanEstimate(double Value, double StandardError, long Count)
{
    /// <summary>The mean and its standard error.</summary>
    public override string ToString() => FormattableString.Invariant($"{Value:G5} +- {StandardError:G2} (of {Count})");

    /// <summary>The mean of independent samples; 0 of none.</summary>
    internal static MeanEstimate Of(IReadOnlyCollection<double> samples)
    {
        if (samples.Count == 0)
            return new MeanEstimate(0, double.NaN, 0);
        double mean = samples.Average();
        double error = samples.Count < 2 ? double.NaN : Math.Sqrt(samples.Sum(x => (x - mean) * (x - mean)) / (samples.Count - 1.0) / samples.Count);
        return new MeanEstimate(mean, error, samples.Count);
    }
}
