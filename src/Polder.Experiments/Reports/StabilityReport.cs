using static System.FormattableString;

namespace Polder.Experiments.Reports;

/// <summary>Noise stability as a table: how much noise on the weights raises the loss, beside what the Hessian's trace says.</summary>
public static class StabilityReport
{
    /// <summary>Makes the report.</summary>
    /// <param name="gap">The rise of the loss.</param>
    /// <param name="samples">The images.</param>
    /// <param name="parameters">The weights that carry noise.</param>
    /// <param name="trace">The trace of the Hessian; null where it was left out.</param>
    /// <param name="sharpness">Adaptive sharpness; null where it was left out.</param>
    public static Result Of(NoiseGapResult gap, int samples, long parameters, TraceEstimate? trace, MeasuredSharpness? sharpness)
    {
        ArgumentNullException.ThrowIfNull(gap);
        return new Result(new
        {
            gap.Loss,
            Samples = samples,
            Parameters = parameters,
            gap.Draws,
            Trace = trace is null ? null : new { trace.Value, trace.StandardError, trace.Products, trace.Estimator },
            Sharpness = sharpness,
            Results = gap.Points.Select(p => new
            {
                p.Sigma,
                Gap = p.Gap.Value,
                p.Gap.StandardError,
                HalfSigmaSquaredTrace = trace is null ? (double?)null : p.SecondOrder(trace.Value),
            }),
        })
        {
            Blocks =
            [
                ResultTable.Of(
                    "sigmas",
                    ["sigma", new("F(W) - f(W)", "gap", "standardError"), new("sigma^2/2 Tr H", "halfSigmaSquaredTrace", "halfSigmaSquaredTraceStandardError")],
                    gap.Points,
                    p => [ResultCell.Of(p.Sigma, "G3"), Words(p.Gap),
                        trace is null ? ResultCell.None : Words(new MeanEstimate(p.SecondOrder(trace.Value), p.SecondOrder(trace.StandardError), 0))]),
                Invariant($"f(W) = {gap.Loss:G5}, the mean cross entropy of {samples} images; F(W) its average over {gap.Draws} draws, +- a standard error."),
                .. trace is null
                    ? (ResultBlock[])[]
                    : [Invariant($"Tr H = {trace.Value:G5} +- {trace.StandardError:G2} from {trace.Products} Hessian-vector products ({trace.Estimator}).")],
                .. sharpness is null
                    ? (ResultBlock[])[]
                    : [Invariant($"Adaptive sharpness at rho {sharpness.Radius:G3}: average case {sharpness.Average:G3} +- {sharpness.StandardError:G2}, ")
                        + Invariant($"worst case found {sharpness.WorstCase:G3}.")],
            ],
        };
    }

    private static ResultCell Words(MeanEstimate value) => ResultCell.Of(value.Value, value.StandardError, "G4", "G2");
}
