namespace Polder.Vision.Recipes;

/// <summary>The network that a training starts from.</summary>
public sealed record StartRecipe
{
    /// <summary>
    /// The weights: a checkpoint file, the name of downloaded published weights, or <see cref="PackagedWeights.Name"/>. Null, the default: those of the
    /// package, unless <see cref="Architecture"/> is said: then random weights.
    /// </summary>
    public string? Weights { get; init; }

    /// <summary>The name of the architecture (<see cref="Architectures"/>). Null, the default: the one that the weights name.</summary>
    public string? Architecture { get; init; }

    /// <summary>The side of the images that the network sees, in pixels. Null, the default: the one that the weights or the architecture name.</summary>
    public int? ImageSize { get; init; }

    /// <summary>How pictures that are not square become so. Null, the default: as the weights say, else the centre square.</summary>
    public ImageFit? Fit { get; init; }

    /// <summary>
    /// The beginning of the names that are meant, where the file holds several networks (<see cref="CheckpointOptions.KeyPrefix"/>). Null, the
    /// default: found out.
    /// </summary>
    public string? KeyPrefix { get; init; }

    /// <summary>How pixels become inputs (<see cref="Normalization.Parse"/>). Null, the default: as the weights say, else ImageNet's.</summary>
    public string? Normalize { get; init; }

    /// <summary>Which output of an ONNX file has the logits. Null, the default: found out.</summary>
    public string? HeadOutput { get; init; }

    /// <summary>Which value of an ONNX file has the features, behind which a new head comes. Null, the default: found out.</summary>
    public string? Features { get; init; }

    /// <summary>Which color an ONNX file takes first: <c>rgb</c> or <c>bgr</c>. Null, the default: as it says, else red.</summary>
    public string? Channels { get; init; }

    /// <summary>What <see cref="Normalize"/> says.</summary>
    internal Normalization? Normalization => Normalize is null ? null
        : Data.Normalization.Parse(Normalize) ?? throw new SettingException("normalize", Normalize, "imagenet, none, or as 0.5,0.5,0.5/0.25,0.25,0.25");

    /// <summary>How images are brought into memory for the network, once architecture and size are said.</summary>
    internal ImageSourceOptions ImageOptions => new() { ImageSize = ImageSize!.Value, Fit = Fit ?? ImageFit.Crop };

    /// <summary>Opens the weights; null where there are none. The caller owns the checkpoint.</summary>
    internal Checkpoint? OpenWeights() => Weights is null ? null
        : WeightsFile.Open(Weights, Architecture, KeyPrefix, new ForeignOptions(HeadOutput, Features, Channels), ImageSize);

    /// <summary>The same with the ImageNet network that comes with a package, where neither weights nor another architecture are said.</summary>
    internal StartRecipe WithDefault() => Weights is null && Architecture is null or PackagedWeights.Name
        ? this with { Weights = PackagedWeights.Name } : this;

    /// <summary>The same with architecture, image size and fit said.</summary>
    /// <param name="metadata">What the weights say of themselves; null where they say nothing.</param>
    internal StartRecipe Resolve(ClassifierMetadata? metadata)
    {
        Architecture architecture = ClassifierMetadata.ArchitectureOf(Weights, Architecture, metadata);
        return this with
        {
            Architecture = architecture.Name,
            ImageSize = ImageSize ?? metadata?.ImageSize ?? architecture.ImageSize,
            Fit = Fit ?? metadata?.Fit ?? ImageFit.Crop,
        };
    }
}
