namespace Polder.Experiments.Comparison;

/// <summary>
/// Holm's step-down correction (1979): among m tests, sorted by p, the i-th smallest p is multiplied by m - i + 1, is at least the one before it,
/// and at most 1. Where the corrected p of a method is below a level, the chance of naming any method wrongly is below that level, however the tests depend on each other.
/// </summary>
public static class HolmCorrection
{
    /// <summary>Corrects p-values.</summary>
    /// <param name="p">A p-value a test, between 0 and 1; null where a test gave none.</param>
    /// <returns>The corrected ones in the same order; null stays null.</returns>
    /// <remarks>A test without a p-value counts among the m: how many tests there are is settled before the data are seen.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">A value is not between 0 and 1.</exception>
    public static IReadOnlyList<double?> Correct(IReadOnlyList<double?> p)
    {
        ArgumentNullException.ThrowIfNull(p);
        if (p.FirstOrDefault(value => value is not (null or (>= 0 and <= 1))) is { } wrong)
            throw new ArgumentOutOfRangeException(nameof(p), wrong, "a p-value must be between 0 and 1");
        var corrected = new double?[p.Count];
        int factor = p.Count;
        double largest = 0;
        foreach (int i in Enumerable.Range(0, p.Count).Where(i => p[i] is not null).OrderBy(i => p[i]))
            corrected[i] = largest = Math.Max(largest, Math.Min(1, factor-- * p[i]!.Value));
        return corrected;
    }

    /// <summary>The paired differences of several methods to one of them, with the p-values corrected over all the others.</summary>
    /// <param name="results">The methods.</param>
    /// <param name="reference">The one that they are compared with; it is no test of its own. Null: there is none.</param>
    /// <param name="figure">The figure of a run, null where the run has none; without it the test accuracy.</param>
    /// <returns>A difference a method, in the same order; null without a reference or where a method shares no seed with it.</returns>
    public static IReadOnlyList<PairedDifference?> Differences(
        IReadOnlyList<MethodRuns> results, MethodRuns? reference, Func<MethodRun, double?>? figure = null)
    {
        ArgumentNullException.ThrowIfNull(results);
        if (reference is null)
            return new PairedDifference?[results.Count];
        PairedDifference?[] differences = [.. results.Select(r => r.DifferenceTo(reference, figure))];
        int[] tests = [.. Enumerable.Range(0, results.Count).Where(i => !ReferenceEquals(results[i], reference))];
        IReadOnlyList<double?> corrected = Correct([.. tests.Select(i => differences[i]?.P)]);
        for (int t = 0; t < tests.Length; t++)
            differences[tests[t]] = differences[tests[t]] is { } difference ? difference with { PHolm = corrected[t] } : null;
        return differences;
    }
}
