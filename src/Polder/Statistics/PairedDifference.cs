namespace Polder.Statistics;

/// <summary>
/// The mean difference of two figures over runs that are paired by their seed, with Student's 95 % interval. It covers the seeds, not the
/// choice of the test images.
/// </summary>
/// <param name="Mean">The mean of the differences.</param>
/// <param name="StandardError">Its standard error; NaN for one pair.</param>
/// <param name="Low">The lower end of the interval; NaN for one pair.</param>
/// <param name="High">The upper end of the interval; NaN for one pair.</param>
/// <param name="Pairs">The number of pairs.</param>
/// <param name="P">The two-sided p-value of the paired t-test; null below five pairs, or where all differences are equal up to rounding.</param>
public sealed record PairedDifference(double Mean, double StandardError, double Low, double High, int Pairs, double? P)
{
    private const int FewestPairsForP = 5;
    private const double Confidence = 0.95;

    // Four units in the last place, relative to the largest value.
    private const double Rounding = 4.0 / (1L << 52);

    /// <summary>
    /// <see cref="P"/> corrected over the methods of a comparison (<see cref="HolmCorrection"/>); null where there is no p or no correction was made.
    /// </summary>
    public double? PHolm { get; init; }

    /// <summary>Compares paired values.</summary>
    /// <param name="values">The values.</param>
    /// <param name="references">The values that they are compared with, in the same order.</param>
    /// <exception cref="ArgumentException">The lengths differ or are zero.</exception>
    public static PairedDifference Of(IReadOnlyList<double> values, IReadOnlyList<double> references)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(references);
        if (values.Count != references.Count)
            throw new ArgumentException($"{values.Count} values cannot be paired with {references.Count}", nameof(references));
        Summary differences = Summary.Of([.. values.Zip(references, (v, r) => v - r)]);
        int n = differences.Count;
        if (n == 1)
            return new PairedDifference(differences.Mean, double.NaN, double.NaN, double.NaN, 1, null);
        // Accuracies are fractions that doubles round: equal differences of them spread by an ulp or two, which is no spread.
        double rounding = Rounding * values.Concat(references).Max(Math.Abs);
        double error = differences.StandardDeviation <= rounding ? 0 : differences.StandardDeviation / Math.Sqrt(n);
        double half = StudentT.TwoSided(Confidence, n - 1) * error;
        double? p = n >= FewestPairsForP && error > 0 ? StudentT.Outside(Math.Abs(differences.Mean) / error, n - 1) : null;
        return new PairedDifference(differences.Mean, error, differences.Mean - half, differences.Mean + half, n, p);
    }
}
