using System.Text.Json;
using System.Text.Json.Nodes;
using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>The page of a comparison: what was found and how sure that is, then everything that it follows from.</summary>
internal static class ComparisonPage
{
    private const double Level = 0.05;

    /// <summary>Makes the page.</summary>
    /// <param name="result">The result as compare wrote it.</param>
    /// <param name="path">Its file.</param>
    /// <param name="folder">The run folder.</param>
    public static Page Of(JsonObject result, string path, string folder)
    {
        ComparisonResult comparison = Read(result, path);
        string optimizer = ResultFile.Text(result, "settings", "optimizer") ?? "base";
        IReadOnlyList<PairedDifference?> differences = comparison.Differences();
        Result report = ComparisonReport.Of(comparison, optimizer);
        string[] names = [.. comparison.Methods.Select(m => Label(m, optimizer))];
        var sections = new List<PageSection>
        {
            new("The methods, the best first", [.. Leaderboard(comparison, names, report)]) { ShortTitle = "Methods" },
        };
        if (comparison.Reference is { } reference && comparison.Methods.Count > 1)
            sections.Add(ComparisonCharts.Differences(comparison, reference, differences, names, optimizer));
        sections.Add(ComparisonCharts.Accuracy(comparison, names));
        sections.Add(ComparisonCharts.Cost(comparison, names));
        if (comparison.Methods.Any(m => m.Runs.Any(r => r.Curvature is not null)))
            sections.Add(ComparisonCharts.Curvature(comparison, names, report));
        if (comparison.Methods.Any(m => m.Runs.Any(r => r.Curve is not null)))
            sections.Add(ComparisonCharts.Curves(comparison, names));
        if (comparison.Diverged.Count > 0)
            sections.Add(new PageSection("Runs that diverged", new PageTable("The comparison is without them.", ResultTable.Of(
                "diverged", ["method", "seed", "what happened"], comparison.Diverged, d => [d.Method, d.Seed, d.Message])))
            { ShortTitle = "Diverged" });
        sections.Add(new PageSection("Every run", new PageTable("One row a method and seed.", Runs(comparison, names))) { ShortTitle = "Runs" });
        sections.Add(RepeatPart.Of(result));
        return new Page("comparison", comparison.Task, Lead(comparison, differences, names, optimizer), sections)
        {
            Figures = [.. comparison.Methods.Index().OrderByDescending(m => m.Item.TestAccuracy.Mean).Take(6).Select(m => new PageFigure(
                names[m.Index], Words.Percent(m.Item.TestAccuracy.Mean), MeanInterval(m.Item) is { } interval
                    ? Words.Percent(interval.Low, interval.High) : Words.Of(m.Item.Runs.Count, "seed")))],
            Warnings = [.. report.Blocks.OfType<ResultNote>().Where(n => n.IsWarning).Select(n => n.Text)],
            Data = result,
            Footer = RepeatPart.Footer(ResultFile.Text(result, "polder") ?? "", folder),
        };
    }

    /// <summary>A comparison as its result says it.</summary>
    public static ComparisonResult Read(JsonObject result, string path)
    {
        MethodRuns[] methods = ResultFile.Form<MethodRuns[]>(result["results"], path);
        if (methods.Any(m => m?.Runs is not { Count: > 0 } || m.Runs.Any(r => r is null)))
            throw new DataException(path, "is not a result as polder writes it: a method has no runs");
        DivergedRun[] diverged = result["diverged"] is { } d ? ResultFile.Form<DivergedRun[]>(d, path) : [];
        methods = [.. methods.Select(m => m with { Options = OptionsOf(m) })];
        return new ComparisonResult(
            ResultFile.Text(result, "task") ?? "", methods, methods.Sum(m => m.Runs.Count) + diverged.Length, diverged,
            result["unmeasured"] is { } u ? ResultFile.Form<UnmeasuredRun[]>(u, path) : []);
    }

    // Under the names and in the types that the registry has; what it does not know stays text.
    private static Dictionary<string, object> OptionsOf(MethodRuns method)
    {
        MethodEntry? entry = MethodRegistry.All.FirstOrDefault(m => m.Name == method.Method);
        var options = new Dictionary<string, object>();
        foreach ((string name, object value) in method.Options)
        {
            MethodOption? option = entry?.Options.FirstOrDefault(o => ResultJson.MemberName(o.Name) == name);
            options[option?.Name ?? name] = (value is JsonElement element ? option?.Kind.Read(element) : null) ?? value?.ToString() ?? "";
        }
        return options;
    }

