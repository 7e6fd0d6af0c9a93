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
    private readonly Architecture? _architecture;
    private ImageData? _data;
    private readonly Dictionary<string, Tensor>? _pretrained;
    private readonly bool _ownsPretrained;
    private readonly IReadOnlyList<string>? _classes;
    private readonly Normalization? _ownNormalization;
    private readonly Normalization _normalization;
    private readonly FoundImages? _found;
    private readonly string? _origin;
    private string? _head;

    // The demo.
    private RecipeTask(Recipe recipe, Dictionary<string, Tensor> pretrained, bool ownsPretrained) =>
        (Recipe, _pretrained, _ownsPretrained, _normalization) = (recipe, pretrained, ownsPretrained, DigitsDemo.Architecture.Normalization);

    private RecipeTask(Recipe recipe, ImageData data, Checkpoint? checkpoint, ClassifierMetadata? metadata, FoundImages? found)
    {
        (Recipe, _data, _checkpoint, _found) = (recipe, data, checkpoint, found);
        _architecture = ClassifierMetadata.ArchitectureOf(recipe.Start.Weights, recipe.Start.Architecture, metadata);
        Architecture architecture = _architecture;
        _classes = metadata is { NamesClasses: true } ? metadata.Classes : null;
        _origin = metadata?.Origin ?? (checkpoint is null ? null : ClassifierMetadata.OriginOf(checkpoint));
        _normalization = recipe.Start.Normalization?.For(architecture.Channels) ?? metadata?.Normalization ?? architecture.Normalization;
        _ownNormalization = metadata is { SaysNormalization: true } ? metadata.Normalization : null;
        // A gray image is a color image of three equal planes.
        if (data.Train.Channels > architecture.Channels)
            throw new DataException(data.Name,
                $"has images of {data.Train.Channels} channel(s); the architecture {architecture.Name} takes {architecture.Channels}");
    }

    /// <summary>The recipe with nothing left open (<see cref="Recipe.Resolve()"/>).</summary>
    public Recipe Recipe { get; }

    /// <inheritdoc/>
    public string Name => _data?.Name ?? DigitsDemo.NameOf(Shots);

    /// <summary>Files that were left out because they could not be decoded; empty unless the recipe allows it.</summary>
    public IReadOnlyList<ImageDecodingException> Skipped => _data?.Skipped ?? [];

    /// <summary>What looks like data and is not used (<see cref="ImageData.Warnings"/>).</summary>
    public IReadOnlyList<string> Warnings => _data?.Warnings ?? [];

    /// <summary>What of the data was seen and not used, in words.</summary>
    public IReadOnlyList<string> Remarks => _data?.Remarks ?? [];

    /// <summary>What of the images is not as the run that goes on had it, in words.</summary>
    public IReadOnlyList<string> Changes => _found?.Lines ?? [];

    private int Shots => Recipe.Data.Shots ?? DigitsDemo.DefaultShots;

    private Architecture Architecture => _architecture ?? DigitsDemo.Architecture;

    /// <summary>Opens a recipe.</summary>
    internal static RecipeTask Open(Recipe recipe, ImageData? data, RecipeProgress? progress, CancellationToken cancellation, RunFolder? run = null)
    {
        if (recipe.IsDemo)
            return new RecipeTask(recipe.Resolve(), DigitsDemo.Pretrain(progress?.Pretraining, cancellation), ownsPretrained: true);
        recipe = recipe.WithDefaults();
        RunImages? images = run?.Images;
        // A state has all that came of the start, which may be gone.
        Checkpoint? checkpoint = images is not null && File.Exists(run!.ResumeFile) ? null : recipe.Start.OpenWeights();
        try
        {
            ClassifierMetadata? metadata = checkpoint is null ? images?.Metadata : ClassifierMetadata.Of(checkpoint);
            Recipe resolved = recipe.Resolve(metadata);
            // A run of an earlier version, which had one layout only, goes on in it.
            if (run is not null && recipe.Training.Said.MemoryLayout is null)
                resolved = resolved with { Training = resolved.Training with { MemoryLayout = MemoryLayout.Contiguous } };
            // Weights that do not fit are refused before the images, which may be many, are decoded.
            if (checkpoint is not null)
                TrainedClassifier.Build(checkpoint, ClassifierMetadata.ArchitectureOf(resolved.Start.Weights, resolved.Start.Architecture, metadata), 2)
                    .Network.Dispose();
            data ??= resolved.Data.Open(resolved.Start.ImageOptions, progress?.Decoding, cancellation);
            data = images is null ? data : data.KnownAmong(images.Metadata.Classes);
            return new RecipeTask(resolved, data, checkpoint, metadata, images?.In(data, resolved.Data.Source).Trainable(resolved.Data.Source, images))
            {
                _head = checkpoint is null ? images?.Head : null,
            };
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

    /// <summary>The demo with another recipe; it shares the pre-trained weights, which stay this task's.</summary>
    /// <param name="recipe">Another recipe of the demo.</param>
    /// <exception cref="InvalidOperationException">This or the other is not the demo.</exception>
    public RecipeTask With(Recipe recipe) => recipe is { IsDemo: true } && _pretrained is not null ? new(recipe.Resolve(), _pretrained, ownsPretrained: false)
        : throw new InvalidOperationException("only recipes of the digits demo share its weights");

    /// <summary>Puts the classes into the order that a run's weights have: an earlier version may have sorted them otherwise.</summary>
    /// <param name="run">The run that is gone on with.</param>
    /// <returns>Whether the order was another.</returns>
    /// <exception cref="DataException">The images have other classes than the run.</exception>
    public bool FollowOrder(RunFolder run)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (_data is null || !File.Exists(run.Best))
            return false;
        using Checkpoint best = Checkpoint.Load(run.Best);
        if (ClassifierMetadata.Of(best) is not { Classes: var classes } || classes.SequenceEqual(_data.Classes))
            return false;
        _data = (_data.Classes.Count == classes.Count ? _data.InOrderOf(classes) : null)
            ?? throw new DataException(_data.Name, $"has other classes than the run {run.Path}, which is gone on with");
        return true;
    }

    /// <inheritdoc/>
    /// <exception cref="DataException">The weights are of another architecture, or the data is too small to split.</exception>
    public FineTuningStart Prepare(long seed)
    {
        DataSplits splits = _found?.Splits ?? _data?.Split(Recipe.Data.SplitFor(seed)) ?? DigitsDemo.Splits(Shots, seed, Recipe.Data.LabelNoise);
        return new FineTuningStart(Start(splits.Train.Classes, seed), splits) { Data = _data };
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
        // Weights that name their classes know these by name; others by number, and only that can be compared.
        bool reordered = false;
        if (hasHead && _classes is not null && !_classes.SequenceEqual(classes))
        {
            int[]? places = ClassNames.Places(classes, _classes);
            (hasHead, reordered) = (places is not null, places is not null);
            if (places is not null)
                network.ReorderHead(places);
        }
        if (!hasHead)
            network.ReplaceHead(classes.Count, seed);
        return new TrainedClassifier(network, architecture.Name, Recipe.Start.ImageSize ?? architecture.ImageSize, _normalization, classes)
        {
            Fit = Recipe.Start.Fit ?? ImageFit.Crop,
            Source = Recipe.Start.Weights,
            Load = report,
            HasNewHead = _head is null ? !hasHead || _checkpoint is null : _head == "new",
            HasReorderedHead = reordered || _head == "reordered",
            Origin = _origin,
            OwnNormalization = _ownNormalization,
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
