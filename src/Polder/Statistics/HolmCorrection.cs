namespace Polder.Statistics;

/// <summary>
/// Holm's step-down correction (1979): among m tests, sorted by p, the i-th smallest p is multiplied by m - i + 1, is at least the one before it,
/// and at most 1. Where the corrected p of a method is below a level, the chance of naming any method wrongly is below that level, however the tests
/// depend on each other.
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
        foreach (double value in p.OfType<double>())
            Require.Share(value, "a p-value");
        var corrected = new double?[p.Count];
        int factor = p.Count;
        double largest = 0;
        foreach (int i in Enumerable.Range(0, p.Count).Where(i => p[i] is not null).OrderBy(i => p[i]))
            corrected[i] = largest = Math.Max(largest, Math.Min(1, factor-- * p[i]!.Value));
        return corrected;
    }
}
