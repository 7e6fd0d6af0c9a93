using Polder.Cli.Output;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Recipes;
using Polder.Vision.Training;

namespace Polder.Cli.Hosting;

/// <summary>What commands tell of images while and after they are read.</summary>
internal static class ImageReading
{
    /// <summary>Where a command shows how far the opening of a recipe is.</summary>
    public static RecipeProgress ProgressOf(IProgressTracker tracker) => new()
    {
        Decoding = new Relay<DecodingProgress>(p => tracker.Report((double)p.Done / Math.Max(1, p.Total), () => $"{p.Done} of {p.Total}")),
        Pretraining = new Relay<TrainingProgress>(p => tracker.Report((double)p.Step / p.Steps, () => $"loss {p.Loss:F3}")),
    };

    /// <summary>Names the files that were left out, and what else looks like data and is not used.</summary>
    public static void WarnOfSkipped(
        CommandContext context, IReadOnlyList<ImageDecodingException> skipped, IReadOnlyList<string> warnings, IReadOnlyList<string> remarks)
    {
        foreach (string remark in remarks)
            context.Output.Verbose(remark);
        foreach (string warning in warnings)
            context.Output.Warn(warning);
        foreach (ImageDecodingException left in skipped)
            context.Output.Warn($"left out: {left.Message}");
        if (skipped.Count > 0)
            context.Output.Warn($"{skipped.Count} image(s) were left out");
    }

    /// <summary>Says what of the weights was found out or changed.</summary>
    public static void SayOf(CommandContext context, TrainedClassifier classifier)
    {
        if (classifier.Load is { Prefix: { } prefix, LeftOut: var others })
            context.Output.Info($"weights: the prefix '{prefix}' is taken off{(others.Count > 0 ? $"; {others.Count} other tensors, such as {others[0]}, are not read" : "")}");
        if (classifier.OwnNormalization is { } own && !own.Equals(classifier.Normalization))
            context.Output.Info($"weights: normalized by {classifier.Normalization}, not by their own {own}");
    }
}
