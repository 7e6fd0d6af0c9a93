using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>The charts of a comparison; a method has one color in all of them.</summary>
internal static class ComparisonCharts
{
    // So that equal values of several seeds are seen beside each other.
    private const double Spread = 0.16;

    /// <summary>The paired differences, a dot a seed.</summary>
    public static PageSection Differences(
        ComparisonResult comparison, MethodRuns reference, IReadOnlyList<PairedDifference?> differences, string[] names, string optimizer)
    {
        int[] others = [.. Enumerable.Range(0, names.Length).Where(i => !ReferenceEquals(comparison.Methods[i], reference) && differences[i] is not null)];
        var series = new List<PageSeries> { new("", [0, 0], [-0.5, others.Length - 0.5]) { IsReference = true } };
        foreach ((int row, int i) in others.Index())
        {
            (long Seed, double Difference)[] pairs =
                [.. comparison.Methods[i].Runs.Join(reference.Runs, r => r.Seed, r => r.Seed, (a, b) => (a.Seed, a.TestAccuracy - b.TestAccuracy))];
            PairedDifference mean = differences[i]!;
            series.Add(new PageSeries("", pairs.Select(p => p.Difference), pairs.Index().Select(p => row + Beside(p.Index, pairs.Length)))
            {
                Mark = PageMark.Dots,
                Color = i,
                Notes = [.. pairs.Select(p => Invariant($"{names[i]}, seed {p.Seed}: {Words.Points(p.Difference)} points"))],
            });
            series.Add(new PageSeries("", [mean.Mean], [row])
            {
                Mark = PageMark.LargeDots,
                Color = i,
                IsAlongX = true,
                Low = [mean.Low],
                High = [mean.High],
                Notes = [$"{names[i]}: {Words.Points(mean.Mean)} points on average\n95 % interval {Words.Points(mean.Low)} to {Words.Points(mean.High)}"],
            });
        }
        return new PageSection(
            $"Differences to {optimizer.ToUpperInvariant()}, seed by seed",
            new PageChart(
                "Test accuracy less that of the base optimizer on the same seed",
                string.Join(" ", others.Select(i => Invariant($"{names[i]}: {Words.Points(differences[i]!.Mean)} points, 95 % interval ")
                    + $"{Words.Points(differences[i]!.Low)} to {Words.Points(differences[i]!.High)}.")),
                new PageAxis("difference in test accuracy, percentage points") { IsPoints = true }, PageAxis.OfNames("", others.Select(i => names[i])), series)
            { IsWide = true, Rows = 2 * others.Length, Legend = false },
            "A dot is a seed; the large dot is their mean, the bar its 95 % interval (Student's t). Right of the line is better. "
                + "Intervals cover the seeds, not the choice of the test images.")
        { ShortTitle = "Differences" };
    }

    /// <summary>The accuracy of every run.</summary>
    public static PageSection Accuracy(ComparisonResult comparison, string[] names)
    {
        var series = new List<PageSeries>();
        foreach ((int i, MethodRuns method) in comparison.Methods.Index())
        {
            series.Add(new PageSeries("", method.Runs.Select(r => r.TestAccuracy), method.Runs.Index().Select(r => i + Beside(r.Index, method.Runs.Count)))
            {
                Mark = PageMark.Dots,
                Color = i,
                Notes = [.. method.Runs.Select(r => Invariant($"{names[i]}, seed {r.Seed}: {Words.Percent(r.TestAccuracy)}"))],
            });
            PairedDifference? mean = ComparisonPage.MeanInterval(method);
            series.Add(new PageSeries("", [method.TestAccuracy.Mean], [i])
            {
                Mark = PageMark.LargeDots,
                Color = i,
                IsAlongX = true,
                Low = mean is null ? null : [mean.Low],
                High = mean is null ? null : [mean.High],
                Notes = [$"{names[i]}: {Words.Percent(method.TestAccuracy.Mean)} on average"],
            });
        }
        return new PageSection(
            "Test accuracy of every run",
            new PageChart(
                "Test accuracy", string.Join(" ", names.Zip(comparison.Methods, (n, m) => $"{n}: {Words.Percent(m.TestAccuracy.Mean)}.")),
                new PageAxis("test accuracy") { IsShare = true }, PageAxis.OfNames("", names), series)
            { IsWide = true, Rows = (3 * names.Length / 2) + 1, Legend = false },
            "A dot is a seed; the large dot is their mean, the bar its 95 % interval (Student's t).")
        { ShortTitle = "Accuracy" };
    }

    /// <summary>Accuracy against what it cost.</summary>
    public static PageSection Cost(ComparisonResult comparison, string[] names) => new(
        "Accuracy against cost",
        new PageColumns(
            Against(comparison, names, "Accuracy against gradients", "gradients a run, each over a batch", r => r.GradientEvaluations, logarithmic: false),
            Against(comparison, names, "Accuracy against time", "seconds a run", r => r.Seconds, logarithmic: false)),
        "Seconds are those of the machine below, with whatever else it did.")
    { ShortTitle = "Cost" };

