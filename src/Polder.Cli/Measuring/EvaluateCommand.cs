using System.Globalization;

namespace Polder.Cli.Measuring;

/// <summary><c>polder evaluate</c>: how well weights do on a part of a data set, by every measure.</summary>
internal sealed class EvaluateCommand : PolderCommand
{
    private static readonly int[] Top = [1, 3, 5];

    private readonly ModelOptions _model;
    private readonly ImagesOptions _images;
    private readonly CliOption<long?> _seed = new(
        "--seed", "N", "seed of the split, where none is shipped", "a whole number >= 0", null, "that of --run, else 0",
        (string text, out long? value) =>
        {
            bool allowed = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number);
            value = number;
            return allowed;
        });

    private readonly CliOption<string?> _plot = CommonOptions.Plot();

    public EvaluateCommand()
        : base("evaluate", "judge weights on images: accuracy, top-k, F1, kappa, calibration, each class by itself")
    {
        _model = new ModelOptions(this) { WeightsBesideRun = true };
        _model.AddPrecision(this);
        _model.AddSamples(this);
        _images = new ImagesOptions(this, "test");
        Add(Heading.Data, _seed);
        Add(Heading.Output, _plot);
        UseTorch();
        Examples =
        [
            "polder evaluate --run runs/finetune-1",
            "polder evaluate --run runs/finetune-2 --samples 32",
            "polder evaluate --weights resnet20.th --arch resnet20 --data cifar-10-batches-bin",
        ];
    }

    protected internal override void Run(CommandContext context)
    {
        (TrainedClassifier classifier, RunFolder? run) = _model.Open(context);
        using TrainedClassifier owner = classifier;
        long seed = context.Get(_seed) ?? run?.ReadRecipe().Seed ?? 0;
        if (run?.Images is not null && seed != run.ReadRecipe().Seed)
            throw UserErrorException.ForOption(_seed.Name, $"{seed}", $"{run.ReadRecipe().Seed}, or none: the run remembers its parts");
        context.SetEffective(_seed, seed);
        ImageSet set = _images.Open(context, classifier, run, seed).Images;
        Precision precision = _model.PrecisionOf(context);
        int[] top = [.. Top.Where(k => k < set.Classes.Count)];
        int batch = _model.BatchSize(context);
        ClassificationMetrics metrics;
        if (_model.PosteriorOf(context, classifier, run) is (var posterior, var samples))
        {
            using WeightPosterior drawn = posterior;
            metrics = context.Output.Track("drawing networks", samples, tracker => classifier.Measure(
                set, drawn, samples, top, batch, new Relay<int>(done => tracker.Report(done, () => $"{done} of {samples}")), precision, context.Cancellation));
        }
        else
        {
            metrics = context.Output.Track("evaluating", set.Count, tracker => classifier.Measure(
                set, top, batch, new Relay<int>(done => tracker.Report(done, () => $"{done} of {set.Count}")), precision, context.Cancellation));
        }
        context.Finish(EvaluationReport.Of(_images.Part(context), set.Classes, metrics));
        if (context.Get(_plot) is { } plot)
            PlotWriter.Write(context.Output, plot, ConfusionPlot.Draw("Confusion matrix", set.Classes, metrics.Confusion, Path.GetExtension(plot)));
    }
}
