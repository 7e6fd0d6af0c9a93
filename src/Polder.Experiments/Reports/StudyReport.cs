using static System.FormattableString;

namespace Polder.Experiments.Reports;

/// <summary>A study as tables: what was chosen, how every method did on every task, and the answers to the questions.</summary>
public static class StudyReport
{
    private static readonly Func<MethodRun, double?> Accuracy = run => run.TestAccuracy, AtBest = run => run.AtBestEpoch?.TestAccuracy;

    /// <summary>Makes the tables of what is done.</summary>
    /// <param name="study">What came of the study.</param>
    /// <param name="folder">Its run folder, which programs get with the result.</param>
    public static Result Of(StudyResult study, string? folder = null)
    {
        ArgumentNullException.ThrowIfNull(study);
        return new Result(new
        {
            Study = study.Design.Name,
            study.Finished,
            study.Cells,
            study.IsComplete,
            Tuning = study.Tried.Select(t => new
            {
                Method = t.Tried.Setting.Entry.Name,
                t.Tried.Setting.LearningRate,
                t.Tried.Setting.Strength,
                t.MeanRank,
                t.IsChosen,
                Scores = t.Tried.Scores.Zip(study.Design.Tasks, (score, task) => new { Task = task.Name, score.Accuracy, score.Loss, score.Diverged }),
            }),
            Groups = Members(study.Groups),
            PerTask = Members(study.PerTask),
            Answers = study.Design.Questions.SelectMany(q => StudyAnswer.Of(q, study, study.Groups, Accuracy)),
            Contrasts = StudyAnswer.Contrasts(study, study.Groups, Accuracy),
            AnswersPerTask = study.Design.Questions.SelectMany(q => StudyAnswer.Of(q, study, study.PerTask, Accuracy)),
            Run = folder,
        })
        {
            Blocks =
            [
                .. Tuning(study), .. Accuracies(study, study.Groups, "accuracy", Accuracy),
                .. Accuracies(study, study.Groups, "accuracy at best epoch", AtBest), .. Figures(study),
                .. Answers(study, study.Groups, "differences"),
                .. Accuracies(study, study.PerTask, "accuracy, a setting a task", Accuracy), .. Answers(study, study.PerTask, "differences, a setting a task"),
                .. StudyFlatness.Of(study), .. StudyDetails.Curvature(study), .. StudyFlatness.BoundsOf(study),
                .. StudyDetails.Ends(study), .. Costs(study), Runs(study), .. Notes(study),
            ],
        };
    }

    private static IEnumerable<object> Members(IReadOnlyList<StudyGroup> groups) => groups.Where(g => g.Runs.Count > 0).Select(g => new
    {
        g.Task,
        Method = g.Setting.Entry.Name,
        g.Setting.LearningRate,
        g.Setting.Strength,
        TestAccuracy = Summary.Of([.. g.Runs.Select(r => r.TestAccuracy)]),
        g.Diverged,
        g.Unmeasured,
    });

    private static IEnumerable<ResultBlock> Tuning(StudyResult study)
    {
        if (study.Tried.Count == 0)
            yield break;
        yield return Invariant($"Tuning: mean validation accuracy in percent over {study.Design.Tuning!.Seeds.Count} seed(s) that are not reported on; ")
            + "the lowest mean rank over the tasks is chosen:";
        yield return ResultTable.Of(
            "tuning",
            ["method", "setting", new("mean rank", "meanRank"), .. study.Design.Tasks.Select(t => new ResultColumn(t.Name)), new("chosen", "isChosen")],
            study.Tried,
            row =>
            [
                row.Tried.Setting.Entry.Name, row.Tried.Setting.Words, ResultCell.Of(row.MeanRank, "F2"),
                .. row.Tried.Scores.Select(s => new ResultCell(
                    (double.IsNaN(s.Accuracy) ? "" : Percent(s.Accuracy)) + (s.Diverged > 0 ? $" ({s.Diverged} diverged)" : ""), s.Accuracy)),
                new(row.IsChosen ? "*" : "", row.IsChosen),
            ]);
    }

