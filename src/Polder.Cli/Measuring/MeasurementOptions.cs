namespace Polder.Cli.Measuring;

/// <summary>The options that say which network is measured on which images: the same for every command that measures trained weights.</summary>
internal sealed class MeasurementOptions
{
    private readonly int? _defaultSamples;
    private readonly ModelOptions _model;
    private readonly ImagesOptions _images;
    private readonly CliOption<int?> _samples;

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="samples">The default of --samples; null is all images.</param>
    /// <param name="choosesSplit">Whether there is a --split; without it the training images are measured.</param>
    public MeasurementOptions(PolderCommand command, int? samples = 1000, bool choosesSplit = true)
    {
        _defaultSamples = samples;
        _samples = OptionOf.OptionalCount(
            "--samples", "images: the first ones of the split, in its order, without augmentation", samples?.ToString() ?? "all", ValueRange.AtLeast(1));
        _model = new ModelOptions(command);
        _images = new ImagesOptions(command, choosesSplit ? "train" : null);
        command.Add(Heading.Data, _samples);
        command.Add(Heading.Running, Seed);
    }

    public CliOption<long> Seed { get; } = CommonOptions.Seed();

    /// <summary>Opens network and images, and checks the network's convolutions on this machine.</summary>
    public Measurement Open(CommandContext context)
    {
        (TrainedClassifier classifier, RunFolder? run) = _model.Open(context);
        try
        {
            // As the run cut them: the seed chooses the validation images; the test images are the same for all seeds.
            OpenedImages opened = _images.Open(context, classifier, run, run?.ReadRecipe().Seed ?? context.Get(Seed));
            ImageSet images = opened.Images;
            if (images.Channels != classifier.Network.Channels)
                throw new DataException(opened.Name,
                    $"has images of {images.Channels} channel(s), allowed: {classifier.Network.Channels}, which {classifier.Architecture} takes");
            int count = Math.Min(images.Count, context.Get(_samples) ?? _defaultSamples ?? images.Count);
            context.SetEffective(_samples, count);
            if (count < images.Count)
                images = images.Subset([.. Enumerable.Range(0, count)]);
            context.Output.Verbose($"{classifier.RequireRightConvolutions().Verdicts.Count} distinct convolutions checked against float64: all right");
            string part = _images.Part(context) is var named && named == "train" ? "training" : named;
            context.Output.Info($"{opened.Name}: {images.Count} {part} images, {classifier.Classes.Count} classes, {classifier.Architecture}");
            return new Measurement(classifier, opened with { Images = images }, _model.BatchSize(context), run);
        }
        catch
        {
            classifier.Dispose();
            throw;
        }
    }
}

/// <summary>A network and the images that it is measured on; it owns the network.</summary>
/// <param name="Classifier">The network.</param>
/// <param name="Opened">The images.</param>
/// <param name="BatchSize">Images of a forward pass.</param>
/// <param name="Run">The run that made the network; null where it was given as a file.</param>
internal sealed record Measurement(TrainedClassifier Classifier, OpenedImages Opened, int BatchSize, RunFolder? Run) : IDisposable
{
    /// <summary>The images.</summary>
    public ImageSet Images => Opened.Images;

    /// <summary>What tables call the data.</summary>
    public string Name => Opened.Name;

    /// <summary>The mean cross entropy over the images as a function of the weights that were trained.</summary>
    public EmpiricalLoss CrossEntropy(EmpiricalLossOptions? options = null) => Classifier.CrossEntropy(Images, BatchSize, options);

    /// <inheritdoc/>
    public void Dispose() => Classifier.Dispose();

    /// <summary>The network that the run started from, rebuilt: pre-trained weights and, where the run replaced it, its new head.</summary>
    /// <exception cref="UserErrorException">There is no run.</exception>
    public TrainedClassifier RebuildStart(CommandContext context)
    {
        Recipe recipe = (Run ?? throw UserErrorException.ForOption("--start", "", "the checkpoint that the training started from, or --run")).ReadRecipe();
        using RecipeTask task = context.Output.Track("rebuilding the start of the run", 1,
            tracker => recipe.Open(Opened.Data, ImageReading.ProgressOf(tracker), context.Cancellation));
        return task.Prepare(recipe.Seed).Classifier;
    }
}
