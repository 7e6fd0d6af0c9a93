namespace Polder.Statistics;

/// <summary>Kendall's rank correlation with ties, tau-b (Kendall 1945): whether one figure orders things as another does.</summary>
public static class KendallTau
{
    /// <summary>Correlates two figures of the same things.</summary>
    /// <param name="x">The first figure.</param>
    /// <param name="y">The second, as many values.</param>
    /// <returns>Between -1 and 1: concordant less discordant pairs, over the geometric mean of the pairs that are no ties in x and in y; NaN where all
    /// are ties in one of them.</returns>
    /// <exception cref="ArgumentException">They have other numbers of values.</exception>
    public static double Of(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        if (x.Count != y.Count)
            throw new ArgumentException($"{x.Count} values cannot be paired with {y.Count}", nameof(y));
        long balance = 0, orderedX = 0, orderedY = 0;
        for (int i = 0; i < x.Count; i++)
            for (int j = 0; j < i; j++)
            {
                int a = x[i].CompareTo(x[j]), b = y[i].CompareTo(y[j]);
                balance += Math.Sign(a) * Math.Sign(b);
                orderedX += Math.Abs(Math.Sign(a));
                orderedY += Math.Abs(Math.Sign(b));
            }
        return orderedX == 0 || orderedY == 0 ? double.NaN : balance / Math.Sqrt((double)orderedX * orderedY);
    }
}
