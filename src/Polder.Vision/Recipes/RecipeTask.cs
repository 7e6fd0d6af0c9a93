namespace Polder.Vision.Recipes;

/// <summary>What opening a recipe tells of its progress.</summary>
public sealed record RecipeProgress
{
    /// <summary>Told how many images are decoded.</summary>
    public IProgress<DecodingProgress>? Decoding { get; init; }

    /// <summary>Told after every step of the digits demo's pre-training.</summary>
    public IProgress<TrainingProgress>? Pretraining { get; init; }
}

/// <summary>A recipe with its images decoded and its weights read: it makes the starts of seeds. Its owner disposes of it.</summary>
public sealed class RecipeTask : IFineTuningTask, IDisposable
{
    private readonly Checkpoint? _checkpoint;
    private readonly ImageData? _data;
    private readonly Dictionary<string, Tensor>? _pretrained;
    private readonly bool _ownsPretrained;
    private readonly Normalization _normalization;

    // The demo.
    private RecipeTask(Recipe recipe, Dictionary<string, Tensor> pretrained, bool ownsPretrained) =>
        (Recipe, _pretrained, _ownsPretrained, _normalization) = (recipe, pretrained, ownsPretrained, DigitsDemo.Architecture.Normalization);

    private RecipeTask(Recipe recipe, ImageData data, Checkpoint? checkpoint)
    {
        (Recipe, _data, _checkpoint) = (recipe, data, checkpoint);
        Architecture architecture = Architectures.Get(recipe.Start.Architecture!);
        _normalization = (checkpoint is null ? null : ClassifierMetadata.Of(checkpoint)?.Normalization) ?? architecture.Normalization;
        if (data.Train.Channels != architecture.Channels)
            throw new DataException(data.Name,
                $"has images of {data.Train.Channels} channel(s); the architecture {architecture.Name} takes {architecture.Channels}");
    }

    /// <summary>The recipe with nothing left open (<see cref="Recipe.Resolve()"/>).</summary>
    public Recipe Recipe { get; }

    /// <inheritdoc/>
    public string Name => _data?.Name ?? DigitsDemo.NameOf(Shots);

    /// <summary>Files that were left out because they could not be decoded; empty unless the recipe allows it.</summary>
    public IReadOnlyList<ImageDecodingException> Skipped => _data?.Skipped ?? [];

    private int Shots => Recipe.Data.Shots ?? DigitsDemo.DefaultShots;

    private Architecture Architecture => _pretrained is null ? Architectures.Get(Recipe.Start.Architecture!) : DigitsDemo.Architecture;

    /// <summary>Opens a recipe.</summary>
    internal static RecipeTask Open(Recipe recipe, ImageData? data, RecipeProgress? progress, CancellationToken cancellation)
    {
        if (recipe.IsDemo)
            return new RecipeTask(recipe.Resolve(), DigitsDemo.Pretrain(progress?.Pretraining, cancellation), ownsPretrained: true);
        Checkpoint? checkpoint = recipe.Start.OpenWeights();
        try
        {
            Recipe resolved = recipe.Resolve(checkpoint is null ? null : ClassifierMetadata.Of(checkpoint));
            return new RecipeTask(resolved, data ?? resolved.Data.Open(resolved.Start.ImageSize!.Value, progress?.Decoding, cancellation), checkpoint);
        }
        catch
        {
            checkpoint?.Dispose();
            throw;
        }
    }

    /// <summary>The demo with other shots; it shares the pre-trained weights, which stay this task's.</summary>
    /// <param name="shots">Labelled images a class, between 1 and <see cref="DigitsDemo.MostShots"/>.</param>
    /// <exception cref="InvalidOperationException">This is not the demo.</exception>
    public RecipeTask WithShots(int shots) => new(
        Recipe with { Data = Recipe.Data with { Shots = shots } }, _pretrained ?? throw new InvalidOperationException("only the digits demo has shots"),
        ownsPretrained: false);

    /// <inheritdoc/>
    /// <exception cref="DataException">The weights are of another architecture, or the data is too small to split.</exception>
    public FineTuningStart Prepare(long seed)
    {
        DataSplits splits = _data?.Split(Recipe.Data.SplitFor(seed)) ?? DigitsDemo.Splits(Shots, seed);
        return new FineTuningStart(Start(splits.Train.Classes, seed), splits);
    }

    private TrainedClassifier Start(IReadOnlyList<string> classes, long seed)
    {
        Architecture architecture = Architecture;
        (ImageClassifier network, LoadReport? report) = _checkpoint is not null ? TrainedClassifier.Build(_checkpoint, architecture, classes.Count)
            : (architecture.Build(classes.Count, _pretrained is null ? seed : 0), null);
        if (_pretrained is not null)
            network.load_state_dict(_pretrained);
        bool hasHead = _pretrained is null && network.Classes == classes.Count
            && (report is null || report.Missing.All(t => !architecture.HeadParameters.Contains(t.Name)));
        if (!hasHead)
            network.ReplaceHead(classes.Count, seed);
        return new TrainedClassifier(network, architecture.Name, Recipe.Start.ImageSize ?? architecture.ImageSize, _normalization, classes)
        {
            Source = Recipe.Start.Weights,
            Load = report,
            HasNewHead = !hasHead || _checkpoint is null,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _checkpoint?.Dispose();
        if (!_ownsPretrained)
            return;
        foreach (Tensor tensor in _pretrained!.Values)
            tensor.Dispose();
    }
}
