using System.Text.Json.Nodes;
using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>The page of <c>polder valleys</c>: which of two minima methods end in.</summary>
internal static class ValleyPage
{
    private sealed record Row(
        string Method, int Steps, double Wide, double? Narrow, double? Loss, int Diverged, double? Strength = null, double? Escaped = null);

    private sealed record Form(double LeastSigmaWithoutNarrow, Row?[] Results);

    /// <summary>Makes the page.</summary>
    public static Page Of(JsonObject result, string path)
    {
        Form found = ResultFile.Form<Form>(result, path);
        Row[] rows = ResultFile.Whole(found.Results, "results", path);
        Row most = rows.MaxBy(r => r.Escaped ?? 0)!;
        return TheoryPage.Of(result, path, "Which of two minima",
            $"From sigma {Words.Number(found.LeastSigmaWithoutNarrow, 3)} on the smoothed function has no narrow minimum. {Named(most)} brings most across: "
                + $"{Words.Percent(most.Escaped ?? double.NaN)} of the starts in the narrow valley end in the wide one.",
            new PageSection("Where they end", new PageColumns(
                Chart("Ended in the wide valley", "share of all starts", rows, r => r.Wide),
                Chart("Crossed from the narrow valley to the wide one", "share of the starts in the narrow one", rows, r => r.Escaped ?? double.NaN))),
            new PageSection("All settings", new PageTable("Who ended in neither valley stands above its bottom.", ResultTable.Of(
                "results", ["method", "strength", "steps", "ended wide, %", "ended narrow, %", "crossed, %", "median loss", "diverged"], rows, r =>
                [
                    r.Method, ResultCell.Of(r.Strength, "G3"), r.Steps, Percent(r.Wide), Percent(r.Narrow), Percent(r.Escaped), ResultCell.Of(r.Loss, "G3"),
                    r.Diverged,
                ]))));
    }

    private static PageChart Chart(string title, string share, Row[] rows, Func<Row, double> value) => new(
        title, string.Join("; ", rows.Select(r => $"{Named(r)} {Words.Percent(value(r))}")) + ".", new PageAxis("strength (sigma, rho)"),
        new PageAxis(share) { IsShare = true, Least = 0, Most = 1 },
        TheoryPage.Lines(rows.Where(r => r.Strength is not null).GroupBy(r => r.Method), r => r.Strength!.Value, value));

    private static string Named(Row row) => row.Strength is { } strength ? $"{row.Method} at {Words.Number(strength)}" : row.Method;

    private static ResultCell Percent(double? share) => share is { } s ? new(Invariant($"{100 * s:F1}"), s) : ResultCell.None;
}