    private static IEnumerable<ResultBlock> Accuracies(StudyResult study, IReadOnlyList<StudyGroup> groups, string name, Func<MethodRun, double?> figure)
    {
        if (groups.SelectMany(g => g.Runs).All(r => figure(r) is null))
            yield break;
        yield return name switch
        {
            "accuracy" => "Test accuracy of the weights that the training ends with, in percent, mean +- standard deviation over seeds:",
            "accuracy at best epoch" => "The same of the weights that validation would choose:",
            _ => "Test accuracy with the setting of each task that its own tuning found best:",
        };
        yield return ResultTable.Of(
            name,
            [
                "method", "setting", .. study.Design.Tasks.Select(t => new ResultColumn(t.Name, t.Name, $"{t.Name} standard deviation")),
                new("mean of tasks", "meanOfTasks"),
            ],
            study.Design.Entries.Select(e => (Entry: e, Groups: study.Design.Tasks.Select(t => StudyResult.Of(groups, e.Name, t.Name)).ToArray()))
                .Where(row => row.Groups.Any(g => g is not null)),
            row =>
            {
                Summary?[] summaries = [.. row.Groups.Select(g => SummaryOf(g, figure))];
                string[] settings = [.. row.Groups.OfType<StudyGroup>().Select(g => g.Setting.Words).Distinct()];
                return
                [
                    row.Entry.Name, settings.Length == 1 ? settings[0] : "each its own",
                    .. summaries.Select(s => s is null ? ResultCell.None : ResultCell.Percent(s.Mean, s.StandardDeviation)),
                    summaries.Contains(null) ? ResultCell.None : new(Percent(summaries.Average(s => s!.Mean)), summaries.Average(s => s!.Mean)),
                ];
            });
    }

    private static IEnumerable<ResultBlock> Figures(StudyResult study)
    {
        foreach (StudyTask task in study.Design.Tasks.Where(t => t.Figure is not null))
        {
            StudyGroup[] own = [.. study.Groups.Where(g => g.Task == task.Name && g.Runs.Count > 0)];
            if (own.Length == 0)
                continue;
            yield return $"{task.Name}, {task.Figure} of the test images, mean +- standard deviation over seeds:";
            yield return ResultTable.Of(
                $"{task.Figure} of {task.Name}", ["method", new(task.Figure!, "mean", "standardDeviation")], own,
                    g => SummaryOf(g, run => run.Test.TryGetValue(task.Figure!, out double value) ? value : null) is { } summary
                        ? [g.Setting.Entry.Name, ResultCell.Of(summary.Mean, summary.StandardDeviation, "F3", "F3")] : [g.Setting.Entry.Name, ResultCell.None]);
        }
    }

    private static IEnumerable<ResultBlock> Answers(StudyResult study, IReadOnlyList<StudyGroup> groups, string name)
    {
        StudyDifference[] all = [.. study.Design.Questions.SelectMany(q => StudyAnswer.Of(q, study, groups, Accuracy)).Where(d => d.Test is not null)];
        foreach (ResultBlock block in Differences(study, all, name, "Differences of test accuracy in points, paired by seed", "the question's methods"))
            yield return block;
        foreach (StudyDifference d in all.Where(d => d.Equivalence is { P: not null }))
            yield return (d.Question.Length > 0 ? $"{d.Question}, " : "")
                + Invariant($"{d.Entry} and {d.Other}: {(d.Equivalence!.IsEquivalent ? "equivalent" : "not shown to be equivalent")} within ")
                + Invariant($"{100 * d.Equivalence.Margin:G3} points (two one-sided t-tests over {d.Equivalence.Pairs} pairs: p = {d.Equivalence.P:F3}, ")
                + Invariant($"90 % interval {100 * d.Equivalence.Low:+0.00;-0.00} to {100 * d.Equivalence.High:+0.00;-0.00} points).");
        StudyDifference[] contrasts = [.. StudyAnswer.Contrasts(study, groups, Accuracy).Where(d => d.Test is not null)];
        foreach (ResultBlock block in Differences(study, contrasts, name.Replace("differences", "contrasts", StringComparison.Ordinal),
            "Contrasts of test accuracy in points, the methods weighted as the plan says, paired by seed", "the contrasts"))
            yield return block;
    }

    private static IEnumerable<ResultBlock> Differences(StudyResult study, StudyDifference[] all, string name, string what, string family)
    {
        if (all.Length == 0)
            yield break;
        yield return $"{what}. p: sign-flip permutation test over all tasks and seeds, each task of one weight"
            + (all.All(d => d.Test!.IsExact) ? "" : Invariant($" ({SignFlipTest.Draws} random patterns)")) + $"; Holm: corrected over {family}. "
            + "Mean of tasks, and by task: the mean with its 95 % t interval over seeds:";
        bool pairs = all.Any(d => d.Other.Length > 0), named = all.Any(d => d.Question.Length > 0);
        yield return ResultTable.Of(
            name,
            [
                .. named ? (ResultColumn[])["question"] : [], pairs ? "method" : "contrast", .. pairs ? (ResultColumn[])[new("less", "other")] : [],
                new("mean of tasks", "mean", "low", "high"), "p", new("p (Holm)", "pHolm"), new("tasks above", "above", "tasks"),
                .. study.Design.Tasks.Select(t => new ResultColumn(t.Name, t.Name, $"{t.Name} low", $"{t.Name} high")),
            ],
            all,
            d =>
            [
                .. named ? (ResultCell[])[QuestionOf(d)] : [], d.Entry, .. pairs ? (ResultCell[])[d.Other] : [],
                d.OverSeeds is { } mean ? Interval(mean) : Points(d.Test!.Mean), ResultCell.Of(d.Test!.P, "F3"), ResultCell.Of(d.PHolm, "F3"),
                new ResultCell($"{d.Above} of {d.Differences.Count}", d.Above, d.Differences.Count),
                .. study.Design.Tasks.Select(t => d.On(t.Name) is { } own ? Interval(own) : ResultCell.None),
            ]);
    }

