namespace Polder.Generalization;

/// <summary>
/// PAC-Bayes bounds of the classifier whose weights are W + U, U normal with standard deviation sigma: what its training loss says of its
/// loss on new examples of the same distribution. docs/method.md derives each.
/// </summary>
/// <remarks>
/// They hold with probability at least 1 - delta over the n independent examples of the sample, for all W at once, also a W that was
/// trained on the sample. W0, sigma, beta and delta must not depend on the sample. Losses are averages over U.
/// </remarks>
public static class PacBayes
{
    /// <summary>
    /// KL(N(W, sigma^2 I) || N(W0, sigma^2 I)) = |W - W0|^2 / (2 sigma^2), in nats: what it costs to have moved away from the start.
    /// </summary>
    /// <param name="distance">|W - W0| over all weights that carry noise, at least 0.</param>
    /// <param name="sigma">The standard deviation of the noise, above 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public static double Divergence(double distance, double sigma)
    {
        Require.NotNegativeOrInfinite(distance);
        Require.Positive(sigma);
        double ratio = distance / sigma;
        return ratio * ratio / 2;
    }

    /// <summary>
    /// Upper bound of the expected error: the largest q with kl(empirical || q) &lt;= (divergence + ln(2 sqrt(n) / delta)) / n (A. Maurer,
    /// "A note on the PAC Bayesian theorem", 2004). The tightest here for an error rate.
    /// </summary>
    /// <param name="empirical">The average over U of the error rate, or of another loss between 0 and 1, on the sample.</param>
    /// <param name="divergence">The divergence from the start, in nats (<see cref="Divergence"/>).</param>
    /// <param name="examples">The number n of examples.</param>
    /// <param name="delta">The probability that the bound may fail, between 0 and 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public static double Maurer(double empirical, double divergence, long examples, double delta)
    {
        Require.Share(empirical);
        Check(divergence, examples, delta);
        return BernoulliDivergence.UpperInverse(empirical, (divergence + Math.Log(2 * Math.Sqrt(examples) / delta)) / examples);
    }

    /// <summary>
    /// Upper bound of the expected loss, linear in the empirical one: empirical / beta + C (divergence + ln(1 / delta)) / (2 beta (1 - beta) n)
    /// (O. Catoni, 2007, in the form of D. McAllester, "A PAC-Bayesian tutorial with a dropout bound", 2013).
    /// </summary>
    /// <param name="empirical">The average over U of the loss on the sample, between 0 and <paramref name="largestLoss"/>.</param>
    /// <param name="divergence">The divergence from the start, in nats (<see cref="Divergence"/>).</param>
    /// <param name="examples">The number n of examples.</param>
    /// <param name="delta">The probability that the bound may fail, between 0 and 1.</param>
    /// <param name="beta">How much of the bound is the empirical loss, between 0 and 1; 1/2 weighs the rest least.</param>
    /// <param name="largestLoss">C: no example's loss is larger.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public static double McAllester(double empirical, double divergence, long examples, double delta, double beta = 0.5, double largestLoss = 1)
    {
        CheckLoss(empirical, largestLoss);
        Check(divergence, examples, delta);
        Require.Inside(beta);
        return (empirical / beta) + (largestLoss * (divergence + Math.Log(1 / delta)) / (2 * beta * (1 - beta) * examples));
    }

    /// <summary>
    /// Upper bound of the expected loss that <see cref="McAllester"/> relaxes, never above it and never above C: with lambda = 2 (1 - beta),
    /// C (1 - exp(-lambda empirical / C - (divergence + ln(1 / delta)) / n)) / (1 - exp(-lambda)) (O. Catoni, "PAC-Bayesian supervised
    /// classification", 2007).
    /// </summary>
    /// <inheritdoc cref="McAllester"/>
    public static double Catoni(double empirical, double divergence, long examples, double delta, double beta = 0.5, double largestLoss = 1)
    {
        CheckLoss(empirical, largestLoss);
        Check(divergence, examples, delta);
        Require.Inside(beta);
        double lambda = 2 * (1 - beta);
        double exponent = (lambda * empirical / largestLoss) + ((divergence + Math.Log(1 / delta)) / examples);
        return largestLoss * Math.Min(1, SmallNumbers.ExpM1(-exponent) / SmallNumbers.ExpM1(-lambda));
    }

    /// <summary>
    /// Upper bound of an average over U that was measured by draws: the largest q with kl(mean || q) &lt;= ln(2 / delta) / draws, which
    /// fails with probability at most delta (J. Langford and R. Caruana, "(Not) bounding the true error", 2002).
    /// </summary>
    /// <param name="mean">The mean over the draws of a quantity between 0 and 1.</param>
    /// <param name="draws">The number of independent draws of U.</param>
    /// <param name="delta">The probability that the bound may fail, between 0 and 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public static double DrawsUpperBound(double mean, long draws, double delta)
    {
        Require.Share(mean);
        Require.AtLeast(draws, 1);
        Require.Inside(delta);
        return BernoulliDivergence.UpperInverse(mean, Math.Log(2 / delta) / draws);
    }

    internal static void Check(double divergence, long examples, double delta)
    {
        Require.NotNegativeOrInfinite(divergence);
        Require.AtLeast(examples, 1);
        Require.Inside(delta);
    }

    internal static void CheckLoss(double empirical, double largestLoss)
    {
        Require.Positive(largestLoss);
        Require.That(empirical >= 0 && empirical <= largestLoss, empirical, $"between 0 and the largest loss, {largestLoss}");
    }
}
