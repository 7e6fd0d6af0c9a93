using System.Text.Json.Nodes;
using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>The page of a tuning: what was chosen, and every value that was tried.</summary>
internal static class TuningPage
{
    /// <summary>Makes the page.</summary>
    /// <param name="result">The result as tune wrote it.</param>
    /// <param name="path">Its file.</param>
    /// <param name="folder">The run folder.</param>
    public static Page Of(JsonObject result, string path, string folder)
    {
        TuningPoint[] grid = ResultFile.Form<TuningPoint[]>(result["grid"], path);
        if (grid.Length == 0 || grid.Any(p => p?.Validation is null))
            throw new DataException(path, "is not a result as polder writes it: a value that was tried has no validation accuracy");
        IReadOnlyList<TuningPoint> chosen = TuningPoint.Chosen(grid);
        int seeds = grid.Max(p => p.Validation.Count + p.Diverged);
        string task = ResultFile.Text(result, "task") ?? "";
        var sections = new List<PageSection>
        {
            new("What was tried", [.. grid.GroupBy(p => p.Method).Chunk(2).Select(pair => new PageColumns([.. pair.Select(g => Chart(g.Key, [.. g],
                chosen))]))])
            {
                ShortTitle = "By method",
            },
            Parallel(grid),
            new("Every value", new PageTable("Validation accuracy, mean ± standard deviation over seeds; the test images were not looked at.",
                Table(grid, chosen, seeds)))
            {
                ShortTitle = "Table",
            },
            RepeatPart.Of(result),
        };
        return new Page("tuning", task, Lead(chosen, seeds), sections)
        {
            Figures = [.. chosen.Select(c => new PageFigure(c.Method == "base" ? "base optimizer" : c.Method, Words.Percent(c.Validation.Mean), c.Setting))],
            Warnings = [.. grid.Where(p => p.Diverged > 0).Select(p => $"{p.Method}, {p.Setting}: {p.Diverged} of {seeds} trainings diverged.")],
            Data = result,
            Footer = RepeatPart.Footer(ResultFile.Text(result, "polder") ?? "", folder),
        };
    }

    private static string Lead(IReadOnlyList<TuningPoint> chosen, int seeds)
    {
        TuningPoint[] methods = [.. chosen.Where(c => c.Method != TuningPoint.Shots && c.Validation.Count > 0)];
        if (methods.Length == 0)
            return "Every training diverged.";
        TuningPoint best = methods.MaxBy(m => m.Validation.Mean)!;
        return $"Chosen by validation accuracy over {Words.Of(seeds, "seed")}: "
            + $"{string.Join("; ", chosen.Select(c => c.Method == c.Setting ? c.Method : $"{c.Method} {c.Setting}"))}. "
            + $"The highest is that of {best.Method}, {Words.Percent(best.Validation.Mean)}. "
            + "Being the best of several tries, it is higher than the truth: polder compare on other seeds judges it.";
    }

    private static PageChart Chart(string method, TuningPoint[] points, IReadOnlyList<TuningPoint> chosen)
    {
        TuningPoint[] ran = [.. points.Where(p => p.Validation.Count > 0).OrderBy(p => p.Value)];
        int at = Array.FindIndex(ran, p => chosen.Contains(p));
        double[] places = [.. Enumerable.Range(0, ran.Length).Select(i => (double)i)];
        string setting = points[0].Setting.Split(' ')[0] is "learning" ? "learning rate" : method == TuningPoint.Shots ? "shots"
            : points[0].Setting.Split(' ')[0];
        return new PageChart(
            method == "base" ? "base optimizer" : method,
            string.Join("; ", ran.Select(p => $"{p.Setting}: {Words.Percent(p.Validation.Mean)}")) + ".",
            PageAxis.OfNames(setting, ran.Select(p => Words.Number(p.Value))), new PageAxis("validation accuracy") { IsShare = true },
            [
                new PageSeries("mean, ± standard deviation over seeds", places, ran.Select(p => p.Validation.Mean))
                {
                    Mark = PageMark.LineAndDots,
                    Low = ran.Select(p => p.Validation.Mean - Spread(p)),
                    High = ran.Select(p => p.Validation.Mean + Spread(p)),
                    Notes = [.. ran.Select(p => $"{p.Setting}: {Words.Percent(p.Validation.Mean)}")],
                },
                .. at < 0 ? [] : (PageSeries[])[new PageSeries("chosen", [at], [ran[at].Validation.Mean]) { Mark = PageMark.LargeDots, Color = 5 }],
            ]);
    }

