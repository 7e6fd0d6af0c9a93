namespace Polder.Generalization;

/// <summary>
/// A bound of the expected loss of W itself, without noise, from the trace of the Hessian and the distance to the start: the paper's form
/// (H. R. Zhang, D. Li and H. Ju, TMLR 2024). Unlike <see cref="PacBayes"/> it needs assumptions that no sample can check.
/// </summary>
/// <remarks>
/// <para>
/// L(W) &lt;= Lhat(W) / beta + (sigma^2 / 2) ((1/beta - 1) alpha + tau) + (1/beta - 1) R + C (r^2 / (2 sigma^2) + ln(1 / delta)) / (2 beta (1 - beta) n),
/// with r = |W - W0| and R the remainder of the sample, E Lhat(W + sigma U) - Lhat(W) - (sigma^2 / 2) alpha. docs/method.md derives it.
/// </para>
/// <para>
/// Assumptions: the loss is bounded by C and three times differentiable; the trace of the sample's Hessian at W is at most alpha; the
/// trace of the distribution's Hessian at W is below alpha by at most tau, and its remainder not below the sample's.
/// </para>
/// </remarks>
/// <param name="Value">The bound: the sum of the five terms.</param>
/// <param name="LossTerm">Lhat(W) / beta.</param>
/// <param name="TraceTerm">(sigma^2 / 2) ((1/beta - 1) alpha + tau).</param>
/// <param name="RemainderTerm">(1/beta - 1) R.</param>
/// <param name="DistanceTerm">C r^2 / (4 beta (1 - beta) n sigma^2).</param>
/// <param name="ConfidenceTerm">C ln(1 / delta) / (2 beta (1 - beta) n).</param>
public sealed record HessianBound(double Value, double LossTerm, double TraceTerm, double RemainderTerm, double DistanceTerm, double ConfidenceTerm)
{
    /// <summary>The bound at a given sigma.</summary>
    /// <param name="loss">Lhat(W): the loss of W on the sample, between 0 and the largest loss.</param>
    /// <param name="trace">alpha: the trace of the Hessian, at least 0.</param>
    /// <param name="distance">r = |W - W0|, at least 0.</param>
    /// <param name="sigma">The standard deviation of the noise that the proof uses, above 0, chosen before the sample is seen.</param>
    /// <param name="examples">The number n of examples.</param>
    /// <param name="delta">The probability that the bound may fail, between 0 and 1.</param>
    /// <param name="beta">Between 0 and 1.</param>
    /// <param name="largestLoss">C: no example's loss is larger.</param>
    /// <param name="traceGap">tau: how far the distribution's trace may lie below alpha, at least 0.</param>
    /// <param name="remainder">R, measured by draws of U; 0 neglects it.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public static HessianBound At(
        double loss, double trace, double distance, double sigma, long examples, double delta, double beta = 0.5, double largestLoss = 1,
        double traceGap = 0, double remainder = 0)
    {
        PacBayes.CheckLoss(loss, largestLoss);
        PacBayes.Check(PacBayes.Divergence(distance, sigma), examples, delta);
        Require.NotNegativeOrInfinite(trace);
        Require.NotNegativeOrInfinite(traceGap);
        Require.Finite(remainder);
        Require.Inside(beta);
        double weight = largestLoss / (2 * beta * (1 - beta) * examples);
        double lossTerm = loss / beta;
        double traceTerm = sigma * sigma / 2 * ((((1 / beta) - 1) * trace) + traceGap);
        double remainderTerm = ((1 / beta) - 1) * remainder;
        double distanceTerm = weight * PacBayes.Divergence(distance, sigma);
        double confidenceTerm = weight * Math.Log(1 / delta);
        return new HessianBound(
            lossTerm + traceTerm + remainderTerm + distanceTerm + confidenceTerm, lossTerm, traceTerm, remainderTerm, distanceTerm, confidenceTerm);
    }

    /// <summary>
    /// The sigma that makes trace and distance term equal, and so their sum least (tau = 0): sigma^2 = (r / (1 - beta)) sqrt(C / (2 alpha n)).
    /// </summary>
    /// <remarks>It depends on the sample through W: a bound may use it only by way of a grid of sigmas that was fixed before.</remarks>
    /// <param name="trace">alpha, above 0.</param>
    /// <param name="distance">r = |W - W0|, at least 0.</param>
    /// <param name="examples">The number n of examples.</param>
    /// <param name="beta">Between 0 and 1.</param>
    /// <param name="largestLoss">C: no example's loss is larger.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public static double OptimalSigma(double trace, double distance, long examples, double beta = 0.5, double largestLoss = 1)
    {
        Require.Positive(trace);
        Require.NotNegativeOrInfinite(distance);
        Require.AtLeast(examples, 1);
        Require.Inside(beta);
        Require.Positive(largestLoss);
        return Math.Sqrt(distance / (1 - beta) * Math.Sqrt(largestLoss / (2 * trace * examples)));
    }

    /// <summary>Trace and distance term together at the best sigma: (1 / beta) sqrt(C alpha r^2 / (2 n)).</summary>
    /// <param name="trace">alpha, at least 0.</param>
    /// <param name="distance">r = |W - W0|, at least 0.</param>
    /// <param name="examples">The number n of examples.</param>
    /// <param name="beta">Between 0 and 1.</param>
    /// <param name="largestLoss">C: no example's loss is larger.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public static double MainTerm(double trace, double distance, long examples, double beta = 0.5, double largestLoss = 1) =>
        MainTerm([trace], [distance], examples, beta, largestLoss);

    /// <summary>
    /// The same with a best sigma of its own in each layer: (1 / beta) sqrt(C / (2 n)) sum_l r_l sqrt(alpha_l). By Cauchy and Schwarz never more
    /// than <see cref="MainTerm(double, double, long, double, double)"/> of the whole.
    /// </summary>
    /// <param name="traces">alpha_l: the trace of each layer's block, at least 0.</param>
    /// <param name="distances">r_l: the distance of each layer from its start, at least 0, in the same order.</param>
    /// <param name="examples">The number n of examples.</param>
    /// <param name="beta">Between 0 and 1.</param>
    /// <param name="largestLoss">C: no example's loss is larger.</param>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public static double MainTerm(
        IReadOnlyList<double> traces, IReadOnlyList<double> distances, long examples, double beta = 0.5, double largestLoss = 1)
    {
        ArgumentNullException.ThrowIfNull(traces);
        ArgumentNullException.ThrowIfNull(distances);
        if (traces.Count != distances.Count)
            throw new ArgumentException($"there are {traces.Count} traces and {distances.Count} distances: each layer has one of both", nameof(distances));
        Require.AtLeast(examples, 1);
        Require.Inside(beta);
        Require.Positive(largestLoss);
        double sum = 0;
        for (int layer = 0; layer < traces.Count; layer++)
        {
            double trace = traces[layer], distance = distances[layer];
            Require.NotNegativeOrInfinite(trace);
            Require.NotNegativeOrInfinite(distance);
            sum += distance * Math.Sqrt(trace);
        }
        return sum * Math.Sqrt(largestLoss / (2.0 * examples)) / beta;
    }
}
