using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>How far a classifier's probabilities can be believed.</summary>
internal static class ReliabilityPart
{
    private const int Bins = 10;

    private sealed record Bin(double Confidence, ProportionInterval Right, int Count);

    /// <summary>The section.</summary>
    /// <param name="predictions">The predictions on the test images.</param>
    public static PageSection Of(ImagePredictions predictions)
    {
        var calibration = new CalibrationBins();
        for (int i = 0; i < predictions.Count; i++)
            calibration.Add(Math.Min(1, predictions.ConfidenceOf(i)), predictions.IsRight(i));
        Bin[] bins =
        [
            .. Enumerable.Range(0, predictions.Count)
                .GroupBy(i => Math.Clamp((int)Math.Ceiling(Bins * predictions.ConfidenceOf(i)) - 1, 0, Bins - 1)).OrderBy(g => g.Key)
                .Select(g => new Bin(g.Average(predictions.ConfidenceOf), ProportionInterval.Of(g.Count(predictions.IsRight), g.Count()), g.Count())),
        ];
        double mean = Enumerable.Range(0, predictions.Count).Average(predictions.ConfidenceOf);
        double right = (double)Enumerable.Range(0, predictions.Count).Count(predictions.IsRight) / predictions.Count;
        string words = Math.Abs(mean - right) < 0.02 ? "about as sure as it is right"
            : mean > right ? "surer than it is right" : "less sure than it is right";
        return new PageSection(
            "How far its probabilities can be believed",
            Invariant($"On average the network gives its choice {Words.Percent(mean)} and is right on {Words.Percent(right)}: it is {words}. ")
                + Invariant($"The expected calibration error, over 15 bins, is {calibration.Error:0.000}."),
            new PageColumns(
            new PageChart(
                "Share of right answers by the probability that was given",
                "Reliability: " + string.Join("; ", bins.Select(b => $"at {Words.Percent(b.Confidence)} {Words.Percent(b.Right.Share)} are right")) + ".",
                new PageAxis("probability of the chosen class") { IsShare = true, Least = 0, Most = 1 },
                new PageAxis("share that is right") { IsShare = true, Least = 0, Most = 1 },
                new PageSeries("as it should be", [0, 1], [0, 1]) { IsReference = true },
                new PageSeries("test images, with 95 % intervals", bins.Select(b => b.Confidence), bins.Select(b => b.Right.Share))
                {
                    Mark = PageMark.LargeDots,
                    Low = bins.Select(b => b.Right.Low),
                    High = bins.Select(b => b.Right.High),
                    Notes = [.. bins.Select(b => $"{Words.Of(b.Count, "image")} at {Words.Percent(b.Confidence)} on average\n{Words.Percent(b.Right)} right")],
                }),
            new PageChart(
                "How often it was how sure",
                "Images by the probability of the chosen class: " + string.Join("; ",
                    bins.Select(b => $"{Words.Percent(b.Confidence)}: {Words.Of(b.Count, "image")}")) + ".",
                new PageAxis("probability of the chosen class") { IsShare = true, Least = 0, Most = 1 },
                new PageAxis("test images") { IsWhole = true, Least = 0 },
                new PageSeries("right", bins.Select(b => b.Confidence), bins.Select(b => Math.Round(b.Count * b.Right.Share))) { Mark = PageMark.LineAndDots },
                new PageSeries("wrong", bins.Select(b => b.Confidence), bins.Select(b => b.Count - Math.Round(b.Count * b.Right.Share)))
                { Mark = PageMark.LineAndDots, Color = 1 })))
        { ShortTitle = "Calibration" };
    }
}