    /// <summary>Accuracy against curvature.</summary>
    public static PageSection Curvature(ComparisonResult comparison, string[] names, Result report)
    {
        ResultTable? table = report.Blocks.OfType<ResultTable>().FirstOrDefault(t => t.Name == "curvature");
        string? note = report.Blocks.OfType<ResultNote>().FirstOrDefault(n => n.Text.StartsWith("Of the Hessian", StringComparison.Ordinal))?.Text;
        MethodRun[] measured = [.. comparison.Methods.SelectMany(m => m.Runs).Where(r => r.Curvature is not null)];
        return new PageSection(
            "Accuracy against flatness",
            [
                new PageColumns(
                    Against(comparison, names, "Accuracy against the trace of the Hessian", "trace of the Hessian, at the tested weights",
                        r => r.Curvature?.Trace.Value, logarithmic: measured.All(r => r.Curvature!.Trace.Value > 0)),
                    Against(comparison, names, "Accuracy against the largest eigenvalue", "largest eigenvalue",
                        r => r.Curvature?.TopEigenvalue.Value, logarithmic: measured.All(r => r.Curvature!.TopEigenvalue.Value > 0))),
                .. table is null ? Array.Empty<PageBlock>() : [new PageTable("Curvature by method; left in these charts is flatter.",
                    table with { Rows = [.. table.Rows.Select(ComparisonPage.Readable)] })],
                .. note is null ? Array.Empty<PageBlock>() : [(PageBlock)note.Replace("+-", "±")],
            ])
        { ShortTitle = "Flatness" };
    }

    /// <summary>The curves of the trainings by method.</summary>
    public static PageSection Curves(ComparisonResult comparison, string[] names) => new(
        "Learning curves",
        new PageColumns(
            Curve(comparison, names, "Validation accuracy", new PageAxis("validation accuracy") { IsShare = true }, c => c.ValidationAccuracy),
            Curve(comparison, names, "Training loss", new PageAxis("training loss, nats")
            {
                IsLogarithmic = comparison.Methods.SelectMany(m => m.Runs)
                .SelectMany(r => r.Curve?.TrainLoss ?? []).All(l => l > 0)
            }, c => c.TrainLoss)),
        "A strong line is the mean over a method's seeds, faint ones are its runs.")
    { ShortTitle = "Curves" };

    private static PageChart Curve(ComparisonResult comparison, string[] names, string title, PageAxis axis, Func<RunCurve, IReadOnlyList<double>> values)
    {
        var series = new List<PageSeries>();
        foreach ((int i, MethodRuns method) in comparison.Methods.Index())
        {
            RunCurve[] curves = [.. method.Runs.Select(r => r.Curve).OfType<RunCurve>()];
            (int Epoch, double Mean)[] means =
            [
                .. curves.SelectMany(c => c.Epoch.Zip(values(c))).Where(p => double.IsFinite(p.Second)).GroupBy(p => p.First).OrderBy(g => g.Key)
                    .Where(g => g.Count() == curves.Length).Select(g => (g.Key, g.Average(p => p.Second))),
            ];
            if (curves.Length > 1)
                series.AddRange(curves.Select(c => new PageSeries("", c.Epoch.Select(e => (double)e), values(c)) { Color = i, IsFaint = true }));
            series.Add(new PageSeries(names[i], means.Select(m => (double)m.Epoch), means.Select(m => m.Mean)) { Color = i });
        }
        return new PageChart(
            title, $"{title} by epoch, one line a method: {string.Join(", ", names)}.", new PageAxis("epoch") { IsWhole = true }, axis, series)
        { Legend = true };
    }

    private static PageChart Against(ComparisonResult comparison, string[] names, string title, string label, Func<MethodRun, double?> cost, bool logarithmic)
    {
        var series = new List<PageSeries>();
        foreach ((int i, MethodRuns method) in comparison.Methods.Index())
        {
            MethodRun[] runs = [.. method.Runs.Where(r => cost(r) is { } value && double.IsFinite(value))];
            if (runs.Length == 0)
                continue;
            series.Add(new PageSeries("", runs.Select(r => cost(r)!.Value), runs.Select(r => r.TestAccuracy))
            {
                Mark = PageMark.Dots,
                Color = i,
                Notes =
                [
                    .. runs.Select(r => Invariant($"{names[i]}, seed {r.Seed}: {Words.Percent(r.TestAccuracy)}\n{label}: ") + Words.Number(cost(r)!.Value)),
                ],
            });
            double centre = logarithmic ? Math.Exp(runs.Average(r => Math.Log(cost(r)!.Value))) : runs.Average(r => cost(r)!.Value);
            series.Add(new PageSeries(names[i], [centre], [runs.Average(r => r.TestAccuracy)])
            {
                Mark = PageMark.LargeDots,
                Color = i,
                Notes = [$"{names[i]}, mean: {Words.Percent(runs.Average(r => r.TestAccuracy))}\n{label}: {Words.Number(centre)}"],
            });
        }
        return new PageChart(
            title, $"{title}: {string.Join("; ", series.Where(s => s.Name.Length > 0).Select(s => s.Notes![0].Replace('\n', ',')))}.",
            new PageAxis(label) { IsLogarithmic = logarithmic }, new PageAxis("test accuracy") { IsShare = true }, series)
        { Legend = true };
    }

    private static double Beside(int index, int count) => count < 2 ? 0 : Spread * ((2.0 * index / (count - 1)) - 1);
}