    private static PageSection Parallel(TuningPoint[] grid)
    {
        TuningPoint[] ran = [.. grid.Where(p => p.Validation.Count > 0 && double.IsFinite(p.Loss) && p.Method != TuningPoint.Shots)];
        string[] methods = [.. ran.Select(p => p.Method).Distinct()];
        (string Name, Func<TuningPoint, double> Of, Func<double, string> Word)[] axes =
        [
            ("method", p => Array.IndexOf(methods, p.Method), i => methods.Length == 0 ? "" : methods[(int)i]),
            ("place in its grid", Rank, rank => rank == 0 ? "smallest" : "largest"),
            ("log of validation loss", p => Math.Log(Math.Max(p.Loss, 1e-12)), log => Words.Number(Math.Exp(log), 3)),
            .. ran.Any(p => p.Diverged > 0) ? [("diverged", p => p.Diverged, count => Invariant($"{count:0}"))]
                : Array.Empty<(string, Func<TuningPoint, double>, Func<double, string>)>(),
            ("validation accuracy", p => p.Validation.Mean, Words.Percent),
        ];
        (double Least, double Most)[] ranges = [.. axes.Select(a => (ran.Select(a.Of).DefaultIfEmpty().Min(), ran.Select(a.Of).DefaultIfEmpty().Max()))];
        return new PageSection(
            "All settings side by side",
            new PageChart(
                "A line is a setting; the stronger its color, the higher its validation accuracy",
                $"{ran.Length} settings over {axes.Length} axes; the best, {ran.MaxBy(p => p.Validation.Mean)?.Method} "
                    + $"{ran.MaxBy(p => p.Validation.Mean)?.Setting}.",
                new PageAxis("")
                {
                    Names = [.. axes.Select((a, i) => (IReadOnlyList<string>)[a.Name, ranges[i].Least == ranges[i].Most ? a.Word(ranges[i].Least)
                        : $"{a.Word(ranges[i].Least)} to {a.Word(ranges[i].Most)}"])],
                },
                new PageAxis("") { IsHidden = true, Least = -0.05, Most = 1.05 },
                [
                    .. ran.OrderBy(p => p.Validation.Mean).Select((p, rank) => new PageSeries(
                        "", Enumerable.Range(0, axes.Length).Select(i => (double)i),
                        axes.Select((a, i) => ranges[i].Most > ranges[i].Least ? (a.Of(p) - ranges[i].Least) / (ranges[i].Most - ranges[i].Least) : 0.5))
                    {
                        Mark = PageMark.LineAndDots,
                        // By rank: one setting that fails would leave the others no difference.
                        Shade = (rank + 1.0) / ran.Length,
                        Notes = [.. axes.Select(_ =>
                            $"{p.Method}, {p.Setting}\nvalidation {Words.Percent(p.Validation.Mean)}, loss {Words.Number(p.Loss, 3)}")],
                    }),
                ])
            { IsWide = true, Legend = false })
        { ShortTitle = "Side by side" };

        double Rank(TuningPoint point)
        {
            double[] values = [.. grid.Where(p => p.Method == point.Method).Select(p => p.Value).Order()];
            return values.Length < 2 ? 0 : (double)Array.IndexOf(values, point.Value) / (values.Length - 1);
        }
    }

    private static ResultTable Table(TuningPoint[] grid, IReadOnlyList<TuningPoint> chosen, int seeds) => ResultTable.Of(
        "grid", ["method", "setting", "validation accuracy", "validation loss", "diverged", "chosen"], grid,
        p =>
        [
            p.Method, p.Setting,
            p.Validation.Count == 0 ? ResultCell.None
                : new ResultCell(Invariant($"{100 * p.Validation.Mean:0.0} ± {100 * Spread(p):0.0}"), p.Validation.Mean) { StandsOut = chosen.Contains(p) },
            double.IsFinite(p.Loss) ? new ResultCell(Words.Number(p.Loss, 3), p.Loss) : ResultCell.None,
            p.Diverged == 0 ? ResultCell.None : new ResultCell($"{p.Diverged} of {seeds}", p.Diverged), chosen.Contains(p) ? "chosen" : "",
        ]);

    private static double Spread(TuningPoint point) => double.IsNaN(point.Validation.StandardDeviation) ? 0 : point.Validation.StandardDeviation;
}
