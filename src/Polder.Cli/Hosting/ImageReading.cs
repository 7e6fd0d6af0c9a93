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

    /// <summary>Names the files that were left out.</summary>
    public static void WarnOfSkipped(CommandContext context, IReadOnlyList<ImageDecodingException> skipped)
    {
        foreach (ImageDecodingException left in skipped)
            context.Output.Warn($"left out: {left.Message}");
        if (skipped.Count > 0)
            context.Output.Warn($"{skipped.Count} image(s) were left out");
    }
}
