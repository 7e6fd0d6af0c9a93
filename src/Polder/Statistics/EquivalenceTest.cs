namespace Polder.Statistics;

/// <summary>
/// Two one-sided tests of paired differences (Schuirmann 1987): that a mean difference was not found is no proof that there is none; that it is smaller
/// than a margin can be shown.
/// </summary>
/// <param name="Margin">The margin, above 0, in the unit of the differences.</param>
/// <param name="Low">The lower end of the 90 % interval of the mean: equivalence at 5 % is that it lies within the margin.</param>
/// <param name="High">The upper end.</param>
/// <param name="P">The larger p-value of the two one-sided t-tests; null below two pairs.</param>
/// <param name="Pairs">The number of pairs.</param>
public sealed record EquivalenceTest(double Margin, double Low, double High, double? P, int Pairs)
{
    private const double Confidence = 0.9, Level = 0.05;

    /// <summary>Whether the two are equivalent at 5 %.</summary>
    public bool IsEquivalent => P < Level;

    /// <summary>Tests differences.</summary>
    /// <param name="differences">The differences, at least one.</param>
    /// <param name="margin">The margin, above 0.</param>
    public static EquivalenceTest Of(IReadOnlyList<double> differences, double margin)
    {
        ArgumentNullException.ThrowIfNull(differences);
        Require.Positive(margin);
        Summary summary = Summary.Of(differences);
        int n = summary.Count;
        if (n < 2)
            return new EquivalenceTest(margin, double.NaN, double.NaN, null, n);
        double error = summary.StandardDeviation / Math.Sqrt(n), half = StudentT.TwoSided(Confidence, n - 1) * error;
        double distance = margin - Math.Abs(summary.Mean);
        // Differences that are all the same have no error, and lie within the margin or do not.
        double p = error == 0 ? distance > 0 ? 0 : 1
            : distance >= 0 ? StudentT.Outside(distance / error, n - 1) / 2 : 1 - (StudentT.Outside(-distance / error, n - 1) / 2);
        return new EquivalenceTest(margin, summary.Mean - half, summary.Mean + half, p, n);
    }
}
