using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>What was taken for what: a matrix of all classes, or of the worst confusions where there are many, and each class by itself.</summary>
internal static class ClassPart
{
    /// <summary>Classes up to which the matrix has all.</summary>
    public const int MostInMatrix = 30;

    private const int Worst = 20, MostBeside = 12, WorstPairs = 25, MostOpenRows = 30, MostRecalls = 40;

    /// <summary>The sections.</summary>
    /// <param name="classes">The names of the classes.</param>
    /// <param name="confusion">The counts.</param>
    public static IEnumerable<PageSection> Of(IReadOnlyList<string> classes, ConfusionMatrix confusion)
    {
        yield return new PageSection("What was taken for what", [.. Confusions(classes, confusion)]) { ShortTitle = "Confusions" };
        yield return new PageSection("Each class by itself", [.. Classes(classes, confusion)]) { ShortTitle = "Classes" };
    }

    private static IEnumerable<PageBlock> Confusions(IReadOnlyList<string> classes, ConfusionMatrix confusion)
    {
        (int True, int Taken, long Count)[] pairs =
        [
            .. from t in Enumerable.Range(0, classes.Count)
               from p in Enumerable.Range(0, classes.Count)
               where t != p && confusion[t, p] > 0
               orderby confusion[t, p] descending, t, p
               select (t, p, confusion[t, p]),
        ];
        if (classes.Count <= MostInMatrix)
        {
            int[] all = [.. Enumerable.Range(0, classes.Count)];
            PageMatrix matrix = Matrix("Images of each class (rows) by what they were taken for (columns); colors are shares of the row.", classes,
                confusion, all);
            yield return classes.Count <= MostBeside && Recall(classes, confusion) is { } recall ? new PageColumns(matrix, recall) : matrix;
        }
        else if (pairs.Length > 0)
        {
            int[] worst = [.. pairs.SelectMany(p => (int[])[p.True, p.Taken]).Distinct().Take(Worst).Order()];
            yield return Matrix(
                $"The {worst.Length} classes of the most frequent confusions, of {classes.Count}; "
                    + "colors are shares of the row, of which the rest is elsewhere.",
                classes, confusion, worst);
        }
        if (pairs.Length == 0)
        {
            yield return "Every image was taken for its class.";
            yield break;
        }
        yield return new PageTable(
            pairs.Length > WorstPairs ? $"The {WorstPairs} most frequent of {pairs.Length} confusions." : "Confusions, the most frequent first.",
            ResultTable.Of(
                "confusions", ["true class", "taken for", "images", "share of the class"], pairs.Take(WorstPairs),
                p => [classes[p.True], classes[p.Taken], p.Count, Share((double)p.Count / confusion.Support(p.True))]))
        {
            Folded = classes.Count <= MostInMatrix ? "The most frequent confusions as a table" : null,
        };
    }

    private static PageMatrix Matrix(string caption, IReadOnlyList<string> classes, ConfusionMatrix confusion, int[] shown) => new(
        caption, [.. shown.Select(c => classes[c])], [.. shown.Select(c => classes[c])],
        [.. shown.Select(t => (IReadOnlyList<long>)[.. shown.Select(p => confusion[t, p])])], [.. shown.Select(confusion.Support)]);

    private static IEnumerable<PageBlock> Classes(IReadOnlyList<string> classes, ConfusionMatrix confusion)
    {
        if (classes.Count > MostBeside && Recall(classes, confusion) is { } recall)
            yield return recall;
        ResultTable table = ResultTable.Of(
            "classes", ["class", "images", "recall", "precision", "F1", "most often taken for"], Enumerable.Range(0, classes.Count),
            c =>
            [
                classes[c], confusion.Support(c), Share(confusion.Recall(c)), Share(confusion.Precision(c)), ResultCell.Of(confusion.F1(c), "F3"),
                MostTakenFor(classes, confusion, c),
            ]);
        yield return new PageTable("Recall: of a class's images the share taken for it. Precision: of the images taken for it the share that is of it.", table)
        {
            Folded = classes.Count > MostOpenRows ? $"All {classes.Count} classes as a table" : null,
        };
        yield return "Intervals are Wilson's, of 95 %: what the choice of these test images leaves open.";
    }

    private static PageChart? Recall(IReadOnlyList<string> classes, ConfusionMatrix confusion)
    {
        (string Name, long Support, ProportionInterval Recall, int Label)[] tested =
        [
            .. classes.Index().Where(c => confusion.Support(c.Index) > 0).Select(c =>
                (c.Item, confusion.Support(c.Index), ProportionInterval.Of(confusion[c.Index, c.Index], confusion.Support(c.Index)), c.Index)),
        ];
        var lowest = tested.OrderBy(c => c.Recall.Share).ThenBy(c => c.Label).Take(MostRecalls).ToArray();
        if (lowest.Length == 0)
            return null;
        bool all = lowest.Length == tested.Length;
        // All classes keep their order; the lowest of many come with the lowest first.
        var shown = all ? tested : lowest;
        double[] places = [.. Enumerable.Range(0, shown.Length).Select(i => (double)i)];
        return new PageChart(
            all ? "Recall: of the images of a class, the share taken for it" : $"The {lowest.Length} classes of the lowest recall, of {tested.Length}",
            Invariant($"Recall of {shown.Length} classes with 95 % intervals, from {Words.Percent(shown.Min(c => c.Recall.Share))} ({lowest[0].Name}) ")
                + $"to {Words.Percent(shown.Max(c => c.Recall.Share))}.",
            new PageAxis("recall") { IsShare = true, Least = 0, Most = 1 }, PageAxis.OfNames("", shown.Select(c => c.Name)),
            new PageSeries("", shown.Select(c => c.Recall.Share), places)
            {
                Mark = PageMark.LargeDots,
                IsAlongX = true,
                Low = shown.Select(c => c.Recall.Low),
                High = shown.Select(c => c.Recall.High),
                Notes = [.. shown.Select(c => Invariant($"{c.Name}: {Words.Percent(c.Recall)}\n{Words.Of(c.Support, "image")}"))],
            })
        { IsWide = true, Rows = shown.Length };
    }

    private static ResultCell MostTakenFor(IReadOnlyList<string> classes, ConfusionMatrix confusion, int label)
    {
        (int other, long count) = Enumerable.Range(0, classes.Count).Where(c => c != label).Select(c => (c, confusion[label, c])).MaxBy(c => c.Item2);
        return count == 0 ? ResultCell.None : $"{classes[other]} ({count})";
    }

    private static ResultCell Share(double share) => new(Words.Percent(share), share);
}
