using Polder.Checkpoints;
using Polder.Cli.Files;
using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Cli.Training;
using Polder.Experiments.Comparison;
using Polder.Experiments.Measurement;
using Polder.Machine;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;

namespace Polder.Cli.Measuring;

/// <summary>The options that say which network is measured on which images: the same for every command that measures trained weights.</summary>
internal sealed class MeasurementOptions
{
    private const int DefaultBatchSize = 64;
    private readonly int? _defaultSamples;
    private readonly bool _choosesSplit;

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="samples">The default of --samples; null is all images.</param>
    /// <param name="choosesSplit">Whether there is a --split; without it the training images are measured.</param>
    public MeasurementOptions(PolderCommand command, int? samples = 1000, bool choosesSplit = true)
    {
        (_defaultSamples, _choosesSplit) = (samples, choosesSplit);
        Samples = OptionOf.OptionalCount(
            "--samples", "images: the first ones of the split, in its order, without augmentation", samples?.ToString() ?? "all", ValueRange.AtLeast(1));
        command.Add(Heading.Data, Run, Data);
        if (choosesSplit)
            command.Add(Heading.Data, Split);
        command.Add(Heading.Data, Samples);
        command.Add(Heading.Network, Weights, Architecture, ImageSize, BatchSize);
        command.Add(Heading.Running, Seed);
    }

    public CliOption<string?> Run { get; } = CommonOptions.Run();

    public CliOption<string?> Weights { get; } = CommonOptions.Weights();

    public CliOption<string?> Architecture { get; } = CommonOptions.Architecture([.. Architectures.All.Select(a => a.Name)]);

    public CliOption<string?> Data { get; } = CommonOptions.Data();

    public CliOption<string> Split { get; } = OptionOf.Choice(
        "--split", "the part that is measured; where none is shipped, the one cut with --seed or by the run", "train", "train", "validation", "test");

    public CliOption<int?> Samples { get; }

    public CliOption<int?> ImageSize { get; } = CommonOptions.ImageSize();

    public CliOption<int> BatchSize { get; } = CommonOptions.BatchSize(DefaultBatchSize);

    public CliOption<long> Seed { get; } = CommonOptions.Seed();

