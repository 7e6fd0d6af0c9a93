using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>How a training went, epoch by epoch.</summary>
internal static class CurvesPart
{
    private const double Decades = 30;

    // Of a normal distribution.
    private const double Interval95 = 1.96;

    private static readonly PageAxis Epochs = new("epoch") { IsWhole = true };

    /// <summary>The section.</summary>
    /// <param name="epochs">The epochs, at least one.</param>
    /// <param name="keptEpoch">The epoch whose weights were kept; null where that is not known.</param>
    public static PageSection Of(IReadOnlyList<EpochReport> epochs, int? keptEpoch)
    {
        EpochReport[] validated = [.. epochs.Where(e => e.IsValidated)];
        EpochReport? kept = epochs.FirstOrDefault(e => e.Epoch == keptEpoch);
        List<PageBlock> charts = [Losses(epochs, validated, kept)];
        if (validated.Length > 0)
            charts.Add(Accuracy(validated, kept));
        EpochReport[] stepped = [.. epochs.Where(e => e.Epoch > 0)];
        if (stepped.Length > 0)
            charts.Add(new PageChart(
                "Learning rate at the end of each epoch",
                    Invariant($"From {Words.Number(stepped[0].LearningRate)} to {Words.Number(stepped[^1].LearningRate)}."),
                Epochs, new PageAxis("learning rate") { Least = 0 }, new PageSeries("", Numbers(stepped), stepped.Select(e => e.LearningRate)) { Color = 2 }));
        EpochReport[] curved = [.. epochs.Where(e => e.Curvature is not null)];
        if (curved.Length > 0)
        {
            charts.Add(Trace(curved));
            charts.Add(new PageChart(
                "Sigma of the weight noise", Invariant($"From {Words.Number(curved[0].Curvature!.Sigma)} to {Words.Number(curved[^1].Curvature!.Sigma)}."),
                    Epochs,
                new PageAxis("sigma") { Least = 0 }, new PageSeries("", Numbers(curved), curved.Select(e => e.Curvature!.Sigma)) { Color = 3 }));
        }
        return new PageSection("How the training went", new PageColumns(charts)) { ShortTitle = "Training" };
    }

    private static PageChart Losses(IReadOnlyList<EpochReport> epochs, EpochReport[] validated, EpochReport? kept)
    {
        double[] all = [.. epochs.Select(e => e.TrainLoss).Concat(validated.Select(e => e.ValidationLoss)).Where(double.IsFinite)];
        bool logarithmic = all.Length > 0 && all.Min() > 0 && all.Max() / all.Min() > Decades;
        return new PageChart(
            "Loss",
            Invariant($"Training loss from {Words.Number(epochs[0].TrainLoss)} to {Words.Number(epochs[^1].TrainLoss)}")
                + (validated.Length > 0
                    ? $"; validation loss from {Words.Number(validated[0].ValidationLoss)} to {Words.Number(validated[^1].ValidationLoss)}." : "."),
            Epochs, new PageAxis("mean cross entropy, nats") { IsLogarithmic = logarithmic },
            [
                new PageSeries("training", Numbers(epochs), epochs.Select(e => e.TrainLoss)),
                new PageSeries("validation", Numbers(validated), validated.Select(e => e.ValidationLoss)) { Color = 1 },
                .. Kept(kept, e => e.ValidationLoss),
            ]);
    }

    private static PageChart Accuracy(EpochReport[] validated, EpochReport? kept) => new(
        "Validation accuracy",
        $"From {Words.Percent(validated[0].ValidationAccuracy)} to {Words.Percent(validated[^1].ValidationAccuracy)}, "
            + $"at best {Words.Percent(validated.Max(e => e.ValidationAccuracy))}.",
        Epochs, new PageAxis("accuracy") { IsShare = true },
        [
            new PageSeries("validation", Numbers(validated), validated.Select(e => e.ValidationAccuracy))
            {
                Color = 1,
                Mark = validated.Length < 3 ? PageMark.LineAndDots : PageMark.Line,
            },
            .. Kept(kept, e => e.ValidationAccuracy),
        ]);

    private static PageChart Trace(EpochReport[] curved)
    {
        EpochCurvature[] found = [.. curved.Select(e => e.Curvature!)];
        return new PageChart(
            "Trace of the Hessian, from the training's own noise pairs",
            $"From {Words.Number(found[0].Trace, found[0].TraceStandardError)} to {Words.Number(found[^1].Trace, found[^1].TraceStandardError)}.",
            Epochs, new PageAxis("trace, with a band of 95 %"),
            new PageSeries("", Numbers(curved), found.Select(c => c.Trace))
            {
                Low = found.Select(c => c.Trace - (Interval95 * c.TraceStandardError)),
                High = found.Select(c => c.Trace + (Interval95 * c.TraceStandardError)),
                IsBand = true,
                Color = 2,
            });
    }

    private static IEnumerable<PageSeries> Kept(EpochReport? kept, Func<EpochReport, double> value) => kept is null || !double.IsFinite(value(kept)) ? []
        : [new PageSeries($"kept: epoch {kept.Epoch}", [kept.Epoch], [value(kept)]) { Mark = PageMark.LargeDots, Color = 5 }];

    private static IEnumerable<double> Numbers(IEnumerable<EpochReport> epochs) => epochs.Select(e => (double)e.Epoch);
}
