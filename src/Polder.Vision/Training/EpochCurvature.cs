namespace Polder.Vision.Training;

/// <summary>
/// What NSO's own pairs showed of the Hessian over an epoch (<see cref="CurvatureMeter"/>): of the mini-batches' loss in training mode,
/// along the moving weights.
/// </summary>
/// <param name="Trace">The trace over all weights that have noise.</param>
/// <param name="TraceStandardError">Its standard error; NaN where the epoch has too few steps.</param>
/// <param name="FrobeniusNorm">
/// The Frobenius norm; null where it could not be seen, and in bf16, whose rounding of the gradients shifts it (docs/results/bf16.md).
/// </param>
/// <param name="LossTrace">
/// The trace from the losses, of half the bias; null where the steps do not evaluate f(W), and in bf16, whose rounding of the three losses weighs
/// 1 / sigma^2 (docs/results/bf16.md).
/// </param>
/// <param name="LossTraceStandardError">Its standard error.</param>
/// <param name="Steps">The steps with pairs.</param>
/// <param name="Sigma">The sigma of the epoch's last step.</param>
/// <param name="Parameters">The trace by parameter, in the optimizer's order.</param>
public sealed record EpochCurvature(
    double Trace, double TraceStandardError, double? FrobeniusNorm, double? LossTrace, double? LossTraceStandardError, long Steps, double Sigma,
    IReadOnlyList<ParameterTrace> Parameters)
{
    /// <summary>What an optimizer's meter shows; null where no step had pairs.</summary>
    internal static EpochCurvature? Of(FlatMinimaOptimizer optimizer, ImageClassifier model, Precision precision)
    {
        CurvatureMeter meter = optimizer.Curvature;
        if (meter.Count == 0)
            return null;
        Dictionary<Parameter, string> names = model.NamesOfParameters();
        MeanEstimate trace = meter.Trace, norm = meter.FrobeniusNorm, loss = meter.LossTrace;
        bool exact = precision == Precision.F32, fromLosses = loss.Count > 0 && exact;
        return new EpochCurvature(
            trace.Value, trace.StandardError, norm.Count > 0 && exact ? norm.Value : null, fromLosses ? loss.Value : null,
            fromLosses ? loss.StandardError : null,
            trace.Count, meter.Sigma,
            [.. meter.TraceByParameter.Zip(optimizer.Space.Parameters, (t, p) => new ParameterTrace(names[p], t.Value, t.StandardError))]);
    }

    /// <summary>Equal where all numbers are, those of the parameters included.</summary>
    public bool Equals(EpochCurvature? other) =>
        other is not null
        && (Trace, TraceStandardError, FrobeniusNorm, LossTrace, LossTraceStandardError, Steps, Sigma)
            .Equals((other.Trace, other.TraceStandardError, other.FrobeniusNorm, other.LossTrace, other.LossTraceStandardError, other.Steps, other.Sigma))
        && Parameters.SequenceEqual(other.Parameters);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Trace, Steps, Parameters.Count);
}

/// <summary>The part of the trace that belongs to one parameter.</summary>
/// <param name="Name">The parameter's name in the model.</param>
/// <param name="Trace">The sum of its diagonal elements of the Hessian.</param>
/// <param name="StandardError">The standard error; large beside the trace for small layers next to large ones.</param>
public sealed record ParameterTrace(string Name, double Trace, double StandardError);
