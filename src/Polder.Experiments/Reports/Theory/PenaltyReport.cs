using static System.FormattableString;

namespace Polder.Experiments.Reports;

/// <summary>The penalty of NSO along trainings as tables and a plot.</summary>
public static class PenaltyReport
{
    private const int PanelColumns = 2;

    // Over several seeds the second number of a pair is their standard deviation, of one the measurement's standard error.
    private static readonly ResultColumn[] Columns =
    [
        "activation", "step", new("loss", "loss", "lossSpread"), new("Tr H", "trace", "traceSpread"), "sigma", new("F - f", "gap", "gapSpread"),
        new("(sigma^2/2) Tr H", "halfSigmaSquaredTrace"), new("explained, %", "share", "shareSpread"), "runs",
    ];

    private static readonly ResultColumn[] SummaryColumns =
    [
        "activation", "sigma", new("explained at the start, %", "shareFirst", "shareFirstSpread"),
        new("least along the training, %", "shareLeast", "shareLeastSpread"), new("most, %", "shareMost", "shareMostSpread"),
        new("explained at the end, %", "shareLast", "shareLastSpread"), "runs",
    ];

    /// <summary>Makes the report.</summary>
    /// <param name="looks">What was measured.</param>
    /// <param name="images">How many images were measured.</param>
    public static Result Of(IReadOnlyList<PenaltyLook> looks, int images)
    {
        ArgumentNullException.ThrowIfNull(looks);
        var rows = (from look in looks from gap in look.Gaps select (Look: look, Gap: gap)).ToArray();
        int seeds = looks.Select(look => look.Seed).Distinct().Count();
        return new Result(new
        {
            Results = rows.Select(r => new
            {
                Activation = Name(r.Look),
                r.Look.Seed,
                r.Look.Step,
                r.Look.Loss,
                Trace = r.Look.Trace.Value,
                TraceStandardError = r.Look.Trace.StandardError,
                r.Gap.Sigma,
                Gap = r.Gap.Gap.Value,
                GapStandardError = r.Gap.Gap.StandardError,
                HalfSigmaSquaredTrace = r.Gap.SecondOrder(r.Look.Trace.Value),
                Share = r.Look.Share(r.Gap).Value,
                ShareStandardError = r.Look.Share(r.Gap).StandardError,
            }),
        })
        {
            Blocks =
            [
                ResultTable.Of("looks", Columns, rows.GroupBy(r => (Name: Name(r.Look), r.Look.Step, r.Gap.Sigma)), group =>
                {
                    var own = group.ToArray();
                    MeanEstimate trace = Over(own.Select(r => new MeanEstimate(r.Look.Trace.Value, r.Look.Trace.StandardError, 1))),
                        gap = Over(own.Select(r => r.Gap.Gap)), share = Over(own.Select(r => r.Look.Share(r.Gap)));
                    return
                    [
                        group.Key.Name, group.Key.Step, Number(Over(own.Select(r => new MeanEstimate(r.Look.Loss, double.NaN, 1))), "G4"), Number(trace, "G4"),
                        ResultCell.Of(group.Key.Sigma, "G3"), Number(gap, "G3"), ResultCell.Of(own.Average(r => r.Gap.SecondOrder(r.Look.Trace.Value)), "G3"),
                        Percent(share), own.Length,
                    ];
                }),
                ResultTable.Of("summary", SummaryColumns, rows.GroupBy(r => (Name: Name(r.Look), r.Gap.Sigma)), series =>
                {
                    MeanEstimate[][] runs = [.. series.GroupBy(r => r.Look.Seed).Select(run => run.Select(r => r.Look.Share(r.Gap)).ToArray())];
                    return
                    [
                        series.Key.Name, ResultCell.Of(series.Key.Sigma, "G3"), Percent(Over(runs.Select(run => run[0]))),
                        Percent(Over(runs.Select(run => Known(run, shares => shares.Min())))),
                        Percent(Over(runs.Select(run => Known(run, shares => shares.Max())))), Percent(Over(runs.Select(run => run[^1]))), runs.Length,
                    ];
                }),
                Invariant($"The share of F - f that (sigma^2/2) Tr H explains, over {images} training images in evaluation mode; ")
                    + "empty where F - f is not above two standard errors. "
                    + (seeds > 1 ? Invariant($"Means over {seeds} trainings with their standard deviations.")
                        : "One training: standard errors of the measurement."),
            ],
        };
    }

    /// <summary>A panel a network: the share explained along the training, a curve a sigma.</summary>
    /// <param name="looks">What was measured.</param>
    /// <param name="format">.svg or .png.</param>
    /// <exception cref="ArgumentException">No share is known.</exception>
    public static byte[] Plot(IReadOnlyList<PenaltyLook> looks, string format)
    {
        ArgumentNullException.ThrowIfNull(looks);
        return PlotFile.Render(
        [
            .. looks.GroupBy(Name).Select(network => new CurvePlot($"{network.Key}: what (sigma^2/2) Tr H explains of F - f", "step + 1", "share")
            { LogX = true, LogY = false, Markers = true, LegendBeside = true }.Make(
            [
                .. network.First().Gaps.Index().Select(gap =>
                {
                    var steps = network.GroupBy(look => look.Step).ToArray();
                    return new Curve(
                        Invariant($"sigma {gap.Item.Sigma}"), [.. steps.Select(step => step.Key + 1.0)],
                        [.. steps.Select(step => Over(step.Select(look => look.Share(look.Gaps[gap.Index]))).Value)]);
                }),
            ])),
        ], PanelColumns, format);
    }

    private static string Name(PenaltyLook look) => look.Activation.ToString().ToLowerInvariant();

    // The mean of the trainings where there is a number, with their standard deviation; of one the number with its own error.
    private static MeanEstimate Over(IEnumerable<MeanEstimate> runs)
    {
        MeanEstimate[] known = [.. runs.Where(r => double.IsFinite(r.Value))];
        if (known.Length < 2)
            return known.Length == 1 ? known[0] : new MeanEstimate(double.NaN, double.NaN, 0);
        Summary summary = Summary.Of([.. known.Select(r => r.Value)]);
        return new MeanEstimate(summary.Mean, summary.StandardDeviation, summary.Count);
    }

    private static MeanEstimate Known(MeanEstimate[] shares, Func<IEnumerable<double>, double> choose)
    {
        double[] known = [.. shares.Select(s => s.Value).Where(double.IsFinite)];
        return new MeanEstimate(known.Length == 0 ? double.NaN : choose(known), double.NaN, 1);
    }

    private static ResultCell Number(MeanEstimate value, string format) => double.IsNaN(value.StandardError)
        ? new(ResultCell.Readable(value.Value, format), value.Value, null) : ResultCell.Of(value.Value, value.StandardError, format, "G2");

    private static ResultCell Percent(MeanEstimate share) =>
        double.IsNaN(share.Value) ? new("", null, null) : ResultCell.Percent(share.Value, share.StandardError);
}
