namespace Polder.Methods;

/// <summary>
/// Follows the sigma whose penalty P = (sigma^2 / 2) sum c_i^2 H_ii is a given share of F (<see cref="Sigma.Auto"/>): log sigma^2 moves towards
/// log(sigma^2 share F / P) by at most 1 % of sigma^2 a step.
/// </summary>
/// <remarks>
/// A flatter point asks for a larger sigma, which makes it flatter: positive feedback. So the move is slow, it rests while the slow mean
/// of the trace is not above two of its standard errors, and sigma stays between a tenth and ten times the start.
/// </remarks>
internal static class SigmaBudget
{
    private const string LogVarianceName = "sigma.logVariance", TracePrefix = "sigma.trace.";
    private const double LeastBatches = 5, LargestMove = 0.00995; // ln 1.01
    private const double Reach = 10;

    /// <summary>The sigma of the next step.</summary>
    public static double Current(MethodState state, double start) =>
        state.Scalars.TryGetValue(LogVarianceName, out double logVariance) ? Math.Exp(logVariance / 2) : start;

    /// <summary>Takes in what a step has seen.</summary>
    public static void Follow(MethodState state, CurvatureSample? seen, double start, double share)
    {
        if (seen is null)
        {
            throw new InvalidOperationException(
                "Sigma.Auto reads the curvature of the steps, and nothing was measured: leave MeasureCurvature on, with a runner that moves the parameters");
        }
        double variance = seen.Sigma * seen.Sigma;
        if (!double.IsFinite(seen.Penalty) || !double.IsFinite(seen.PairLoss))
            return;
        var slow = new SlowMean(state.Scalars, TracePrefix);
        slow.Add(2 * seen.Penalty / variance, seen.PairLoss);
        double trace = slow.Mean, loss = slow.Companion;
        if (slow.Batches < LeastBatches || !(trace > 2 * slow.StandardError) || !(trace > 0 && loss > 0))
            return;
        double from = 2 * Math.Log(start), now = state.Scalars.TryGetValue(LogVarianceName, out double known) ? known : from;
        double move = Math.Clamp(Math.Log(2 * share * loss / trace) - now, -LargestMove, LargestMove);
        state.Scalars[LogVarianceName] = Math.Clamp(now + move, from - (2 * Math.Log(Reach)), from + (2 * Math.Log(Reach)));
    }
}
