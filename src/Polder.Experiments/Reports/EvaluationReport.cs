using static System.FormattableString;

namespace Polder.Experiments.Reports;

/// <summary>The metrics of a classifier as tables: over all images, and class by class.</summary>
public static class EvaluationReport
{
    private const int MostRows = 20, WideTable = 90;

    /// <summary>Makes the report.</summary>
    /// <param name="split">What the images are called, such as "test".</param>
    /// <param name="classes">The names of the classes.</param>
    /// <param name="metrics">The metrics.</param>
    public static Result Of(string split, IReadOnlyList<string> classes, ClassificationMetrics metrics)
    {
        ArgumentNullException.ThrowIfNull(classes);
        ArgumentNullException.ThrowIfNull(metrics);
        var members = new OrderedDictionary<string, object?>
        {
            ["accuracy"] = metrics.Accuracy,
            ["loss"] = metrics.Loss,
            ["count"] = metrics.Count,
            ["classes"] = classes,
            ["split"] = split,
            ["topAccuracy"] = metrics.TopAccuracy,
        };
        foreach (MetricFigure figure in metrics.Figures)
            members[figure.Name] = figure.Value;
        members["confusionMatrix"] = metrics.Confusion.ToRows();
        members["perClass"] = metrics.PerClass;
        return new Result(members)
        {
            // Beside long names of classes a narrow terminal would break every word of what a class is taken for.
            WideFrom = WideTable,
            Blocks = [Measures(split, metrics), .. PerClass(classes, metrics)],
        };
    }

    private static ResultTable Measures(string split, ClassificationMetrics metrics) => new(
        "measures",
        ["measure", new(split, "value")],
        [
            ["images", metrics.Count],
            ["accuracy", Percent(metrics.Accuracy)],
            .. metrics.TopAccuracy.Where(t => t.Key > 1).Select(t => (IReadOnlyList<ResultCell>)[Invariant($"top-{t.Key} accuracy"), Percent(t.Value)]),
            .. metrics.Figures.Where(f => f.IsForPeople).Select(f => (IReadOnlyList<ResultCell>)[f.Words, ResultCell.Of(f.Value, f.Format)]),
            ["loss", ResultCell.Of(metrics.Loss, "F4")],
        ]);

    private static IEnumerable<ResultBlock> PerClass(IReadOnlyList<string> classes, ClassificationMetrics metrics)
    {
        ResultTable all = ResultTable.Of(
            "classes",
            ["class", "images", "precision", "recall", new("F1", "f1"),
                new("most often taken for", "mostOftenTakenFor", "times") { In = ResultPlace.Wide | ResultPlace.Programs }],
            metrics.PerClass.Index(),
            c => [c.Item.Name, c.Item.Count, Percent(c.Item.Precision), Percent(c.Item.Recall), ResultCell.Of(c.Item.F1, "F3"),
                MostTakenFor(classes, metrics.Confusion, c.Index)]);
        if (all.Rows.Count <= MostRows)
            return [all];
        int[] lowest = [.. metrics.PerClass.Index().Where(c => c.Item.Count > 0).OrderBy(c => c.Item.F1).Take(MostRows).Select(c => c.Index)];
        return
        [
            Invariant($"the {lowest.Length} classes of the lowest F1 (--json has all {classes.Count}):"),
            all with { Rows = [.. lowest.Select(i => all.Rows[i])], In = ResultPlace.People },
            all with { In = ResultPlace.Programs },
        ];
    }

    private static ResultCell MostTakenFor(IReadOnlyList<string> classes, ConfusionMatrix confusion, int label)
    {
        (int other, long count) = Enumerable.Range(0, classes.Count).Where(c => c != label).Select(c => (c, confusion[label, c])).MaxBy(c => c.Item2);
        return count == 0 ? ResultCell.None : new(Invariant($"{classes[other]} ({count})"), classes[other], count);
    }

    private static ResultCell Percent(double share) => ResultCell.Of(share, "P1");
}
