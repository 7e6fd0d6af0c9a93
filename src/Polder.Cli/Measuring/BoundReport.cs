namespace Polder.Cli.Measuring;

/// <summary>A bound as tables and as the members of its JSON result: every term by name.</summary>
internal static class BoundReport
{
    /// <param name="result">A result with at least one measured sigma.</param>
    /// <param name="loss">The loss that is bounded.</param>
    /// <param name="form">The bound of the network itself; null where the trace was left out.</param>
    /// <param name="premises">What the bound rests on.</param>
    public static Result Of(
        BoundResult result, BoundedCrossEntropy loss, HessianForm? form, IReadOnlyList<Premise> premises) => new(Members(result, loss, form, premises))
        {
            Blocks =
        [
            Sigmas(result),
            $"Training error {result.Clean.ErrorRate:P1}, loss {result.Clean.Loss:F3} of at most {loss.LargestLoss:F3}; "
            + $"n = {result.Sample.Examples}, distance from the start {result.Distance:G4}.",
            $"With confidence {result.Confidence:P1} the network with noise of sigma {result.Best!.Sigma:G3} "
            + $"on its weights errs on at most {result.Value:P1} of new images.",
            .. result.IsVacuous ? (ResultBlock[])[$"The bound is vacuous: a guess errs on {result.GuessError:P1}."] : [],
            .. form is null ? [] : OfNetwork(form, loss),
            .. premises.Select(Line),
        ],
        };

    private static ResultTable Sigmas(BoundResult result) => ResultTable.Of(
        "sigmas",
        [
            "sigma", new("KL / n", "divergencePerExample"), new("noisy error, %", "noisyError", "noisyErrorStandardError"),
            new("at most, %", "noisyErrorUpper"),
            new("error bound, %", "errorBound", "leastErrorBound"), new("noisy loss", "noisyLoss"), new("loss bound", "lossBound"),
        ],
        result.Points,
        point =>
        {
            double divergence = point.Divergence / result.Sample.Examples;
            return point.Measured is { } m
                ?
                [
                    ResultCell.Of(point.Sigma, "G3"), ResultCell.Of(divergence, "G3"), ResultCell.Percent(m.Error.Value, m.Error.StandardError),
                    new($"{100 * m.ErrorUpper:F1}", m.ErrorUpper),
                    new($"{100 * m.ErrorBound:F1}", m.ErrorBound, point.LeastErrorBound), ResultCell.Of(m.Loss.Value, "F3"), ResultCell.Of(m.LossBound, "F3"),
                ]
                :
                [
                    ResultCell.Of(point.Sigma, "G3"), ResultCell.Of(divergence, "G3"), ResultCell.None, ResultCell.None,
                    new($"> {100 * point.LeastErrorBound:F1}", null, point.LeastErrorBound), ResultCell.None, ResultCell.None,
                ];
        });

    private static IEnumerable<ResultBlock> OfNetwork(HessianForm form, BoundedCrossEntropy loss)
    {
        yield return ResultTable.Of(
            "layers",
            ["layer", new("distance r", "distance"), new("trace", "trace", "traceStandardError"), new("r^T H r", "distanceMeasure")],
            form.Way.Layers.Zip(form.Trace.Blocks, (layer, block) => (Layer: layer, block.Trace)),
            row =>
            [
                row.Layer.Layer.Name, ResultCell.Of(row.Layer.Distance, "G3"), ResultCell.Of(row.Trace.Value, row.Trace.StandardError, "G3", "G2"),
                ResultCell.Of(row.Layer.Curvature, "G3"),
            ]);
        string best = double.IsNaN(form.OptimalSigma)
            ? "the trace is not above 0, so no sigma is optimal"
            : $"the optimal sigma is {form.OptimalSigma:G3}, the main term {form.MainTerm:F3}, {form.MainTermByLayer:F3} with a sigma for each layer";
        yield return $"Trace of the Hessian {form.Trace.Value:G4} +- {form.Trace.StandardError:G2}, r^T H r {form.Way.Value:G4}: {best}.";
        HessianBound bound = form.Best.Bound;
        yield return
            $"Of the network itself, under assumptions (docs/method.md): loss at most {bound.Value:F3} = {bound.LossTerm:F3} loss + {bound.TraceTerm:F3} trace "
            + $"{(bound.RemainderTerm < 0 ? "-" : "+")} {Math.Abs(bound.RemainderTerm):F3} remainder + {bound.DistanceTerm:F3} distance "
            + $"+ {bound.ConfidenceTerm:F3} confidence, at sigma {form.Best.Sigma:G3}"
            + $"{(bound.Value < loss.GuessLoss ? "" : $"; vacuous: a guess has {loss.GuessLoss:F3}")}.";
    }

