using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Vision.Data.Distortions;
using Polder.Vision.Training;

namespace Polder.Cli.Training;

/// <summary>The options that change training images beyond <c>--augment</c>, and how the learning rate and the end of the training are chosen.</summary>
internal sealed class AugmentationOptions
{
    private static readonly Dictionary<string, LearningRateSchedule> Schedules = new()
    {
        ["constant"] = LearningRateSchedule.Constant,
        ["cosine"] = LearningRateSchedule.Cosine,
        ["step"] = LearningRateSchedule.Step,
        ["one-cycle"] = LearningRateSchedule.OneCycle,
    };

    private readonly CliOption<double> _jitter = OptionOf.Number(
        "--colour-jitter", "brightness, contrast and saturation by random factors from 1 - X to 1 + X", 0, ValueRange.Between(0, 1));

    private readonly CliOption<double> _hue = OptionOf.Number(
        "--hue-jitter", "hue by a random turn from -X to X of the colour circle, beside --colour-jitter", 0, ValueRange.Between(0, 0.5));

    private readonly CliOption<int> _operations = OptionOf.Count("--rand-augment", "operations of RandAugment on an image", 0, ValueRange.Between(0, 14));
    private readonly CliOption<int> _magnitude = OptionOf.Count(
        "--rand-magnitude", "how strong the operations of --rand-augment are", 9, ValueRange.Between(0, Distortion.LargestMagnitude));

    private readonly CliOption<double> _erasing = OptionOf.Number("--erase", "probability that a rectangle of an image is erased", 0, ValueRange.Between(0, 1));
    private readonly CliOption<double> _cutMix = OptionOf.Number(
        "--cutmix", "shape of the beta distribution of CutMix, which puts a rectangle of another image into each; 0 is off", 0, ValueRange.AtLeast(0));

    private readonly CliOption<string> _schedule = OptionOf.Choice("--schedule", "how the learning rate runs over the steps", "cosine", [.. Schedules.Keys]);
    private readonly CliOption<double> _warmUp = OptionOf.Number(
        "--warm-up", "share of the steps over which the learning rate rises linearly before its schedule", 0, ValueRange.HalfOpen(0, 1));

    private readonly CliOption<int?> _patience = OptionOf.OptionalCount(
        "--patience", "end the training after so many epochs without a better one", "all --epochs", ValueRange.AtLeast(1));

    /// <summary>Adds the options to a command.</summary>
    public AugmentationOptions(PolderCommand command)
    {
        command.Add(Heading.Augmentation, _jitter, _hue, _operations, _magnitude, _erasing, _cutMix);
        command.Add(Heading.Training, _schedule, _warmUp, _patience);
    }

    /// <summary>The training with what the options ask for.</summary>
    public TrainingOptions Apply(CommandContext context, TrainingOptions options) => options with
    {
        Distortion = new Distortion
        {
            ColorJitter = context.Get(_jitter),
            HueJitter = context.Get(_hue),
            RandAugment = context.Get(_operations),
            Magnitude = context.Get(_magnitude),
            Erasing = context.Get(_erasing),
        },
        CutMix = context.Get(_cutMix),
        Schedule = Schedules[context.Get(_schedule)!],
        WarmUp = context.Get(_warmUp),
        Patience = context.Get(_patience),
    };
}
