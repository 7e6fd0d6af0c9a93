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
            "--samples", "images, without augmentation: where the part has more, of every class its share, drawn by --seed", samples?.ToString() ?? "all",
            ValueRange.AtLeast(1));
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
            int all = images.Count;
            images = images.Sample(context.Get(_samples) ?? _defaultSamples ?? all, context.Get(Seed));
            context.SetEffective(_samples, images.Count);
            context.Output.Verbose($"{classifier.RequireRightConvolutions().Verdicts.Count} distinct convolutions checked against float64: all right");
            string part = _images.Part(context) is var named && named == "train" ? "training" : named;
            context.Output.Info($"{opened.Name}: {images.Count}{(images.Count < all ? $" of {all}" : "")} {part} images, "
                + $"{classifier.Classes.Count} classes, {classifier.Architecture}");
            context.Sample = MeasuredSample.Describe(images, all, context.Get(Seed));
            context.Job?.Ranks.Agree(
                RankedJob.Code(), ("number of threads", (ulong)TorchSharp.torch.get_num_threads()), ("options", context.SettingsHash()),
                ("images", images.ContentHash()), ("weights", RankAgreement.HashOf(classifier.Network.state_dict())));
            return new Measurement(classifier, opened with { Images = images }, _model.BatchSize(context), run) { Ranks = context.Job?.Ranks };
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
    /// <summary>The ranks that share the measurement; null where this process makes it alone.</summary>
    public IRanks? Ranks { get; init; }

    /// <summary>The images.</summary>
    public ImageSet Images => Opened.Images;

    /// <summary>What tables call the data.</summary>
    public string Name => Opened.Name;

    /// <summary>The mean cross entropy over the images as a function of the weights that were trained.</summary>
    public EmpiricalLoss CrossEntropy(EmpiricalLossOptions? options = null) => CrossEntropy(Images, options);

    /// <summary>The same over other images.</summary>
    public EmpiricalLoss CrossEntropy(ImageSet images, EmpiricalLossOptions? options = null)
    {
        EmpiricalLoss loss = Classifier.CrossEntropy(images, BatchSize, options);
        return Ranks is null ? loss : loss.Over(Ranks);
    }

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

/// <summary>Which images a measurement is of.</summary>
/// <param name="Images">How many.</param>
/// <param name="Of">How many the part has.</param>
/// <param name="Seed">The seed that drew them; null where all are measured.</param>
/// <param name="ByClass">The images of each class, by its name.</param>
internal sealed record MeasuredSample(int Images, int Of, long? Seed, IReadOnlyDictionary<string, int> ByClass)
{
    /// <param name="images">The measured images.</param>
    /// <param name="all">How many the part has.</param>
    /// <param name="seed">The seed of the draw.</param>
    public static MeasuredSample Describe(ImageSet images, int all, long seed) => new(
        images.Count, all, images.Count < all ? seed : null, images.Classes.Zip(images.ClassCounts()).ToDictionary(c => c.First, c => c.Second));
}
