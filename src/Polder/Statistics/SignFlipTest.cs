namespace Polder.Statistics;

/// <summary>
/// A permutation test of paired differences that come in strata (data sets): under the hypothesis that the two methods are exchangeable within each
/// pair, the sign of every difference is a fair coin. The statistic is the mean over strata of their mean differences, so that every data set weighs the
/// same, however many seeds it has (stratified sign-flip test: Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005).
/// </summary>
/// <param name="Mean">The statistic: the mean over strata of the mean difference.</param>
/// <param name="P">
/// The share of sign patterns whose statistic is at least as far from zero. Exact where <see cref="IsExact"/>; else over random patterns with the
/// observed one counted in, which is never below the truth on average.
/// </param>
/// <param name="Pairs">The pairs of all strata.</param>
/// <param name="IsExact">Whether all patterns were counted.</param>
public sealed record SignFlipTest(double Mean, double P, int Pairs, bool IsExact)
{
    // 2^20 patterns take a few milliseconds.
    private const int MostExact = 20;

    /// <summary>The random patterns where there are too many to count.</summary>
    public const int Draws = 100_000;

    /// <summary>Tests differences.</summary>
    /// <param name="strata">The differences of each stratum, at least one in one of them; empty strata do not count.</param>
    /// <param name="seed">The seed of the random patterns. Default 0.</param>
    /// <exception cref="ArgumentException">There is no difference.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A difference is not finite.</exception>
    public static SignFlipTest Of(IReadOnlyList<IReadOnlyList<double>> strata, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(strata);
        IReadOnlyList<double>[] own = [.. strata.Where(s => s.Count > 0)];
        if (own.Length == 0)
            throw new ArgumentException("there are no differences", nameof(strata));
        foreach (double difference in own.SelectMany(s => s))
            Require.That(double.IsFinite(difference), difference, "a finite number");
        // Each difference with the weight that it has in the statistic.
        double[] terms = [.. own.SelectMany(s => s, (s, d) => d / s.Count / own.Length)];
        double observed = terms.Sum();
        // Sums of the same terms in another order differ by rounding, which must not decide.
        double bar = Math.Abs(observed) - (1e-12 * terms.Sum(Math.Abs));
        return terms.Length <= MostExact
            ? new SignFlipTest(observed, Exact(terms, bar), terms.Length, IsExact: true)
            : new SignFlipTest(observed, Random(terms, bar, seed), terms.Length, IsExact: false);
    }

    private static double Exact(double[] terms, double bar)
    {
        long patterns = 1L << terms.Length, extreme = 0;
        double sum = -terms.Sum();
        for (long pattern = 0; pattern < patterns; pattern++)
        {
            if (Math.Abs(sum) >= bar)
                extreme++;
            // The next pattern of the Gray code differs in one sign.
            int flipped = System.Numerics.BitOperations.TrailingZeroCount(pattern + 1);
            if (flipped < terms.Length)
                sum += ((((pattern + 1) ^ ((pattern + 1) >> 1)) >> flipped) & 1) == 1 ? 2 * terms[flipped] : -2 * terms[flipped];
        }
        return (double)extreme / patterns;
    }

    private static double Random(double[] terms, double bar, int seed)
    {
        var random = new Random(seed);
        long extreme = 1;
        for (int draw = 0; draw < Draws; draw++)
        {
            double sum = 0;
            long bits = 0;
            for (int i = 0; i < terms.Length; i++)
            {
                if (i % 62 == 0)
                    bits = random.NextInt64();
                sum += (bits & 1) == 1 ? terms[i] : -terms[i];
                bits >>= 1;
            }
            if (Math.Abs(sum) >= bar)
                extreme++;
        }
        return extreme / (Draws + 1.0);
    }
}
