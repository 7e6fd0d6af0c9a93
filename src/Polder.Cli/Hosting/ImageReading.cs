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

    /// <summary>Finds a run's data and weights from where it was begun, and says so where that is not here.</summary>
    public static Recipe Located(CommandContext context, Recipe recipe, RunFolder run)
    {
        Recipe located = recipe.LocatedBy(run);
        if (located.Data.Source != recipe.Data.Source)
            context.Output.Info($"{recipe.Data.Source}: not here, so looked for where the run was begun: {located.Data.Source}");
        return located;
    }

    /// <summary>Says what of the data is not as a run had it.</summary>
    public static void WarnOfChanges(CommandContext context, string data, IReadOnlyList<string> changes)
    {
        foreach (string change in changes)
            context.Output.Warn($"{Path.GetFullPath(data)}: {change}");
    }

    /// <summary>Says that an earlier version kept no images.</summary>
    public static void WarnOfUnknown(CommandContext context, RunFolder run) =>
        context.Output.Warn($"{run.Path} does not know its images (an earlier version made it): its parts are cut anew, right if the data is as it was");

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
            context.Output.Info($"weights: the prefix '{prefix}' is taken off"
                + $"{(others.Count > 0 ? $"; {others.Count} other tensors, such as {others[0]}, are not read" : "")}");
        if (classifier.OwnNormalization is { } own && !own.Equals(classifier.Normalization))
            context.Output.Info($"weights: normalized by {classifier.Normalization}, not by their own {own}");
    }

    /// <summary>Says where bf16 is asked for and does not pay on this machine.</summary>
    public static void SayOf(CommandContext context, Precision precision)
    {
        if (precision == Precision.BF16 && BFloat16Speed.Caution(BFloat16Speed.MeasureRatio()) is { } caution)
            context.Output.Warn(caution);
    }
}
