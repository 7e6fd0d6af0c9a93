namespace Polder.Vision.Recipes;

/// <summary>The network that a training starts from.</summary>
public sealed record StartRecipe
{
    /// <summary>The weights: a checkpoint file, or the name of downloaded published weights. Null, the default: random weights.</summary>
    public string? Weights { get; init; }

    /// <summary>The name of the architecture (<see cref="Architectures"/>). Null, the default: the one that the weights name.</summary>
    public string? Architecture { get; init; }

    /// <summary>The side of the images that the network sees, in pixels. Null, the default: the one that the weights or the architecture name.</summary>
    public int? ImageSize { get; init; }

    /// <summary>Opens the weights; null where there are none. The caller owns the checkpoint.</summary>
    internal Checkpoint? OpenWeights() => Weights is null ? null : Checkpoint.Load(WeightsCache.Locate(Weights));

    /// <summary>The same with architecture and image size said.</summary>
    /// <param name="metadata">What the weights say of themselves; null where they say nothing.</param>
    internal StartRecipe Resolve(ClassifierMetadata? metadata)
    {
        Architecture architecture = ClassifierMetadata.ArchitectureOf(Weights, Architecture, metadata);
        return this with { Architecture = architecture.Name, ImageSize = ImageSize ?? metadata?.ImageSize ?? architecture.ImageSize };
    }
}
