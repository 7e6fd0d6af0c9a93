using System.Text.Json.Nodes;
using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>The page of a folder of results: a table that leads to the page of each.</summary>
internal static class IndexPage
{
    /// <summary>A result of the folder.</summary>
    /// <param name="Name">Where it is, below the folder.</param>
    /// <param name="Link">Where its page is; null where it has none.</param>
    /// <param name="Result">What it found; null where it is not finished or damaged.</param>
    /// <param name="Note">What else is to be said, such as why it cannot be read.</param>
    public sealed record Entry(string Name, string? Link, JsonObject? Result, string Note);

    /// <summary>Makes the page.</summary>
    public static Page Of(string folder, IReadOnlyList<Entry> entries)
    {
        (Entry Entry, ProportionInterval Interval)[] tested =
        [
            .. entries.Where(e => ResultFile.Number(e.Result, "test", "accuracy") is not null && ResultFile.Number(e.Result, "test", "count") is >= 1)
                .Select(e => (e, IntervalOf(e.Result!))),
        ];
        List<PageSection> sections =
        [
            new("Results", new PageTable("Sort by a heading; a name leads to the result's page.", Table(entries)) { Links = [.. entries.Select(e => e.Link)] }),
        ];
        if (tested.Length > 1)
            sections.Insert(0, new PageSection("Test accuracy of the runs", new PageChart(
                "Test accuracy, with 95 % intervals over the choice of test images", string.Join("; ",
                    tested.Select(t => $"{t.Entry.Name}: {Words.Percent(t.Interval)}")) + ".",
                new PageAxis("test accuracy") { IsShare = true }, PageAxis.OfNames("", tested.Select(t => t.Entry.Name)),
                new PageSeries("", tested.Select(t => t.Interval.Share), Enumerable.Range(0, tested.Length).Select(i => (double)i))
                {
                    Mark = PageMark.LargeDots,
                    IsAlongX = true,
                    Low = tested.Select(t => t.Interval.Low),
                    High = tested.Select(t => t.Interval.High),
                    Notes = [.. tested.Select(t => $"{t.Entry.Name}: {Words.Percent(t.Interval)}")],
                })
            { IsWide = true, Rows = tested.Length }));
        string kinds = string.Join(", ", entries.Where(e => e.Result is not null).CountBy(e => ResultFile.Command(e.Result!)!).OrderByDescending(k => k.Value)
            .Select(k => Invariant($"{k.Value} by {k.Key}")));
        return new Page("folder", Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
            $"{Words.Of(entries.Count, "result")}{(kinds.Length > 0 ? $": {kinds}" : "")}.", sections)
        {
            Footer = $"{folder}. Made anew by polder report.",
        };
    }

    private static ProportionInterval IntervalOf(JsonObject result)
    {
        long count = (long)ResultFile.Number(result, "test", "count")!.Value;
        return ProportionInterval.Of(Math.Clamp((long)Math.Round(ResultFile.Number(result, "test", "accuracy")!.Value * count), 0, count), count);
    }

    private static ResultTable Table(IReadOnlyList<Entry> entries) => ResultTable.Of(
        "results", ["result", "command", "data", "method", "seed", "test accuracy", "95 % interval", "found", "gradients", "seconds", "note"], entries,
        e =>
        {
            ProportionInterval? interval = ResultFile.Number(e.Result, "test", "accuracy") is not null && ResultFile.Number(e.Result, "test", "count") is >= 1
                ? IntervalOf(e.Result!) : null;
            return
            [
                e.Name, e.Result is null ? "" : ResultFile.Command(e.Result) ?? "", Last(ResultFile.Text(e.Result, "task") ?? ResultFile.Text(e.Result,
                    "settings", "data")),
                ResultFile.Text(e.Result, "method") ?? string.Join(", ", (e.Result?["results"] as JsonArray ?? []).Select(r => ResultFile.Text(r,
                    "label")).OfType<string>()),
                ResultFile.Number(e.Result, "settings", "seed") is { } seed ? (long)seed : ResultCell.None,
                interval is { } i ? new ResultCell(Words.Percent(i.Share), i.Share) : ResultCell.None,
                interval is { } w ? new ResultCell(Words.Percent(w.Low, w.High), w.Low) : ResultCell.None, Found(e.Result),
                ResultFile.Number(e.Result, "gradientEvaluations") is { } gradients ? (long)gradients : ResultCell.None,
                ResultFile.Number(e.Result, "seconds") is { } seconds ? ResultCell.Of(seconds, "F1") : ResultCell.None, e.Note,
            ];
        });

    private static string Found(JsonObject? result) =>
        ResultFile.Number(result, "trace", "value") is { } trace ? $"trace {Words.Number(trace)}"
        : ResultFile.Number(result, "value") is { } bound ? $"error at most {Words.Percent(bound)}"
        : ResultFile.Number(result, "accuracy") is { } accuracy ? Words.Percent(accuracy) : "";

    private static string Last(string? path) => path is null ? "" : Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
}
