namespace Polder.Cli.Measuring;

/// <summary>The options that say which trained network a command uses: the same for every command that uses one.</summary>
internal sealed class ModelOptions
{
    private const int DefaultBatchSize = 64;

    private readonly CliOption<string?> _run = CommonOptions.Run(), _weights = FieldOption.Text("weights"),
        _architecture = FieldOption.Text("arch", "the one that the weights name");
    private readonly CliOption<string?> _keyPrefix = FieldOption.Text("key-prefix", "found out"),
        _normalize = FieldOption.Text("normalize", "those that the weights name, else imagenet");
    private readonly CliOption<string?> _headOutput = FieldOption.Text("head-output", "found out"), _features = FieldOption.Text("features", "found out"),
        _channels = FieldOption.Text("channels", "as it says, else rgb");

    private readonly CliOption<string?> _fit = FieldOption.Text("fit", "the one that the weights name, else crop");
    private readonly CliOption<string> _precision = OptionOf.Choice(
        "--precision", "what convolutions and linear layers compute in; weights and logits are float32", "f32", "f32", "bf16");

    private readonly CliOption<int?> _imageSize = FieldOption.Count("image-size");
    private readonly CliOption<int> _batchSize = CommonOptions.BatchSize(DefaultBatchSize);

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="takesImages">Whether the command puts images through the network, and so in batches.</param>
    /// <param name="writesFeatures">Whether --features is the command's own word for a file that it writes. It uses networks as they are, with their
    /// head.</param>
    public ModelOptions(PolderCommand command, bool takesImages = true, bool writesFeatures = false)
    {
        command.Add(Heading.Data, _run);
        command.Add(Heading.Network, _weights, _architecture, _imageSize, _fit, _keyPrefix, _normalize, _headOutput);
        if (!writesFeatures)
            command.Add(Heading.Network, _features);
        command.Add(Heading.Network, _channels);
        if (takesImages)
            command.Add(Heading.Network, _batchSize);
    }

    private readonly CliOption<int?> _samples = OptionOf.OptionalCount(
        "--samples", "networks that are drawn from the run's posterior (ivon, bsam), whose probabilities are averaged", "the one network of the weights",
        ValueRange.AtLeast(1));

    /// <summary>Whether --weights may stand beside --run, which then gives the images alone.</summary>
    public bool WeightsBesideRun { get; init; }

    /// <summary>Adds --precision, for a command that asks the network and measures nothing finer than its answers.</summary>
    public void AddPrecision(PolderCommand command) => command.Add(Heading.Network, _precision);

    /// <summary>Adds --samples, for a command that asks for probabilities.</summary>
    public void AddSamples(PolderCommand command) => command.Add(Heading.Network, _samples);

    /// <summary>The posterior that --samples draws from, which the caller disposes of, and the number of draws; null where the option was not given.</summary>
    public (WeightPosterior Posterior, int Samples)? PosteriorOf(CommandContext context, TrainedClassifier classifier, RunFolder? run)
    {
        if (context.Get(_samples) is not { } samples)
            return null;
        if (run is null || context.IsGiven(_weights))
            throw UserErrorException.ForOption(_samples.Name, $"{samples}", "a value with --run, and without --weights: the run keeps the posterior");
        return (WeightPosterior.Open(run, classifier.Network), samples);
    }

    /// <summary>What the network computes in; says so where bf16 does not pay.</summary>
    public Precision PrecisionOf(CommandContext context)
    {
        Precision precision = context.Get(_precision) == "bf16" ? Precision.BF16 : Precision.F32;
        ImageReading.SayOf(context, precision);
        return precision;
    }

    /// <summary>Images of a forward pass.</summary>
    public int BatchSize(CommandContext context) => context.Get(_batchSize);

    /// <summary>Opens what <c>--run</c> or <c>--weights</c> names.</summary>
    /// <returns>The network, which the caller disposes of, and the run; null without one.</returns>
    /// <exception cref="UserErrorException">Neither is named, or both.</exception>
    public (TrainedClassifier Classifier, RunFolder? Run) Open(CommandContext context)
    {
        RunFolder? run = context.Get(_run) is { } folder ? RunFolder.Open(folder) : null;
        if (run is not null && !WeightsBesideRun && (context.IsGiven(_weights) || context.IsGiven(_architecture)))
            throw UserErrorException.ForOption(context.IsGiven(_weights) ? _weights.Name : _architecture.Name, "a value beside --run",
                "either --run or weights and architecture");
        string weights = context.Get(_weights) ?? run?.Best ?? throw UserErrorException.ForOption(_weights.Name, "", "a checkpoint file, or --run");
        if (context.IsGiven(_keyPrefix) && !context.IsGiven(_weights))
            throw UserErrorException.ForOption(_keyPrefix.Name, context.Get(_keyPrefix)!, "a value beside --weights only");
        Normalization? normalization = context.Get(_normalize) is { } text ? Normalization.Parse(text) : null;
        ImageFit? fit = context.Get(_fit) is { } word ? Enum.Parse<ImageFit>(word, ignoreCase: true) : null;
        TrainedClassifier classifier = run is not null && !context.IsGiven(_weights)
            ? TrainedClassifier.Open(run, context.Get(_imageSize), normalization, fit)
            : TrainedClassifier.Open(weights, context.Get(_architecture), context.Get(_imageSize), context.Get(_keyPrefix), normalization, fit,
                new ForeignOptions(context.Get(_headOutput), context.Get(_features), context.Get(_channels)));
        ImageReading.SayOf(context, classifier);
        context.SetEffective(_weights, weights);
        context.SetEffective(_architecture, classifier.Architecture);
        context.SetEffective(_imageSize, classifier.ImageSize);
        context.SetEffective(_fit, $"{classifier.Fit}".ToLowerInvariant());
        return (classifier, run);
    }
}
