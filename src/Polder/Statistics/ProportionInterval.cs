namespace Polder.Statistics;

/// <summary>A share of independent cases with Wilson's 95 % score interval (Wilson 1927), which stays between 0 and 1 and holds for few cases too.</summary>
/// <param name="Share">The share of the cases.</param>
/// <param name="Low">The lower end.</param>
/// <param name="High">The upper end.</param>
public readonly record struct ProportionInterval(double Share, double Low, double High)
{
    // The 97.5 % quantile of the standard normal distribution.
    private const double Z = 1.959963984540054;

    /// <summary>The share of some cases: (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).</summary>
    /// <param name="cases">The cases that are counted, 0 to <paramref name="count"/>.</param>
    /// <param name="count">All cases, 1 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no case, or more are counted than there are.</exception>
    public static ProportionInterval Of(long cases, long count)
    {
        Require.That(count >= 1, count, "1 or more");
        Require.That(cases >= 0 && cases <= count, cases, $"between 0 and {count}");
        double share = (double)cases / count, square = Z * Z / count;
        double centre = share + (square / 2), half = Math.Sqrt((share * (1 - share) * square) + (square * square / 4));
        // The ends are exact where all cases or none are counted, up to rounding.
        return new ProportionInterval(share, cases == 0 ? 0 : (centre - half) / (1 + square), cases == count ? 1 : (centre + half) / (1 + square));
    }
}
