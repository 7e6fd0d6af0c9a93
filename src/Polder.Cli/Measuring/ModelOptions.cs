namespace Polder.Cli.Measuring;

/// <summary>The options that say which trained network a command uses: the same for every command that uses one.</summary>
internal sealed class ModelOptions
{
    private const int DefaultBatchSize = 64;

    private readonly CliOption<string?> _run = CommonOptions.Run(), _weights = FieldOption.Text("weights"),
        _architecture = FieldOption.Text("arch", "the one that the weights name");
    private readonly CliOption<int?> _imageSize = FieldOption.Count("image-size");
    private readonly CliOption<int> _batchSize = CommonOptions.BatchSize(DefaultBatchSize);

    /// <summary>Adds the options to a command.</summary>
    public ModelOptions(PolderCommand command)
    {
        command.Add(Heading.Data, _run);
        command.Add(Heading.Network, _weights, _architecture, _imageSize, _batchSize);
    }

    /// <summary>Whether --weights may stand beside --run, which then gives the images alone.</summary>
    public bool WeightsBesideRun { get; init; }

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
        TrainedClassifier classifier = run is not null && !context.IsGiven(_weights)
            ? TrainedClassifier.Open(run, context.Get(_imageSize))
            : TrainedClassifier.Open(weights, context.Get(_architecture), context.Get(_imageSize));
        context.SetEffective(_weights, weights);
        context.SetEffective(_architecture, classifier.Architecture);
        context.SetEffective(_imageSize, classifier.ImageSize);
        return (classifier, run);
    }
}
