using System.Globalization;
using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Cli.Output;
using Polder.Cli.Training;
using Polder.Experiments.Comparison;
using Polder.Experiments.Reports;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training.Metrics;

namespace Polder.Cli.Measuring;

/// <summary><c>polder evaluate</c>: how well weights do on a part of a data set, by every measure.</summary>
internal sealed class EvaluateCommand : PolderCommand
{
    private const int DefaultBatchSize = 64;

    private static readonly int[] Top = [1, 3, 5];

    private readonly CliOption<string?> _run = CommonOptions.Run();
    private readonly CliOption<string?> _data = CommonOptions.Data();
    private readonly CliOption<string?> _dataset = DataOptions.DatasetOption();
    private readonly CliOption<string?> _weights = CommonOptions.Weights();
    private readonly CliOption<string?> _architecture = CommonOptions.Architecture([.. Architectures.All.Select(a => a.Name)]);
    private readonly CliOption<string> _split = OptionOf.Choice(
        "--split", "the part that is evaluated; where none is shipped, the one cut with --seed", "test", "train", "validation", "test");

    private readonly CliOption<int?> _imageSize = CommonOptions.ImageSize();
    private readonly CliOption<int> _batchSize = CommonOptions.BatchSize(DefaultBatchSize);
    private readonly CliOption<long?> _seed = new(
        "--seed", "N", "seed of the split, where none is shipped", "a whole number >= 0", null, "that of --run, else 0",
        (string text, out long? value) =>
        {
            bool allowed = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number);
            value = number;
            return allowed;
        });

    private readonly CliFlag _skipUnreadable = CommonOptions.SkipUnreadable();
    private readonly CliOption<string?> _plot = CommonOptions.Plot();

    public EvaluateCommand()
        : base("evaluate", "judge weights on images: accuracy, top-k, F1, kappa, calibration, each class by itself")
    {
        Add(Heading.Data, _run, _data, _dataset, _split, _seed, _skipUnreadable);
        Add(Heading.Network, _weights, _architecture, _imageSize, _batchSize);
        Add(Heading.Output, _plot);
        UseTorch();
        Examples =
        [
            "polder evaluate --run runs/finetune-1",
            "polder evaluate --weights resnet20.th --arch resnet20 --data cifar-10-batches-bin",
        ];
    }

    protected internal override void Run(CommandContext context)
    {
        FinishedRun? run = context.Get(_run) is { } folder ? FinishedRun.Open(folder) : null;
        string path = context.Get(_data) ?? run?.Setting<string>(_data) ?? throw UserErrorException.ForOption("--data", "", "a folder or the name of a built-in set, or --run");
        long seed = context.Get(_seed) ?? run?.Seed ?? 0;
        context.SetEffective(_data, path);
        context.SetEffective(_seed, seed);
        string? dataset = context.Get(_dataset) ?? (context.IsGiven(_data) ? null : run?.Setting<string>(_dataset));
        context.SetEffective(_dataset, dataset);
        using TrainedModel trained = TrainedModel.Open(context, _weights, _architecture, _imageSize, run);
        DataSplits splits = Splits(context, trained, path, dataset, seed, run);
        ImageSet set = context.Get(_split) switch { "train" => splits.Train, "validation" => splits.Validation, _ => splits.Test };
        var loader = new Loader(set, new LoaderOptions
        {
            BatchSize = context.Get(_batchSize),
            ImageSize = trained.File.ImageSize,
            Normalization = trained.File.Normalization,
        });
        int[] top = [.. Top.Where(k => k < set.Classes.Count)];
        ClassificationMetrics metrics = context.Output.Track("evaluating", set.Count, tracker => ModelMetrics.Of(
            trained.Model, loader, top, new Relay<int>(done => tracker.Report(done, () => $"{done} of {set.Count}")), context.Cancellation));
        context.Finish(EvaluationReport.Of(context.Get(_split)!, set.Classes, metrics));
        if (context.Get(_plot) is { } plot)
            PlotWriter.Write(context, plot, ConfusionPlot.Draw("Confusion matrix", set.Classes, metrics.Confusion, Path.GetExtension(plot)));
    }

    private DataSplits Splits(CommandContext context, TrainedModel trained, string path, string? dataset, long seed, FinishedRun? run)
    {
        // The demo's network knows five of the ten digits, and its test images are cut from those.
        if (path == Digits.Name && trained.NamesClasses && trained.File.Classes.SequenceEqual(Digits.Upper().Classes))
            return DigitsTask.Splits(run?.Setting<int?>("shots") ?? DigitsTask.DefaultShots, seed);
        ImageData data = DataOptions.Open(
            context, path, trained.File.ImageSize, dataset,
            context.Get(_skipUnreadable) || (run?.Setting<bool?>(_skipUnreadable) ?? false));
        trained.RequireClasses(path, data.Classes);
        return data.Split(DataOptions.SplitOf(run, seed));
    }
}
