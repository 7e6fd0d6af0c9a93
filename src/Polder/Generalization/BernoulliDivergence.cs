namespace Polder.Generalization;

/// <summary>
/// The Kullback-Leibler divergence between two coins, kl(p || q) = p ln(p / q) + (1 - p) ln((1 - p) / (1 - q)), and its inverses: how large
/// (or small) a rate q can be when a rate p was seen and the divergence is limited.
/// </summary>
public static class BernoulliDivergence
{
    private const int MostIterations = 200;

    /// <summary>kl(p || q), in nats; infinite where q is 0 or 1 and p is another number.</summary>
    /// <param name="p">The rate that was seen, between 0 and 1.</param>
    /// <param name="q">The rate that it is compared with, between 0 and 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A rate is not between 0 and 1.</exception>
    public static double Of(double p, double q)
    {
        Require.Share(p);
        Require.Share(q);
        // p ln(p / q) and its counterpart are q - p in size with opposite signs, their sum (q - p)^2: the first order is left out beforehand.
        return Excess(p, q - p) + Excess(1 - p, p - q);
    }

    /// <summary>The largest q with kl(p || q) &lt;= <paramref name="divergence"/>: the upper bound of a rate.</summary>
    /// <param name="p">The rate that was seen, between 0 and 1.</param>
    /// <param name="divergence">The limit, in nats, at least 0; infinite allows every rate.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    /// <remarks>
    /// kl is convex and rising in q above p, so Newton's method started above the solution falls to it and never passes it: a result that
    /// is cut short is an upper bound still.
    /// </remarks>
    public static double UpperInverse(double p, double divergence)
    {
        Require.Share(p);
        Require.NotNegativeOrInfinite(divergence);
        if (p == 1 || double.IsPositiveInfinity(divergence))
            return 1;
        if (p == 0)
            return -SmallNumbers.ExpM1(-divergence);
        // Two points above the solution: Pinsker's inequality kl >= 2 (q - p)^2, and kl >= -(entropy of p) - (1 - p) ln(1 - q).
        double entropy = -(p * Math.Log(p)) - ((1 - p) * Math.Log(1 - p));
        double q = Math.Min(p + Math.Sqrt(divergence / 2), -SmallNumbers.ExpM1(-(divergence + entropy) / (1 - p)));
        for (int i = 0; i < MostIterations && q > p && q < 1; i++)
        {
            double excess = Of(p, q) - divergence;
            double next = q - (excess * q * (1 - q) / (q - p));
            if (excess <= 0 || !(next < q))
                break;
            q = Math.Max(next, p);
        }
        return q;
    }

    /// <summary>The smallest q with kl(p || q) &lt;= <paramref name="divergence"/>: the lower bound of a rate.</summary>
    /// <inheritdoc cref="UpperInverse"/>
    public static double LowerInverse(double p, double divergence)
    {
        Require.Share(p);
        return 1 - UpperInverse(1 - p, divergence); // a coin and its other side
    }

    // p ln(p / (p + d)) + d.
    private static double Excess(double p, double d) => p == 0 ? d : p * SmallNumbers.LogExcess(d / p);
}