    /// <summary>What a table says of a difference where some questions have names.</summary>
    internal static string QuestionOf(StudyDifference difference) => difference.Question.Length > 0 ? difference.Question : "all tasks";

    private static IEnumerable<ResultBlock> Costs(StudyResult study)
    {
        var rows = study.Design.Entries.Select(e => (e.Name, Runs: study.Groups.Where(g => g.Setting.Entry.Name == e.Name).SelectMany(g => g.Runs).ToArray()))
            .Where(row => row.Runs.Length > 0).ToArray();
        if (rows.Length == 0)
            yield break;
        yield return "Means over all tasks and seeds; gap: test loss less training loss. Seconds, of all that a run does and of its steps alone, depend on "
            + "what else the machine did, the former also on what earlier runs of the process had computed:";
        yield return ResultTable.Of(
            "cost",
            [
                "method", "runs", "gradients", new("images seen", "images"), new("s a run", "seconds"), new("of steps", "secondsOfSteps"),
                new("training loss", "trainLoss"), "gap",
            ],
            rows,
            row =>
            [
                row.Name, row.Runs.Length, ResultCell.Of(row.Runs.Average(r => r.GradientEvaluations), "F0"),
                ResultCell.Of(row.Runs.Average(r => r.Images), "F0"),
                ResultCell.Of(row.Runs.Average(r => r.Seconds), "F1"), ResultCell.Of(row.Runs.Average(r => r.Steps * r.SecondsPerStep), "F1"),
                ResultCell.Of(row.Runs.Average(r => r.TrainLoss), "G3"), ResultCell.Of(row.Runs.Average(r => r.TestLoss - r.TrainLoss), "F3"),
            ]);
    }

    // What the tables above are made of, for programs.
    private static ResultTable Runs(StudyResult study) => ResultTable.Of(
        "runs",
        [
            "task", "method", "setting", "seed", "testAccuracy", "testLoss", "testAccuracyAtBestEpoch", "validationAccuracy", "trainLoss",
            "gradientEvaluations", "seconds", "trace", "topEigenvalue", "traceAtLoss", "topEigenvalueAtLoss", "distance",
        ],
        study.Groups.SelectMany(g => g.Runs, (g, r) => (Group: g, Run: r)),
        row =>
        [
            row.Group.Task, row.Group.Setting.Entry.Name, row.Group.Setting.Words, row.Run.Seed, new("", row.Run.TestAccuracy), new("", row.Run.TestLoss),
            new("", row.Run.AtBestEpoch?.TestAccuracy), new("", row.Run.ValidationAccuracy), new("", row.Run.TrainLoss), row.Run.GradientEvaluations,
            new("", row.Run.Seconds), new("", row.Run.Curvature?.Trace.Value), new("", row.Run.Curvature?.TopEigenvalue.Value),
            new("", row.Run.AtLoss?.Curvature.Trace.Value), new("", row.Run.AtLoss?.Curvature.TopEigenvalue.Value),
            new("", row.Run.Distance),
        ]) with
    { In = ResultPlace.Programs };

    private static IEnumerable<ResultBlock> Notes(StudyResult study)
    {
        foreach (StudyGroup group in study.Groups.Concat(study.PerTask))
            foreach (string line in group.Diverged.Concat(group.Unmeasured))
                yield return new ResultNote($"{group.Task}, {group.Setting.Entry.Name}: {line}") { IsWarning = true };
        if (!study.IsComplete)
            yield return new ResultNote($"The study is not complete: {study.Finished} of the {study.Cells} runs that are known are done.") { IsWarning = true };
    }

    private static Summary? SummaryOf(StudyGroup? group, Func<MethodRun, double?> figure)
    {
        double[] values = [.. group?.Runs.Select(figure).OfType<double>() ?? []];
        return values.Length == 0 ? null : Summary.Of(values);
    }

    private static string Percent(double share) => Invariant($"{100 * share:F1}");

    private static ResultCell Points(double share) => new(Invariant($"{100 * share:+0.0;-0.0;0.0}"), share);

    private static ResultCell Interval(PairedDifference d) => double.IsNaN(d.Low) ? Points(d.Mean)
        : new(Invariant($"{100 * d.Mean:+0.0;-0.0;0.0} ({100 * d.Low:+0.0;-0.0;0.0} to {100 * d.High:+0.0;-0.0;0.0})"), d.Mean, d.Low, d.High);
}