    private static ResultNote Line(Premise premise)
    {
        string line = $"{premise.Name}: {premise.Detail}";
        return premise.Holds == false ? new ResultNote($"premise violated, so the bound is not proven: {line}") { IsWarning = true } : new ResultNote(line);
    }

    private static object Members(BoundResult result, BoundedCrossEntropy loss, HessianForm? form, IReadOnlyList<Premise> premises)
    {
        SigmaBound best = result.Best!;
        MeasuredBound m = best.Measured!;
        return new
        {
            result.Value,
            Vacuous = result.IsVacuous,
            result.GuessError,
            result.Confidence,
            best.Sigma,
            best.Divergence,
            result.Distance,
            Count = result.Sample.Examples,
            result.Sample.Classes,
            TrainingError = result.Clean.ErrorRate,
            TrainingLoss = result.Clean.Loss,
            NoisyError = m.Error.Value,
            NoisyErrorStandardError = m.Error.StandardError,
            NoisyErrorUpper = m.ErrorUpper,
            NoisyLoss = m.Loss.Value,
            NoisyLossUpper = m.LossUpper,
            m.LossBound,
            m.LinearLossBound,
            loss.LargestLoss,
            loss.GuessLoss,
            Grid = result.Points.Select(p => new
            {
                p.Sigma,
                p.Divergence,
                p.LeastErrorBound,
                NoisyError = p.Measured?.Error.Value,
                NoisyErrorStandardError = p.Measured?.Error.StandardError,
                NoisyErrorUpper = p.Measured?.ErrorUpper,
                p.Measured?.ErrorBound,
                NoisyLoss = p.Measured?.Loss.Value,
                NoisyLossUpper = p.Measured?.LossUpper,
                p.Measured?.LossBound,
                p.Measured?.LinearLossBound,
                HalfSigmaSquaredTrace = form is null ? (double?)null : p.Sigma * p.Sigma / 2 * form.Trace.Value,
            }),
            Hessian = form is null ? null : Members(form),
            Premises = premises,
        };
    }

    private static object Members(HessianForm form) => new
    {
        Trace = TraceMeasurement.Describe(form.Trace),
        form.OptimalSigma,
        form.MainTerm,
        form.MainTermByLayer,
        DistanceMeasure = form.Way.Value,
        form.Best.Bound.Value,
        form.Best.Sigma,
        form.Best.Remainder,
        form.Best.Bound.LossTerm,
        form.Best.Bound.TraceTerm,
        form.Best.Bound.RemainderTerm,
        form.Best.Bound.DistanceTerm,
        form.Best.Bound.ConfidenceTerm,
        HessianForm.Assumptions,
        Layers = form.Way.Layers.Zip(form.Trace.Blocks, (layer, block) => new
        {
            layer.Layer.Name,
            Parameters = layer.Layer.Count,
            layer.Distance,
            Trace = block.Trace.Value,
            TraceStandardError = block.Trace.StandardError,
            DistanceMeasure = layer.Curvature,
        }),
    };
}
