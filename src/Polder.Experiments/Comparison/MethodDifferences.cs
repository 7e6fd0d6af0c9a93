namespace Polder.Experiments.Comparison;

/// <summary>How methods of a comparison differ from one of them.</summary>
public static class MethodDifferences
{
    /// <summary>
    /// The paired differences of several methods to one of them, with the p-values corrected over all the others (<see cref="HolmCorrection"/>).
    /// </summary>
    /// <param name="results">The methods.</param>
    /// <param name="reference">The one that they are compared with; it is no test of its own. Null: there is none.</param>
    /// <param name="figure">The figure of a run, null where the run has none; without it the test accuracy.</param>
    /// <returns>A difference a method, in the same order; null without a reference or where a method shares no seed with it.</returns>
    public static IReadOnlyList<PairedDifference?> Of(
        IReadOnlyList<MethodRuns> results, MethodRuns? reference, Func<MethodRun, double?>? figure = null)
    {
        ArgumentNullException.ThrowIfNull(results);
        if (reference is null)
            return new PairedDifference?[results.Count];
        PairedDifference?[] differences = [.. results.Select(r => r.DifferenceTo(reference, figure))];
        int[] tests = [.. Enumerable.Range(0, results.Count).Where(i => !ReferenceEquals(results[i], reference))];
        IReadOnlyList<double?> corrected = HolmCorrection.Correct([.. tests.Select(i => differences[i]?.P)]);
        for (int t = 0; t < tests.Length; t++)
            differences[tests[t]] = differences[tests[t]] is { } difference ? difference with { PHolm = corrected[t] } : null;
        return differences;
    }
}
