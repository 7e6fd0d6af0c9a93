using static System.FormattableString;

namespace Polder.Experiments.Reports;

/// <summary>How flat the methods of a study end, as ratios, and whether that orders them as their test errors do.</summary>
internal static class StudyFlatness
{
    private static readonly (string Name, Func<MethodRun, double?> Of)[] Figures =
    [
        ("trace", run => Log(run.Curvature?.Trace.Value)),
        ("top eigenvalue", run => Log(run.Curvature?.TopEigenvalue.Value)),
        ("scaled trace", run => Log(run.Curvature?.ScaledTrace)),
        ("adaptive sharpness", run => Log(run.Curvature?.Sharpness?.Value)),
        ("trace, best epoch", run => Log(run.AtBestEpoch?.Curvature?.Trace.Value)),
        ("top eigenvalue, best epoch", run => Log(run.AtBestEpoch?.Curvature?.TopEigenvalue.Value)),
        ("trace at equal loss", run => Log(run.AtLoss?.Curvature.Trace.Value)),
        ("top eigenvalue at equal loss", run => Log(run.AtLoss?.Curvature.TopEigenvalue.Value)),
        ("distance of the body", run => Log(run.Distance)),
        ("main term of the bound", run => Log(run.Bound?.MainTerm)),
    ];

    /// <summary>The tables; none where nothing was measured.</summary>
    public static IEnumerable<ResultBlock> Of(StudyResult study)
    {
        var rows = Figures.SelectMany(
            _ => study.Design.Questions,
            (figure, question) => (figure.Name, Differences: StudyAnswer.Of(question, study, study.Groups, figure.Of)))
            .SelectMany(row => row.Differences, (row, d) => (row.Name, Difference: d)).Where(row => row.Difference.Test is not null).ToArray();
        if (rows.Length == 0)
            yield break;
        bool named = rows.Any(row => row.Difference.Question.Length > 0);
        bool measured = study.Groups.SelectMany(g => g.Runs).Any(r => r.Curvature is not null);
        yield return (measured ? $"Traces and eigenvalues are those of the Hessian of the training loss in {WeightsOf(study)}, with the same images and "
            + "probes for all methods of a seed. " : "") + "Ratios of geometric means, paired by seed, with 95 % t intervals of their logarithms:";
        yield return ResultTable.Of(
            "flatness",
            [
                "figure", .. named ? (ResultColumn[])["question"] : [], "method", new("beside", "other"), new("ratio", "logRatio", "low", "high"), "p",
                new("p (Holm)", "pHolm"),
                .. study.Design.Tasks.Select(t => new ResultColumn(t.Name, t.Name, $"{t.Name} low", $"{t.Name} high")),
            ],
            rows,
            row =>
            [
                row.Name, .. named ? (ResultCell[])[StudyReport.QuestionOf(row.Difference)] : [], row.Difference.Entry, row.Difference.Other,
                row.Difference.OverSeeds is { } mean ? Interval(mean) : Ratio(row.Difference.Test!.Mean), ResultCell.Of(row.Difference.Test!.P, "F3"),
                ResultCell.Of(row.Difference.PHolm, "F3"),
                .. study.Design.Tasks.Select(t => row.Difference.On(t.Name) is { } own ? Interval(own) : ResultCell.None),
            ]);
        var order = Figures.SelectMany(
            figure => StudyAnswer.Order(study, figure.Of, run => 1 - run.TestAccuracy), (figure, tau) => (figure.Name, tau)).ToArray();
        if (order.Length == 0)
            yield break;
        yield return "Kendall's tau of the figure with the test error over the methods' means: 1 where the flatter method has always fewer errors:";
        yield return ResultTable.Of(
            "order", ["figure", "task", "methods", new("Kendall's tau", "tau")], order,
            row => [row.Name, row.tau.Task, row.tau.Methods, ResultCell.Of(row.tau.Tau, "F2")]);
    }

    /// <summary>What PAC-Bayes says of the methods; none where it was not measured.</summary>
    public static IEnumerable<ResultBlock> BoundsOf(StudyResult study)
    {
        var rows = study.Groups.Select(group => (Group: group, Runs: group.Runs.Where(r => r.Bound is not null).ToArray())).Where(row => row.Runs.Length > 0)
            .ToArray();
        if (rows.Length == 0)
            yield break;
        yield return "What the training images alone say of the error on new ones (PAC-Bayes), means over seeds. Distance is that of all trained weights from "
            + "the start of the training, with its random head. A bound that is not below the error of a guess says nothing; the main term, of the trace "
            + "and the distance, orders methods where the bound does not:";
        yield return ResultTable.Of(
            "bounds",
            [
                "task", "method", "runs", "distance", new("main term", "mainTerm"), new("bound of the error", "errorBound"), new("guess", "guessError"),
                new("test error", "testError"), new("say nothing", "vacuous"),
            ],
            rows,
            row =>
            [
                row.Group.Task, row.Group.Setting.Entry.Name, row.Runs.Length, Mean(row.Runs, r => r.Bound!.Distance, "F2"),
                Mean(row.Runs, r => r.Bound!.MainTerm, "F2"),
                Mean(row.Runs, r => r.Bound!.ErrorBound, "P1"), Mean(row.Runs, r => r.Bound!.GuessError, "P1"), Mean(row.Runs, r => 1 - r.TestAccuracy, "P1"),
                row.Runs.Count(r => r.Bound!.ErrorBound >= r.Bound.GuessError),
            ]);
    }

    private static string WeightsOf(StudyResult study)
    {
        WeightCurvatureOptions options = study.Design.Curvature?.Options ?? new();
        return (options.AllParameters ? "all parameters, frozen ones, too, " : "the trained weights, ")
            + (options.Augmentation == Augmentation.None ? "without augmentation" : "with augmentation, each image once");
    }

    private static ResultCell Mean(IReadOnlyList<MethodRun> runs, Func<MethodRun, double> figure, string format) =>
        ResultCell.Of(runs.Average(figure), format);

    private static double? Log(double? value) => value is > 0 ? Math.Log(value.Value) : null;

    private static ResultCell Ratio(double log) => new(Invariant($"{Math.Exp(log):F2}"), log);

    private static ResultCell Interval(PairedDifference d) => double.IsNaN(d.Low) ? Ratio(d.Mean)
        : new(Invariant($"{Math.Exp(d.Mean):F2} ({Math.Exp(d.Low):F2} to {Math.Exp(d.High):F2})"), d.Mean, d.Low, d.High);
}