    /// <summary>Opens network and images, and checks the network's convolutions on this machine.</summary>
    public Measured Open(CommandContext context)
    {
        FinishedRun? run = context.Get(Run) is { } folder ? FinishedRun.Open(folder) : null;
        if (run is not null && (context.IsGiven(Weights) || context.IsGiven(Architecture)))
            throw UserErrorException.ForOption(context.IsGiven(Weights) ? Weights.Name : Architecture.Name, "a value beside --run", "either --run or weights and architecture");
        string weights = run?.Weights ?? context.Get(Weights) ?? throw UserErrorException.ForOption(Weights.Name, "", "a checkpoint file, or --run with a run folder");
        context.SetEffective(Weights, weights);
        using Checkpoint checkpoint = WeightsOf.Load(weights);
        ModelFile? file = ModelFile.Of(checkpoint);
        Architecture architecture = FineTuningOptions.ChooseArchitecture(context, Architecture, weights, file);
        int size = context.Get(ImageSize) ?? file?.ImageSize ?? architecture.ImageSize;
        context.SetEffective(ImageSize, size);

        (DataSplits splits, ImageData? data, string name) = OpenSplits(context, run, size);
        IReadOnlyList<string> classes = splits.Train.Classes;
        (ImageClassifier model, LoadReport load) = CheckpointTask.LoadModel(checkpoint, architecture, classes.Count);
        try
        {
            RequireFit(weights, architecture, model, load, splits.Train, name);
            if (file is not null && !file.Classes.SequenceEqual(classes))
                throw new UserErrorException($"{name}: has other classes than {weights} was trained for: {string.Join(", ", classes.Take(5))} and {string.Join(", ", file.Classes.Take(5))}");
            ImageSet images = Choose(context, splits);
            var network = new MeasuredNetwork(
                model, new ModelFile(architecture.Name, size, file?.Normalization ?? architecture.Normalization, classes), images, name, context.Get(BatchSize));
            RequireRightConvolutions(context, network);
            context.Output.Info($"{name}: {images.Count} {(_choosesSplit ? context.Get(Split) : "training")} images, {classes.Count} classes, {architecture.Name}");
            return new Measured(network, architecture, data, run);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private (DataSplits Splits, ImageData? Data, string Name) OpenSplits(CommandContext context, FinishedRun? run, int size)
    {
        if (run is not null && IsDemo(context, run))
        {
            int shots = run.Setting<int?>("shots") ?? DigitsTask.DefaultShots;
            context.SetEffective(Data, Digits.Name);
            return (DigitsTask.Splits(shots, run.Seed), null, DigitsTask.NameOf(shots));
        }
        string path = context.Get(Data) ?? run?.Setting<string>("data") ?? throw UserErrorException.ForOption(Data.Name, "", "a folder or the name of a built-in set");
        context.SetEffective(Data, path);
        ImageData data = DataOptions.Open(context, path, size, context.IsGiven(Data) ? null : run?.Setting<string>("dataset"), run?.Setting<bool?>("skipUnreadable") ?? false);
        // As the run cut it: the seed chooses the validation images; the test images are the same for all seeds.
        return (data.Split(DataOptions.SplitOf(run, run?.Seed ?? context.Get(Seed))), data, data.Name);
    }

    private bool IsDemo(CommandContext context, FinishedRun run) =>
        !context.IsGiven(Data) && run.Setting<string>("data") == Digits.Name && run.Setting<string>("weights") is null && run.Setting<string>("arch") is null;

    private ImageSet Choose(CommandContext context, DataSplits splits)
    {
        ImageSet split = !_choosesSplit ? splits.Train : context.Get(Split) switch { "validation" => splits.Validation, "test" => splits.Test, _ => splits.Train };
        int count = Math.Min(split.Count, context.Get(Samples) ?? _defaultSamples ?? split.Count);
        context.SetEffective(Samples, count);
        return count == split.Count ? split : split.Subset([.. Enumerable.Range(0, count)]);
    }

    private static void RequireFit(string weights, Architecture architecture, ImageClassifier model, LoadReport load, ImageSet images, string data)
    {
        if (load.Missing.FirstOrDefault(t => architecture.HeadParameters.Contains(t.Name)) is { } missing)
            throw new UserErrorException($"{weights}: has no head: {missing.Name} is missing, so there is no loss to measure");
        if (model.Classes != images.Classes.Count)
            throw new UserErrorException($"{data}: has {images.Classes.Count} classes, allowed: {model.Classes}, as many as the head of {weights}");
        if (model.Channels != images.Channels)
            throw new UserErrorException($"{data}: has images of {images.Channels} channel(s), allowed: {model.Channels}, which {architecture.Name} takes");
    }

    private static void RequireRightConvolutions(CommandContext context, MeasuredNetwork network)
    {
        ConvolutionReport report = network.Model.CheckConvolutions(network.File.ImageSize);
        if (!report.IsRight)
            throw new UserErrorException($"{network.File.Architecture}: {report.Describe()}");
        context.Output.Verbose($"{report.Verdicts.Count} distinct convolutions checked against float64: all right");
    }
}

/// <summary>A network that is measured, with what is known of where it came from; it owns the network.</summary>
/// <param name="Network">The network and its images.</param>
/// <param name="Architecture">Its architecture.</param>
/// <param name="Data">The data set; null for the built-in demo.</param>
/// <param name="Run">The run that made the network; null where it was given as a file.</param>
internal sealed record Measured(MeasuredNetwork Network, Architecture Architecture, ImageData? Data, FinishedRun? Run) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Network.Dispose();

    /// <summary>The network that the run started from, rebuilt: pre-trained weights and, where the run replaced it, its new head.</summary>
    /// <exception cref="UserErrorException">There is no run.</exception>
    public ImageClassifier RebuildStart(CommandContext context)
    {
        FinishedRun run = Run ?? throw new UserErrorException("--start: found nothing, allowed: the checkpoint that the training started from, or --run");
        if (Data is null)
        {
            using DigitsTask demo = context.Output.Track("pre-training on digits 0-4, as the run did", 1, tracker => DigitsTask.Create(
                run.Setting<int?>("shots") ?? DigitsTask.DefaultShots,
                new Relay<TrainingProgress>(p => tracker.Report((double)p.Step / p.Steps, () => $"loss {p.Loss:F3}")),
                context.Cancellation));
            return demo.Prepare(run.Seed).Model;
        }
        Checkpoint? checkpoint = run.Setting<string>("weights") is { } weights ? WeightsOf.Load(weights) : null;
        using var task = new CheckpointTask(Data, Architecture, Network.File.ImageSize, checkpoint, Network.File.Normalization);
        return task.Prepare(run.Seed).Model;
    }
}
