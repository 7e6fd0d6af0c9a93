namespace Polder.Cli.Training;

/// <summary>The pictures of a run folder: how the training went, and what the test images were taken for.</summary>
internal static class RunPlots
{
    public static void Write(
        CommandContext context, RunFolder folder, IReadOnlyList<EpochReport> epochs, IReadOnlyList<string> classes, ConfusionMatrix confusion)
    {
        if (!PlotFont.IsAvailable)
            context.Output.Verbose("no TrueType font was found: the plots have lines and no words");
        double[] x = [.. epochs.Select(e => (double)e.Epoch)];
        Curve[] curves =
        [
            new("training loss", x, [.. epochs.Select(e => e.TrainLoss)]),
            new("validation loss", x, [.. epochs.Select(e => e.ValidationLoss)]),
            new("validation error", x, [.. epochs.Select(e => 1 - e.ValidationAccuracy)]),
        ];
        // A logarithmic axis has no place for losses of exactly zero: a run of nothing else has no picture.
        if (curves.Any(c => c.Y.Any(y => double.IsFinite(y) && y > 0)))
            Save(folder, "curves.svg", new CurvePlot("Training", "epoch", "loss, share of errors")
            {
                Markers = epochs.Count <= 60,
                WholeX = true,
                LegendBeside = true,
            }.Draw(curves, ".svg"));
        Save(folder, "confusion.svg", ConfusionPlot.Draw("Test images", classes, confusion, ".svg"));
    }

    private static void Save(RunFolder folder, string name, byte[] picture) =>
        AtomicFile.Write(folder.In(name), stream => stream.Write(picture));
}
