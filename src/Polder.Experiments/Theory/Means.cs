namespace Polder.Experiments.Theory;

/// <summary>The mean of independent runs.</summary>
internal static class Means
{
    /// <summary>Mean and standard error.</summary>
    /// <param name="runs">A number a run.</param>
    public static MeanEstimate Of(IReadOnlyList<double> runs)
    {
        Summary summary = Summary.Of(runs);
        return new MeanEstimate(summary.Mean, summary.StandardDeviation / Math.Sqrt(summary.Count), summary.Count);
    }
}
