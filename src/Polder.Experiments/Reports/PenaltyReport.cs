using static System.FormattableString;

namespace Polder.Experiments.Reports;

/// <summary>The penalty of NSO along trainings as tables and a plot.</summary>
public static class PenaltyReport
{
    private const int PanelColumns = 2;

    private static readonly ResultColumn[] Columns =
    [
        "activation", "step", "loss", new("Tr H", "trace", "traceStandardError"), "sigma", new("F - f", "gap", "gapStandardError"),
        new("(sigma^2/2) Tr H", "halfSigmaSquaredTrace"), new("explained, %", "share", "shareStandardError"),
    ];

    private static readonly ResultColumn[] SummaryColumns =
    [
        "activation", "sigma", new("explained at the start, %", "shareFirst", "shareFirstStandardError"),
        new("least along the training, %", "shareLeast"), new("most, %", "shareMost"), new("explained at the end, %", "shareLast", "shareLastStandardError"),
    ];

    /// <summary>Makes the report.</summary>
    /// <param name="looks">What was measured.</param>
    /// <param name="images">How many images were measured.</param>
    public static Result Of(IReadOnlyList<PenaltyLook> looks, int images)
    {
        ArgumentNullException.ThrowIfNull(looks);
        var rows = (from look in looks from gap in look.Gaps select (look, gap)).ToArray();
        return new Result(new
        {
            Results = rows.Select(r => new
            {
                Activation = Name(r.look),
                r.look.Step,
                r.look.Loss,
                Trace = r.look.Trace.Value,
                TraceStandardError = r.look.Trace.StandardError,
                r.gap.Sigma,
                Gap = r.gap.Gap.Value,
                GapStandardError = r.gap.Gap.StandardError,
                HalfSigmaSquaredTrace = r.gap.SecondOrder(r.look.Trace.Value),
                Share = r.look.Share(r.gap).Value,
                ShareStandardError = r.look.Share(r.gap).StandardError,
            }),
        })
        {
            Blocks =
            [
                ResultTable.Of("looks", Columns, rows, r =>
                [
                    Name(r.look), r.look.Step, ResultCell.Of(r.look.Loss, "G4"), ResultCell.Of(r.look.Trace.Value, r.look.Trace.StandardError, "G4", "G2"),
                    ResultCell.Of(r.gap.Sigma, "G3"), ResultCell.Of(r.gap.Gap.Value, r.gap.Gap.StandardError, "G3", "G2"),
                    ResultCell.Of(r.gap.SecondOrder(r.look.Trace.Value), "G3"), Percent(r.look.Share(r.gap)),
                ]),
                ResultTable.Of("summary", SummaryColumns, rows.GroupBy(r => (Name(r.look), r.gap.Sigma)), series =>
                {
                    MeanEstimate[] shares = [.. series.Select(r => r.look.Share(r.gap))];
                    double[] known = [.. shares.Select(s => s.Value).Where(double.IsFinite).DefaultIfEmpty(double.NaN)];
                    return
                    [
                        series.Key.Item1, ResultCell.Of(series.Key.Sigma, "G3"), Percent(shares[0]), Percent(known.Min()), Percent(known.Max()),
                        Percent(shares[^1]),
                    ];
                }),
                Invariant($"The share of F - f that (sigma^2/2) Tr H explains, over {images} training images in evaluation mode; ")
                    + "empty where F - f is not above two standard errors.",
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
                .. network.First().Gaps.Index().Select(gap => new Curve(
                    Invariant($"sigma {gap.Item.Sigma}"), [.. network.Select(look => look.Step + 1.0)],
                    [.. network.Select(look => look.Share(look.Gaps[gap.Index]).Value)])),
            ])),
        ], PanelColumns, format);
    }

    private static string Name(PenaltyLook look) => look.Activation.ToString().ToLowerInvariant();

    private static ResultCell Percent(MeanEstimate share) =>
        new(double.IsNaN(share.Value) ? "" : Invariant($"{100 * share.Value:F1} +- {100 * share.StandardError:F1}"), share.Value, share.StandardError);

    private static ResultCell Percent(double share) => new(double.IsNaN(share) ? "" : Invariant($"{100 * share:F1}"), share);
}
