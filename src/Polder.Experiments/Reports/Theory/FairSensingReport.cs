using static System.FormattableString;

namespace Polder.Experiments.Reports;

/// <summary>A fair comparison on matrix sensing as tables and a plot.</summary>
public static class FairSensingReport
{
    private static readonly ResultColumn[] Columns =
    [
        "method", "sigma", "chosen", new("rate", "learningRate"), "steps", new("error when chosen", "choiceError"),
        new("tested error, geometric mean (range)", "error", "errorMinimum", "errorMaximum"), "train", "distance", new("Tr H", "trace"), "runs",
    ];

    private static readonly ResultColumn[] DuelColumns =
    [
        "sigma", "wp", "nso", new("error of wp", "errorWp"), new("error of nso", "errorNso"),
        new("wp / nso (95 % interval)", "ratio", "ratioLow", "ratioHigh"), new("p"), "wins",
    ];

    /// <summary>Makes the report.</summary>
    /// <param name="result">What was found.</param>
    /// <param name="options">With what.</param>
    public static Result Of(FairSensingResult result, FairSensingOptions options)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(options);
        return new Result(new
        {
            Choices = result.Choices.Select(c => new { Method = c.Contender.Label, c.Sigma, c.LearningRate, c.Steps, c.Error, c.IsChosen }),
            Tests = result.Tests.Select(t => new
            {
                Method = t.Choice.Contender.Label,
                t.Choice.Sigma,
                t.Choice.LearningRate,
                t.Choice.Steps,
                t.Seed,
                t.Metrics.Train,
                Error = t.Metrics.Validation,
                t.Metrics.Distance,
                Trace = t.Trace.Value,
                TraceStandardError = t.Trace.StandardError,
            }),
            result.Diverged,
        })
        {
            Blocks =
            [
                ResultTable.Of("methods", Columns, result.Choices.OrderBy(c => c.Sigma), c => Cells(c, result.TestsOf(c))),
                ResultTable.Of("duels", DuelColumns, result.Duels, d => Cells(d, result)),
                Invariant($"Rate and steps of every row, and the sigma of every method, were chosen on {options.ChoiceSeeds.Count} problems; ")
                    + Invariant($"tested on {options.Seeds.Count} others, at most {options.Gradients} gradients a run."),
                .. result.Diverged.Select(words => (ResultBlock)new ResultNote($"a tested run diverged: {words}") { IsWarning = true }),
            ],
        };
    }

    /// <summary>The tested error over sigma, a curve a method.</summary>
    /// <param name="result">What was found.</param>
    /// <param name="format">.svg or .png.</param>
    public static byte[] Plot(FairSensingResult result, string format)
    {
        ArgumentNullException.ThrowIfNull(result);
        Curve[] curves =
        [
            .. from c in result.Choices
               let tests = result.TestsOf(c)
               where tests.Length > 0
               orderby c.Sigma
               group (c.Sigma, Error: GeometricMean(tests)) by c.Contender.Label into method
               select new Curve(method.Key, [.. method.Select(m => m.Sigma)], [.. method.Select(m => m.Error)]),
        ];
        return new CurvePlot("Matrix sensing, settings chosen on other problems", "sigma", "tested error")
        { LogX = true, Markers = true, LegendBeside = true }.Draw([.. curves.OrderBy(c => c.Name, StringComparer.Ordinal)], format);
    }

    private static ResultCell[] Cells(SensingChoice choice, SensingTest[] tests)
    {
        ResultCell error = ResultCell.None, train = ResultCell.None, distance = ResultCell.None, trace = ResultCell.None;
        if (tests.Length > 0)
        {
            double[] errors = [.. tests.Select(t => t.Metrics.Validation)];
            double mean = GeometricMean(tests);
            string range = $"{SensingReport.Number(errors.Min())} to {SensingReport.Number(errors.Max())}";
            error = new($"{SensingReport.Number(mean)} ({range})", mean, errors.Min(), errors.Max());
            train = Number(tests.Average(t => t.Metrics.Train));
            distance = Number(tests.Average(t => t.Metrics.Distance));
            trace = ResultCell.Of(tests.Average(t => t.Trace.Value), "G4");
        }
        bool diverged = choice.Steps == 0;
        return
        [
            new ResultCell(choice.Contender.Label) { StandsOut = choice.IsChosen }, ResultCell.Of(choice.Sigma, "G4"),
            new(choice.IsChosen ? "*" : "", choice.IsChosen),
            diverged ? new("diverged", [null]) : ResultCell.Of(choice.LearningRate, "G4"), choice.Steps, diverged ? ResultCell.None : Number(choice.Error),
            error, train, distance, trace, tests.Length,
        ];
    }

    private static ResultCell[] Cells(SensingDuel duel, FairSensingResult result)
    {
        double ratio = Math.Exp(duel.LogRatio.Mean), low = Math.Exp(duel.LogRatio.Low), high = Math.Exp(duel.LogRatio.High);
        string wins = low > 1 ? "nso" : high < 1 ? "wp" : "neither";
        return
        [
            duel.Sigma is { } sigma ? ResultCell.Of(sigma, "G4") : new("chosen", [null]), Named(duel.Wp), Named(duel.Nso),
            Number(GeometricMean(result.TestsOf(duel.Wp))), Number(GeometricMean(result.TestsOf(duel.Nso))),
            new(Invariant($"{ratio:F2} ({low:F2} to {high:F2})"), ratio, low, high), ResultCell.Of(duel.LogRatio.P, "G2"), wins,
        ];

        string Named(SensingChoice choice) => choice.Contender.Label + (duel.Sigma is null ? Invariant($" at {choice.Sigma}") : "");
    }

    private static double GeometricMean(SensingTest[] tests) => Math.Exp(tests.Average(t => Math.Log(t.Metrics.Validation)));

    private static ResultCell Number(double value) => new(SensingReport.Number(value), value);
}
