namespace Polder.Vision.Classifiers;

/// <summary>What a training makes: a network with its class names and all that its images need to become its inputs. It owns the network.</summary>
public sealed partial class TrainedClassifier : IDisposable
{
    /// <summary>Takes a network, on the CPU.</summary>
    /// <param name="network">The network; it becomes this classifier's.</param>
    /// <param name="architecture">The name of its architecture, such as <c>resnet18</c>.</param>
    /// <param name="imageSize">The side of the images that it sees, in pixels.</param>
    /// <param name="normalization">How pixels become inputs.</param>
    /// <param name="classes">The names of the classes.</param>
    /// <exception cref="ArgumentException">The names are not as many as the network's classes.</exception>
    public TrainedClassifier(ImageClassifier network, string architecture, int imageSize, Normalization normalization, IReadOnlyList<string> classes)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentException.ThrowIfNullOrEmpty(architecture);
        ArgumentNullException.ThrowIfNull(normalization);
        ArgumentNullException.ThrowIfNull(classes);
        if (classes.Count != network.Classes)
            throw new ArgumentException($"{classes.Count} class names for a network of {network.Classes} classes", nameof(classes));
        (Network, Architecture, ImageSize, Normalization, Classes) = (network, architecture, imageSize, normalization, classes);
    }

    /// <summary>The network.</summary>
    public ImageClassifier Network { get; }

    /// <summary>The name of its architecture.</summary>
    public string Architecture { get; }

    /// <summary>The side of the images that it sees, in pixels.</summary>
    public int ImageSize { get; }

    /// <summary>How pixels become inputs.</summary>
    public Normalization Normalization { get; }

    /// <summary>How pictures that are not square become so. Default: the centre square.</summary>
    public ImageFit Fit { get; init; }

    /// <summary>The names of the classes, in the order of the logits.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Whether <see cref="Classes"/> are names that the weights came with or that it was trained on; else they are numbers.</summary>
    public bool NamesClasses { get; init; } = true;

    /// <summary>The file that the weights came from; null where they are new.</summary>
    public string? Source { get; init; }

    /// <summary>What was taken from that file, and what not.</summary>
    public LoadReport? Load { get; init; }

    /// <summary>How pixels become inputs by the weights' own word; null where they say nothing.</summary>
    public Normalization? OwnNormalization { get; init; }

    /// <summary>Whether the rows of the head were put into another order, that of <see cref="Classes"/>: the weights had the same names in theirs.</summary>
    public bool HasReorderedHead { get; init; }

    /// <summary>Whether the head is fresh, so that the network knows nothing of its classes yet.</summary>
    public bool HasNewHead { get; init; }

    /// <summary>What it was pre-trained as, and under which licence that is; null where nobody says.</summary>
    public string? Origin { get; init; }

    internal ClassifierMetadata Metadata => new(Architecture, ImageSize, Normalization, Classes) { Fit = Fit, Origin = Origin, Graph = Network.Graph };

    /// <summary>Opens the best weights of a run folder, or a checkpoint of any format. The network is in evaluation mode.</summary>
    /// <param name="path">A run folder, a file, or the name of published weights that were downloaded.</param>
    /// <param name="architecture">The architecture; null: what the run or the file says.</param>
    /// <param name="imageSize">The side of the images that it shall see; null: what the run or the file says, else the architecture's usual one.</param>
    /// <param name="keyPrefix">The beginning of the names that are meant, where a file holds several networks; null: found out.</param>
    /// <param name="normalization">How pixels become inputs; null: what the run or the file says, else the architecture's usual one.</param>
    /// <param name="fit">How pictures that are not square become so; null: what the run or the file says, else the centre square.</param>
    /// <param name="foreign">What an ONNX file does not say of itself; null: nothing.</param>
    /// <exception cref="CheckpointException">The file cannot be read.</exception>
    /// <exception cref="DataException">It is no run folder, or the weights do not fit the architecture or have no head.</exception>
    /// <exception cref="Settings.SettingException">No architecture is known, or it is another than the file's.</exception>
    public static TrainedClassifier Open(string path, string? architecture = null, int? imageSize = null, string? keyPrefix = null,
        Normalization? normalization = null, ImageFit? fit = null, ForeignOptions? foreign = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
            return Open(RunFolder.Open(path), imageSize, normalization, fit);
        using Checkpoint checkpoint = WeightsFile.Open(path, architecture, keyPrefix, foreign, imageSize);
        ClassifierMetadata? metadata = ClassifierMetadata.Of(checkpoint);
        Architecture found = ClassifierMetadata.ArchitectureOf(path, architecture, metadata);
        (ImageClassifier network, LoadReport report) = Build(checkpoint, found, Math.Max(2, metadata?.Classes.Count ?? 2));
        if (report.Missing.FirstOrDefault(t => found.HeadParameters.Contains(t.Name)) is { } missing)
        {
            network.Dispose();
            throw new DataException(checkpoint.Path, $"has no head: {missing.Name} is missing, so it cannot classify; polder finetune trains one"
                + (metadata?.Graph is null ? "" : ", and head-output names the value where an ONNX file has logits"));
        }
        network.eval();
        return new TrainedClassifier(
            network, found.Name, imageSize ?? metadata?.ImageSize ?? found.ImageSize, normalization?.For(found.Channels) ?? metadata?.Normalization
                ?? found.Normalization,
            metadata is { NamesClasses: true } ? metadata.Classes : [.. Enumerable.Range(0, network.Classes).Select(c => $"{c}")])
        {
            Fit = fit ?? metadata?.Fit ?? ImageFit.Crop,
            NamesClasses = metadata is { NamesClasses: true },
            OwnNormalization = metadata is { SaysNormalization: true } ? metadata.Normalization : null,
            Origin = ClassifierMetadata.OriginOf(checkpoint),
            Source = checkpoint.Path,
            Load = report,
        };
    }

    /// <summary>Opens the best weights of a run; what the run did not train requires no gradient, so that curvature is of what it trained.</summary>
    /// <param name="run">The run.</param>
    /// <param name="imageSize">The side of the images that it shall see; null: the run's.</param>
    /// <param name="normalization">How pixels become inputs; null: as in the run.</param>
    /// <param name="fit">How pictures that are not square become so; null: as in the run.</param>
    /// <inheritdoc cref="Open(string, string?, int?, string?, Data.Normalization?, ImageFit?, ForeignOptions?)" path="/exception"/>
    public static TrainedClassifier Open(RunFolder run, int? imageSize = null, Normalization? normalization = null, ImageFit? fit = null)
    {
        ArgumentNullException.ThrowIfNull(run);
        TrainedClassifier classifier = Open(run.Best, imageSize: imageSize, normalization: normalization, fit: fit);
        if (run.Setting<bool?>("freezeBody") == true)
            classifier.Network.FreezeBody();
        if (run.Setting<string>("freeze") is { } frozen)
            classifier.Network.Freeze(TrainingOptions.NamesOf(frozen));
        return classifier;
    }

    /// <summary>Writes the classifier as safetensors; the file appears whole or not at all.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="metadata">Further metadata; null for none.</param>
    public void Save(string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        Dictionary<string, string> entries = Metadata.ToEntries();
        foreach ((string name, string value) in metadata ?? new Dictionary<string, string>())
            entries.TryAdd(name, value);
        using var scope = NewDisposeScope();
        Safetensors.Write(path, Network.state_dict().Select(entry => (entry.Key, entry.Value)), entries);
    }

    /// <summary>What image files show.</summary>
    /// <param name="files">Image files (<see cref="Predictor.Files"/>).</param>
    /// <param name="cancellation">Stops between batches.</param>
    public IEnumerable<Prediction> Predict(IReadOnlyList<string> files, CancellationToken cancellation = default) =>
        new Predictor(this).Predict(files, cancellation);

    /// <summary>Checks that this machine computes the network's convolutions rightly: on some processors libtorch does not.</summary>
    /// <param name="form">The form that it is trained in; float32 in the usual layout is checked in any case.</param>
    /// <returns>The convolutions that were checked.</returns>
    /// <exception cref="DataException">Some are wrong; the message says what helps.</exception>
    public ConvolutionReport RequireRightConvolutions(InputForm form = default)
    {
        ConvolutionReport report = Network.CheckConvolutions(ImageSize, form);
        return report.IsRight ? report : throw new DataException(Architecture, report.Describe());
    }

    /// <summary>The images among the network's classes: they are matched by name, and a class may have no image.</summary>
    /// <param name="data">The images.</param>
    /// <exception cref="DataException">A class is none of the network's or, where the weights name none, the number differs.</exception>
    public ImageData Matched(ImageData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (NamesClasses && !Classes.SequenceEqual(data.Classes) && data.InOrderOf(Classes) is { } ordered)
            return ordered;
        RequireClasses(data.Name, data.Classes);
        return data;
    }

    /// <summary>Refuses a set whose classes are not the network's, in its order.</summary>
    /// <param name="data">What the message calls the set.</param>
    /// <param name="classes">Its classes.</param>
    /// <exception cref="DataException">The names or their order differ or, where the weights name none, the number.</exception>
    public void RequireClasses(string data, IReadOnlyList<string> classes)
    {
        ArgumentNullException.ThrowIfNull(classes);
        if (NamesClasses && classes.Except(Classes).ToArray() is { Length: > 0 } strangers)
            throw new DataException(data, $"has the classes {Names(strangers)}, allowed: those of {Source}: {Names(Classes)}");
        if (NamesClasses && !Classes.SequenceEqual(classes))
            throw new DataException(data, $"has the classes of {Source} in another order, or some of them: {Names(classes)} for {Names(Classes)}");
        if (Network.Classes != classes.Count)
            throw new DataException(data, $"has {classes.Count} classes, allowed: {Network.Classes}, as many as the head of {Source}");
    }

    /// <inheritdoc/>
    public void Dispose() => Network.Dispose();

    /// <summary>Builds the network of a checkpoint, with as many classes as its head has.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="architecture">What the network must be.</param>
    /// <param name="defaultClasses">The number of classes where the checkpoint has no head.</param>
    /// <exception cref="DataException">The checkpoint is of another architecture.</exception>
    internal static (ImageClassifier Network, LoadReport Report) Build(Checkpoint checkpoint, Architecture architecture, int defaultClasses)
    {
        if (checkpoint.Tensors.Values.Sum(t => t.numel()) < architecture.LeastElements)
            throw new DataException(checkpoint.Path, $"holds fewer numbers than its graph has weights, {architecture.LeastElements}");
        bool hasHead = checkpoint.Tensors.TryGetValue(architecture.HeadParameters[0], out var head) && head.dim() == 2 && head.shape[0] >= 2;
        ImageClassifier network = architecture.Build(hasHead ? (int)head!.shape[0] : defaultClasses, 0);
        LoadReport report = checkpoint.Into(network, strict: false);
        string[] wrong =
        [
            .. report.Missing.Where(t => !architecture.HeadParameters.Contains(t.Name)).Select(t => $"{t.Name} is missing"),
            .. report.Misshapen.Select(m => m.ToString()),
            .. report.Ignored.Select(t => $"{t.Name} has no place"),
        ];
        if (wrong.Length == 0)
            return (network, report);
        network.Dispose();
        string[] prefixes = PrefixesOf(checkpoint, architecture, report);
        if (prefixes.Length == 1)
        {
            using Checkpoint chosen = Checkpoint.Load(checkpoint.Path, new CheckpointOptions { KeyPrefix = checkpoint.Prefix + prefixes[0] });
            return Build(chosen, architecture, defaultClasses);
        }
        string more = wrong.Length > 3 ? $", and {wrong.Length - 3} more" : "";
        throw new DataException(checkpoint.Path, $"does not fit the architecture {architecture.Name}: {string.Join(", ", wrong.Take(3))}{more}"
            + (prefixes.Length == 0 ? ""
                : $"; it holds several networks, so say which (key-prefix): {string.Join(", ", prefixes.Select(p => checkpoint.Prefix + p))}"));
    }

    // What stands before the names of a whole body in a file that has other things beside it.
    private static string[] PrefixesOf(Checkpoint checkpoint, Architecture architecture, LoadReport report)
    {
        string[] body = [.. report.Loaded.Concat(report.Missing).Select(t => t.Name).Where(name => !architecture.HeadParameters.Contains(name))];
        if (body.Length == 0 || report.Loaded.Count > 0)
            return [];
        return
        [
            .. checkpoint.Tensors.Keys.Where(name => name.EndsWith("." + body[0], StringComparison.Ordinal)).Select(name => name[..^body[0].Length])
                .Where(prefix => Array.TrueForAll(body, name => checkpoint.Tensors.ContainsKey(prefix + name))),
        ];
    }

    private static string Names(IReadOnlyList<string> classes) =>
        string.Join(", ", classes.Take(5)) + (classes.Count > 5 ? $" and {classes.Count - 5} more" : "");
}
