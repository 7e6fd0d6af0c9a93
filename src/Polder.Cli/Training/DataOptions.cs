using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Vision.Data;
using Polder.Vision.Data.Layouts;
using Polder.Vision.Training;

namespace Polder.Cli.Training;

/// <summary>The options beside <c>--data</c> that say which images are trained on: the layout, how many, how disturbed, how weighted.</summary>
internal sealed class DataOptions
{
    /// <summary>Adds the options to a command.</summary>
    public DataOptions(PolderCommand command)
    {
        command.Add(Heading.Data, Dataset, PerClass, Fraction, LabelNoise, ClassWeights, Sampling, SkipUnreadable);
    }

    public CliOption<string?> Dataset { get; } = DatasetOption();

    public CliOption<int?> PerClass { get; } = OptionOf.OptionalCount("--per-class", "training images of each class", "all", ValueRange.AtLeast(1));

    public CliOption<double?> Fraction { get; } = OptionOf.OptionalNumber(
        "--fraction", "share of each class's training images", "all", ValueRange.AboveUpTo(0, 1));

    public CliOption<double> LabelNoise { get; } = OptionOf.Number(
        "--label-noise", "share of the training images that get a wrong label, for studies", 0, ValueRange.HalfOpen(0, 1));

    public CliOption<string> ClassWeights { get; } = OptionOf.Choice(
        "--class-weights", "weights of the classes in the loss: equal, or such that each class counts alike", "none", "none", "balanced");

    public CliOption<string> Sampling { get; } = OptionOf.Choice(
        "--sampling", "order of an epoch: every image once, or as many of each class, rare images several times", "shuffled", "shuffled", "balanced");

    public CliFlag SkipUnreadable { get; } = CommonOptions.SkipUnreadable();

    /// <summary>The option <c>--dataset</c>, which evaluation has, too.</summary>
    public static CliOption<string?> DatasetOption() => new(
        "--dataset", "NAME", "the published form that the folder of --data has, with its official parts", string.Join(", ", PublishedLayout.All.Select(l => l.Name)), null,
        "found out from the folder", (string text, out string? value) => PublishedLayout.Find(value = text) is not null);

    /// <summary>The training part as the options thin and disturb it; the seed is the task's.</summary>
    public SplitOptions Split(CommandContext context) => new()
    {
        PerClass = context.Get(PerClass),
        Fraction = context.Get(Fraction),
        LabelNoise = context.Get(LabelNoise),
    };

    /// <summary>The parts that a finished run trained on and was judged by, so that they can be made again.</summary>
    public static SplitOptions SplitOf(FinishedRun? run, long seed) => new()
    {
        Seed = seed,
        TestSeed = 0,
        PerClass = run?.Setting<int?>("perClass"),
        Fraction = run?.Setting<double?>("fraction"),
        LabelNoise = run?.Setting<double?>("labelNoise") ?? 0,
    };

    /// <summary>The weighting that the options ask for.</summary>
    public TrainingOptions Apply(CommandContext context, TrainingOptions options) => options with
    {
        ClassWeights = context.Get(ClassWeights) == "balanced" ? Vision.Training.ClassWeights.Balanced : Vision.Training.ClassWeights.None,
        Sampling = context.Get(Sampling) == "balanced" ? Vision.Data.Sampling.Balanced : Vision.Data.Sampling.Shuffled,
    };

    /// <summary>Opens the images of <c>--data</c>.</summary>
    public ImageData Open(CommandContext context, string data, int imageSize) =>
        Open(context, data, imageSize, context.Get(Dataset), context.Get(SkipUnreadable));

    /// <summary>Opens images, with progress; files that are left out are named.</summary>
    public static ImageData Open(CommandContext context, string data, int imageSize, string? dataset, bool skipUnreadable)
    {
        context.Output.Verbose($"images of {data} at {imageSize} x {imageSize} pixels");
        ImageData opened = context.Output.Track("reading images", 1, tracker =>
        {
            var options = new ImageSourceOptions { ImageSize = imageSize, SkipUnreadable = skipUnreadable };
            var progress = new Relay<DecodingProgress>(p => tracker.Report((double)p.Done / Math.Max(1, p.Total), () => $"{p.Done} of {p.Total}"));
            return dataset is null
                ? ImageSources.Open(data, options, progress, context.Cancellation)
                : PublishedLayout.Find(dataset)!.Load(data, options, progress, context.Cancellation);
        });
        foreach (ImageDecodingException skipped in opened.Skipped)
            context.Output.Warn($"left out: {skipped.Message}");
        if (opened.Skipped.Count > 0)
            context.Output.Warn($"{opened.Skipped.Count} image(s) were left out");
        return opened;
    }

    /// <summary>Warns of images that are in two parts.</summary>
    public static IReadOnlyList<Duplicate> WarnOfDuplicates(CommandContext context, DataSplits splits)
    {
        IReadOnlyList<Duplicate> found = Duplicates.Across(splits);
        foreach (IGrouping<(string Part, string SeenPart), Duplicate> group in found.GroupBy(d => (d.Part, d.SeenPart)))
        {
            Duplicate first = group.First();
            int wrong = group.Count(d => !d.SameLabel);
            context.Output.Warn(
                $"{group.Count()} image(s) of the {group.Key.Part} part are in the {group.Key.SeenPart} part, too, such as {first.Origin} = {first.SeenOrigin}" +
                (wrong > 0 ? $"; {wrong} of them with another label" : ""));
        }
        return found;
    }
}
