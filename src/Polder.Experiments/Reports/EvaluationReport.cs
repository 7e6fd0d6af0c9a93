using Polder.Vision.Training.Metrics;
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
        return new Result(new
        {
            metrics.Accuracy,
            metrics.Loss,
            metrics.Count,
            Classes = classes,
            Split = split,
            metrics.TopAccuracy,
            metrics.BalancedAccuracy,
            metrics.MacroF1,
            metrics.QuadraticKappa,
            metrics.ExpectedCalibrationError,
            ConfusionMatrix = metrics.Confusion.ToRows(),
            metrics.PerClass,
        })
        {
            // Beside long names of classes a narrow terminal would break every word of what a class is taken for.
            WideFrom = WideTable,
            Blocks = [Measures(split, classes, metrics), .. PerClass(classes, metrics)],
        };
    }

    private static ResultTable Measures(string split, IReadOnlyList<string> classes, ClassificationMetrics metrics) => new(
        "measures",
        ["measure", new(split, "value")],
        [
            ["images", metrics.Count],
            ["accuracy", Percent(metrics.Accuracy)],
            .. metrics.TopAccuracy.Where(t => t.Key > 1).Select(t => (IReadOnlyList<ResultCell>)[Invariant($"top-{t.Key} accuracy"), Percent(t.Value)]),
            ["balanced accuracy", Percent(metrics.BalancedAccuracy)],
            ["macro F1", ResultCell.Of(metrics.MacroF1, "F4")],
            // Only grades have an order that a kappa could respect.
            .. classes.All(name => int.TryParse(name, out _))
                ? (IReadOnlyList<ResultCell>[])[["quadratic kappa", ResultCell.Of(metrics.QuadraticKappa, "F4")]]
                : [],
            ["calibration error", ResultCell.Of(metrics.ExpectedCalibrationError, "F4")],
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
