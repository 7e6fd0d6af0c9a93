using static System.FormattableString;

namespace Polder.Experiments.Reports;

/// <summary>A comparison of methods as tables: test accuracy and, where it was measured, curvature, with paired differences to the base optimizer.</summary>
public static class ComparisonReport
{
    /// <summary>Characters that the table with all columns needs.</summary>
    private const int WideTable = 140;

    private static readonly (string Name, Func<MethodRun, double?> Of)[] Figures =
    [
        ("trace", run => run.Curvature?.Trace.Value),
        ("top eigenvalue", run => run.Curvature?.TopEigenvalue.Value),
        ("trace at equal loss", run => run.AtLoss?.Curvature.Trace.Value),
        ("top eigenvalue at equal loss", run => run.AtLoss?.Curvature.TopEigenvalue.Value),
    ];

    /// <summary>Makes the report.</summary>
    /// <param name="comparison">The comparison.</param>
    /// <param name="baseName">What tables call the base optimizer alone.</param>
    /// <param name="folder">The run folder; null without one.</param>
    public static Result Of(ComparisonResult comparison, string baseName, string? folder = null)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        IReadOnlyList<MethodRuns> results = comparison.Methods;
        IReadOnlyList<PairedDifference?> differences = comparison.Differences();
        IReadOnlyList<PairedDifference?>[] curvature = Array.ConvertAll(Figures, figure => comparison.Differences(figure.Of));
        ResultBlock[] blocks = results.Count == 0 ? []
            : [.. Accuracy(results, differences, baseName), .. Curvature(results, curvature, baseName), Runs(results)];
        return new Result(new
        {
            comparison.Task,
            Results = results.Select((r, i) => new
            {
                r.Method,
                r.Label,
                Options = r.Options.ToDictionary(o => ResultJson.MemberName(o.Key), o => o.Value),
                r.Runs,
                r.StepTime,
                r.TestAccuracy,
                DifferenceToBase = differences[i],
                Trace = r.SummaryOf(Figures[0].Of),
                TraceDifferenceToBase = curvature[0][i],
                TopEigenvalue = r.SummaryOf(Figures[1].Of),
                TopEigenvalueDifferenceToBase = curvature[1][i],
                AtBestEpoch = r.SummaryOf(run => run.AtBestEpoch?.TestAccuracy),
                TraceAtLoss = r.SummaryOf(Figures[2].Of),
                TraceAtLossDifferenceToBase = curvature[2][i],
                TopEigenvalueAtLoss = r.SummaryOf(Figures[3].Of),
                TopEigenvalueAtLossDifferenceToBase = curvature[3][i],
            }),
            comparison.Diverged,
            comparison.Unmeasured,
            Run = folder,
        })
        {
            // A narrow terminal shows what the comparison is for, unbroken, and the options below it.
            WideFrom = WideTable,
            Blocks = [.. blocks, .. Warnings(comparison).Select(line => new ResultNote(line) { IsWarning = true })],
        };
    }

    private static IEnumerable<ResultBlock> Accuracy(IReadOnlyList<MethodRuns> results, IReadOnlyList<PairedDifference?> differences, string baseName)
    {
        const ResultPlace roomy = ResultPlace.Wide | ResultPlace.Programs;
        bool last = results.Any(r => r.SummaryOf(run => run.AtBestEpoch?.TestAccuracy) is not null);
        yield return ResultTable.Of(
            "accuracy",
            [
                new("method") { In = roomy },
                new("method", "label") { In = ResultPlace.Narrow | ResultPlace.Programs },
                new("options") { In = roomy },
                new("runs") { In = ResultPlace.Programs },
                new("test accuracy", "testAccuracy", "testAccuracyStandardDeviation") { ShortTitle = "test", Unbroken = true },
                .. DifferenceColumns(),
                .. last
                    ? (ResultColumn[])
                    [
                        new("at best epoch", "testAccuracyAtBestEpoch", "testAccuracyAtBestEpochStandardDeviation") { In = roomy, Unbroken = true },
                    ]
                    : [],
                new("validation", "validationAccuracy", "validationAccuracyStandardDeviation") { In = roomy },
                new("gradients", "gradientEvaluations") { In = roomy },
                new("s a run", "seconds") { In = roomy },
            ],
            results.Index(),
            entry =>
            {
                (int i, MethodRuns runs) = entry;
                PairedDifference? difference = runs.Method == "base" ? null : differences[i];
                return
                [
                    new(runs.Method == "base" ? baseName : runs.Method, runs.Method), new(LabelOf(runs, baseName), runs.Label), Words(runs), runs.Runs.Count,
                    Percent(runs.TestAccuracy), .. DifferenceCells(difference, d => Invariant($"{100 * d:+0.0;-0.0;0.0}"), ""),
                    .. last ? (ResultCell[])[runs.SummaryOf(run => run.AtBestEpoch?.TestAccuracy) is { } best ? Percent(best) : ResultCell.None] : [],
                    Percent(runs.ValidationAccuracy), ResultCell.Of(runs.Runs.Average(r => r.GradientEvaluations), "F0"),
                    ResultCell.Of(runs.Runs.Average(r => r.Seconds), "F1"),
                ];
            });
        foreach (MethodRuns runs in results.Where(r => r.Options.Count > 0))
            yield return new ResultNote($"{runs.Label}: {Words(runs)}") { In = ResultPlace.Narrow };
        if (results.Any(r => r.StepTime is not null))
            yield return "Equal seconds of training: " + string.Join(", ", results.Where(r => r.StepTime is not null).Select(r =>
                Invariant($"{r.Label} {r.Runs[0].Steps} steps (one measured as {r.StepTime!.Seconds / r.StepTime.BaseSeconds:F2} of {baseName}'s)")))
                + "; measured anew, the numbers may differ.";
        // At equal gradients the methods may have seen unequal numbers of images.
        long[] images = [.. results.Select(r => (long)r.Runs.Average(run => run.Images))];
        if (images.Min() > 0 && images.Distinct().Count() > 1)
            yield return "Images seen in a run: " + string.Join(", ", results.Zip(images, (r, seen) => Invariant($"{LabelOf(r, baseName)} {seen}"))) + ".";
        yield return "Accuracy in percent, mean +- standard deviation over seeds; differences are paired by seed, in points."
            + (last ? " Test accuracy is of the last epoch's weights; at best epoch: of those that validation would choose." : "");
        if (differences.Any(d => d?.PHolm is not null))
            yield return "p: paired t-test; Holm: corrected over the methods compared with base. Intervals and p cover the seeds, not the test sample.";
    }

    private static IEnumerable<ResultBlock> Curvature(IReadOnlyList<MethodRuns> results, IReadOnlyList<PairedDifference?>[] differences, string baseName)
    {
        WeightCurvature[] measured = [.. results.SelectMany(r => r.Runs).Select(r => r.Curvature).OfType<WeightCurvature>()];
        if (measured.Length == 0)
            yield break;
        yield return ResultTable.Of(
            "curvature",
            [
                new("curvature", "figure") { Unbroken = true }, new("method", "method", "label"), new("mean", "mean", "standardError") { Unbroken = true },
                .. DifferenceColumns(),
            ],
            Figures.Index().SelectMany(
                _ => results.Index(),
                (figure, runs) => (Figure: figure.Index, figure.Item.Name, Runs: runs.Item, Summary: runs.Item.SummaryOf(figure.Item.Of), Method: runs.Index))
                .Where(row => row.Summary is not null),
            row =>
            {
                PairedDifference? difference = row.Runs.Method == "base" ? null : differences[row.Figure][row.Method];
                return
                [
                    row.Name, new(LabelOf(row.Runs, baseName), row.Runs.Method, row.Runs.Label), WithError(row.Summary!),
                    .. DifferenceCells(difference, Signed, difference is null ? "" : Share(row.Summary!, difference)),
                ];
            });
        yield return Invariant($"Of the Hessian of the training loss at the tested weights, {measured[0].Parameters} parameters, ")
            + Invariant($"{measured[0].Samples} images; mean +- standard error over seeds, differences paired.");
        MatchedCurvature[] matched = [.. results.SelectMany(r => r.Runs).Select(r => r.AtLoss).OfType<MatchedCurvature>()];
        if (matched.Length > 0)
            yield return Invariant($"At equal loss: where the mean loss of the training images first falls to {matched[0].Loss:G3} (to 1 %), in ")
                + Invariant($"{matched.Length} of {measured.Length} runs. ")
                + "Near a loss of zero every curvature is small; there weights that fit alike are compared.";
        int open = measured.Concat(matched.Select(m => m.Curvature)).Count(c => !c.TopEigenvalue.Converged || c.Trace.Exit == EstimateExit.Budget);
        if (open > 0)
            yield return Invariant($"{open} of {measured.Length + matched.Length} measurements ended at the budget of products, before their tolerance.");
    }

    // What the tables above are made of, for programs.
    private static ResultTable Runs(IReadOnlyList<MethodRuns> results) => ResultTable.Of(
        "runs",
        [
            "method", "label", "seed", "testAccuracy", "testLoss", "validationAccuracy", "validationLoss", "trainLoss", "bestEpoch", "steps",
            "gradientEvaluations", "skippedSteps",
            "seconds", "trace", "topEigenvalue", "traceAtLoss", "topEigenvalueAtLoss", "epochAtLoss", "testAccuracyAtBestEpoch",
        ],
        results.SelectMany(method => method.Runs, (method, run) => (Method: method, Run: run)),
        row =>
        [
            row.Method.Method, row.Method.Label, row.Run.Seed, new("", row.Run.TestAccuracy), new("", row.Run.TestLoss), new("", row.Run.ValidationAccuracy),
            new("", row.Run.ValidationLoss), new("", row.Run.TrainLoss), row.Run.BestEpoch, row.Run.Steps, row.Run.GradientEvaluations, row.Run.SkippedSteps,
            new("", row.Run.Seconds), new("", row.Run.Curvature?.Trace.Value), new("", row.Run.Curvature?.TopEigenvalue.Value),
            new("", row.Run.AtLoss?.Curvature.Trace.Value), new("", row.Run.AtLoss?.Curvature.TopEigenvalue.Value), new("", row.Run.AtLoss?.Epoch),
            new("", row.Run.AtBestEpoch?.TestAccuracy),
        ]) with
    { In = ResultPlace.Programs };

    private static IEnumerable<string> Warnings(ComparisonResult comparison) =>
    [
        .. comparison.Diverged.Select(run => $"{run.Message}; the comparison is without this run"),
        .. comparison.Unmeasured.Select(run => Invariant($"{run.Method}, seed {run.Seed}: its curvature is left out: {run.Message}")),
        .. comparison.Methods.Where(r => r.Runs.Any(run => run.SkippedSteps > 0)).Select(runs =>
            Invariant($"{runs.Label}: {runs.Runs.Sum(r => r.SkippedSteps)} of {runs.Runs.Sum(r => r.Steps)} steps")
                + " were left out, since a loss or gradient was not finite"),
        .. comparison.Methods.Where(r => r.Runs.Any(run => run.IsBeforeAverage)).Select(runs =>
            Invariant($"{runs.Label}: in {runs.Runs.Count(r => r.IsBeforeAverage)} of {runs.Runs.Count} runs the best epoch lies before the average")
                + ": plain weights were tested there"),
    ];

    private static ResultColumn[] DifferenceColumns() =>
    [
        new("difference to base", "differenceToBase") { ShortTitle = "to base", Unbroken = true },
        new("95 % interval", "low", "high") { ShortTitle = "95 %", Unbroken = true },
        new("p") { Unbroken = true },
        new("p (Holm)", "pHolm") { ShortTitle = "Holm", Unbroken = true },
    ];

    private static ResultCell[] DifferenceCells(PairedDifference? difference, Func<double, string> words, string share)
    {
        if (difference is null)
            return [ResultCell.None, ResultCell.None, ResultCell.None, ResultCell.None];
        ResultCell interval = new($"{words(difference.Low)} to {words(difference.High)}", difference.Low, difference.High);
        return
        [
            new(words(difference.Mean) + share, difference.Mean), double.IsNaN(difference.Low) ? ResultCell.None : interval,
            ResultCell.Of(difference.P, "F3"), ResultCell.Of(difference.PHolm, "F3"),
        ];
    }

    private static string LabelOf(MethodRuns runs, string baseName) => runs.Method == "base" ? baseName : runs.Label;

    // The most important option, and those that are not the method's defaults; of a method that is not registered all.
    private static string Words(MethodRuns runs)
    {
        MethodEntry? method = MethodRegistry.All.FirstOrDefault(m => m.Name == runs.Method);
        return string.Join(", ", runs.Options
            .Where((option, i) => i == 0 || !Equals(method?.Option(option.Key)?.Default, option.Value))
            .Select(option => $"{option.Key} {MethodOption.Text(option.Value)}"));
    }

    private static ResultCell Percent(Summary summary) => ResultCell.Percent(summary.Mean, summary.StandardDeviation);

    private static ResultCell WithError(Summary summary)
    {
        double error = summary.StandardDeviation / Math.Sqrt(summary.Count);
        return new(double.IsNaN(error) ? Digits(summary.Mean) : $"{Digits(summary.Mean)} +- {Digits(error, "G2")}", summary.Mean, error);
    }

    // The share of base's mean, which is there where all seeds are paired.
    private static string Share(Summary own, PairedDifference difference) =>
        own.Count == difference.Pairs && own.Mean - difference.Mean > 0
            ? Invariant($" ({100 * difference.Mean / (own.Mean - difference.Mean):+0;-0;0} %)") : "";

    private static string Signed(double value) => (value > 0 ? "+" : "") + Digits(value);

    private static string Digits(double value, string format = "G3") =>
        value.ToString(Math.Abs(value) is >= 100 and < 1e6 ? "F0" : format, System.Globalization.CultureInfo.InvariantCulture);
}