    /// <summary>What was found, in plain words.</summary>
    public static string Lead(ComparisonResult comparison, IReadOnlyList<PairedDifference?> differences, IReadOnlyList<string> names, string optimizer)
    {
        string @base = optimizer.ToUpperInvariant();
        if (comparison.Methods.Count == 0)
            return "No run is finished.";
        (int best, MethodRuns highest) = comparison.Methods.Index().MaxBy(m => m.Item.TestAccuracy.Mean);
        (int Index, PairedDifference Difference)[] all =
            [.. differences.Index().Where(d => d.Item is not null && comparison.Methods[d.Index].Method != "base").Select(d => (d.Index, d.Item!))];
        if (all.Length == 0)
            return $"{names[best]} has {Words.Percent(highest.TestAccuracy.Mean)} of the test images right on average "
                + $"over {Words.Of(highest.Runs.Count, "seed")}; "
                + $"{(comparison.Reference is null ? "the base optimizer was not among the methods" : "there is no other method")}, so nothing is compared.";
        (int Index, PairedDifference Difference)[] found = [.. all.Where(d => d.Difference.PHolm < Level).OrderByDescending(d => Math.Abs(d.Difference.Mean))];
        if (found.Length > 0)
        {
            int[] others = [.. all.Select(d => d.Index).Except(found.Select(d => d.Index))];
            return string.Join(" ", found.Select(d => $"{names[d.Index]} is {Size(d.Difference)} {@base}, {Sure(d.Difference)}."))
                + (others.Length == 0 ? "" : $" No reliable difference was found for {string.Join(", ", others.Select(i => names[i]))}.");
        }
        (int index, PairedDifference largest) = all.MaxBy(d => Math.Abs(d.Difference.Mean));
        string tested = largest.P is null
            ? $"This cannot be told from chance: {Words.Of(largest.Pairs, "seed")} "
                + $"{(largest.Pairs < 5 ? "are too few for a test" : "leave no spread to test against")}."
            : Invariant($"With {largest.Pairs} seeds only a difference of about {100 * all.Min(d => (d.Difference.High - d.Difference.Low) / 2):0.0} points ")
                + "or more could have been seen.";
        return $"No reliable difference to {@base} was found. The largest is that of {names[index]}, {Size(largest)} it, {Sure(largest)}. {tested}";
    }

    /// <summary>What a method is called.</summary>
    public static string Label(MethodRuns method, string optimizer) => method.Method == "base" && method.Label == "base" ? optimizer.ToUpperInvariant()
        : method.Label == method.Method ? method.Method.ToUpperInvariant() : method.Label;

    /// <summary>The 95 % interval of a method's mean accuracy over seeds; null of one seed.</summary>
    public static PairedDifference? MeanInterval(MethodRuns method)
    {
        double[] values = [.. method.Runs.Select(r => r.TestAccuracy)];
        return values.Length < 2 ? null : PairedDifference.Of(values, new double[values.Length]);
    }

    private static string Size(PairedDifference difference) =>
        Invariant($"{100 * Math.Abs(difference.Mean):0.0} points {(difference.Mean < 0 ? "below" : "above")}");

    private static string Sure(PairedDifference difference) => double.IsNaN(difference.Low) ? "of one seed"
        : Invariant($"95 % interval {100 * difference.Low:0.0} to {100 * difference.High:0.0}, {Words.Of(difference.Pairs, "seed")}")
            + (difference.PHolm is { } p ? $", corrected p {Words.Probability(p)}" : "");

    private static IEnumerable<PageBlock> Leaderboard(ComparisonResult comparison, string[] names, Result report)
    {
        if (report.Blocks.OfType<ResultTable>().FirstOrDefault(t => t.Name == "accuracy") is not { } table)
            yield break;
        int[] order = [.. comparison.Methods.Index().OrderByDescending(m => m.Item.TestAccuracy.Mean).Select(m => m.Index)];
        yield return new PageTable("Test accuracy in percent, mean ± standard deviation over seeds; differences to the base optimizer in points.",
            table with { Rows = [.. order.Select(i => (IReadOnlyList<ResultCell>)[new(names[i], names[i]), .. Readable(table.Rows[i]).Skip(1)])] });
        foreach (ResultNote note in report.Blocks.OfType<ResultNote>().Where(n => !n.IsWarning && n.In.HasFlag(ResultPlace.Wide)))
            if (!note.Text.StartsWith("Of the Hessian", StringComparison.Ordinal))
                yield return Readable(note.Text);
    }

    /// <summary>A row of a report with the signs that a page has and a terminal may not.</summary>
    public static IReadOnlyList<ResultCell> Readable(IReadOnlyList<ResultCell> row) => [.. row.Select(cell => cell with { Text = Readable(cell.Text) })];

    private static string Readable(string text) => text.Replace("+-", "±");

    private static ResultTable Runs(ComparisonResult comparison, string[] names) => ResultTable.Of(
        "runs", ["method", "seed", "test accuracy", "test loss", "validation", "training loss", "kept epoch", "steps", "gradients", "seconds", "trace",
            "top eigenvalue"],
        comparison.Methods.Index().SelectMany(m => m.Item.Runs, (m, run) => (Name: names[m.Index], Run: run)),
        r =>
        [
            r.Name, r.Run.Seed, Share(r.Run.TestAccuracy), Number(r.Run.TestLoss), Share(r.Run.ValidationAccuracy), Number(r.Run.TrainLoss), r.Run.BestEpoch,
            r.Run.Steps, r.Run.GradientEvaluations, ResultCell.Of(r.Run.Seconds, "F1"), Number(r.Run.Curvature?.Trace.Value),
            Number(r.Run.Curvature?.TopEigenvalue.Value),
        ]);

    private static ResultCell Share(double share) => double.IsFinite(share) ? new(Words.Percent(share), share) : ResultCell.None;

    private static ResultCell Number(double? value) => value is { } number && double.IsFinite(number) ? new(Words.Number(number, 3), number) : ResultCell.None;
}
