using System.Text.Json.Nodes;

namespace Polder.Experiments.Pages;

/// <summary>What the pages of studies that train no user's network have in common.</summary>
internal static class TheoryPage
{
    /// <summary>A page with the command that repeats it, and the result for programs.</summary>
    /// <param name="result">The result.</param>
    /// <param name="path">Its file.</param>
    /// <param name="title">The title.</param>
    /// <param name="lead">What was found.</param>
    /// <param name="sections">The sections before the last.</param>
    public static Page Of(JsonObject result, string path, string title, string lead, params IEnumerable<PageSection> sections) =>
        new(ResultFile.Command(result)!, title, lead, [.. sections, RepeatPart.Of(result)])
        {
            Data = result,
            Footer = RepeatPart.Footer(ResultFile.Text(result, "polder") ?? "", path),
        };

    /// <summary>A line with dots a group of rows.</summary>
    /// <param name="groups">The rows by the name of their line.</param>
    /// <param name="x">The place of a row.</param>
    /// <param name="y">Its value.</param>
    public static PageSeries[] Lines<T>(IEnumerable<IGrouping<string, T>> groups, Func<T, double> x, Func<T, double> y) =>
        [.. groups.Select((group, i) => new PageSeries(group.Key, group.Select(x), group.Select(y)) { Mark = PageMark.LineAndDots, Color = i })];
}
