using System.Text.Json.Nodes;
using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>The page of <c>polder penalty</c>: what of F - f the Hessian's trace explains along trainings.</summary>
internal static class PenaltyPage
{
    private sealed record Row(string Activation, int Step, double Loss, double Trace, double Sigma, double? Gap, double? Share, long Seed = 0);

    private sealed record Form(Row?[] Results);

    /// <summary>Makes the page.</summary>
    public static Page Of(JsonObject result, string path)
    {
        Row[] rows = ResultFile.Whole(ResultFile.Form<Form>(result, path).Results, "results", path);
        string[] networks = [.. rows.Select(r => r.Activation).Distinct()];
        int seeds = rows.Select(r => r.Seed).Distinct().Count(), last = rows.Max(r => r.Step);
        double least = rows.Min(r => r.Sigma);
        string ends = string.Join(", ", networks.Select(network =>
            $"{network} {Words.Percent(Mean(rows.Where(r => r.Activation == network && r.Step == last && r.Sigma == least)))}"));
        return TheoryPage.Of(result, path, "What second order explains of NSO's penalty",
            $"At the end of training the Hessian's trace explains of F − f at sigma {Words.Number(least)}: {ends}.",
            new PageSection("The share explained along the training", new PageColumns([.. networks.Select(network => new PageChart(
                network, Invariant($"The mean over {seeds} trainings, a line a sigma."), new PageAxis("step + 1") { IsLogarithmic = true },
                new PageAxis("share explained") { IsShare = true },
                TheoryPage.Lines(rows.Where(r => r.Activation == network).GroupBy(r => (r.Sigma, r.Step)).GroupBy(g => $"sigma {Words.Number(g.Key.Sigma)}"),
                    g => g.Key.Step + 1.0, Mean)))])),
            new PageSection("All measurements", new PageTable("F − f, the trace and the share, every training.", ResultTable.Of(
                "results", ["activation", "seed", "step", "loss", "Tr H", "sigma", "F - f", "explained, %"], rows, r =>
                [
                    r.Activation, r.Seed, r.Step, ResultCell.Of(r.Loss, "G4"), ResultCell.Of(r.Trace, "G4"), ResultCell.Of(r.Sigma, "G3"),
                    ResultCell.Of(r.Gap, "G3"), r.Share is { } share ? new(Invariant($"{100 * share:F1}"), share) : ResultCell.None,
                ]))
            { Folded = $"Show {Words.Of(rows.Length, "row")}" }));
    }

    private static double Mean(IEnumerable<Row> rows) => rows.Where(r => r.Share is not null).Select(r => r.Share!.Value).DefaultIfEmpty(double.NaN).Average();
}
