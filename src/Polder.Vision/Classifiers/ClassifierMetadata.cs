using System.Globalization;
using System.Text.Json;

namespace Polder.Vision.Classifiers;

/// <summary>What a checkpoint that Polder wrote says of its network beside the weights.</summary>
/// <param name="Architecture">The name of a built-in architecture.</param>
/// <param name="ImageSize">The side of the images that it was trained on, in pixels.</param>
/// <param name="Normalization">How pixels become inputs.</param>
/// <param name="Classes">The names of the classes.</param>
internal sealed record ClassifierMetadata(string Architecture, int ImageSize, Normalization Normalization, IReadOnlyList<string> Classes)
{
    /// <summary>How pictures that are not square became so.</summary>
    public ImageFit Fit { get; init; }

    /// <summary>What the network was pre-trained as (<see cref="TrainedClassifier.Origin"/>).</summary>
    public string? Origin { get; init; }

    /// <summary>What a checkpoint says that its network was pre-trained as; null where it says nothing.</summary>
    public static string? OriginOf(Checkpoint checkpoint) => checkpoint.Metadata.GetValueOrDefault("origin");

    /// <summary>How a network is computed that is no built-in architecture (<see cref="ImageClassifier.Graph"/>); null where it is one.</summary>
    public string? Graph { get; init; }

    /// <summary>Whether the classes have names; else these are numbers.</summary>
    public bool NamesClasses { get; init; } = true;

    /// <summary>Whether the weights say how pixels become inputs; else it is assumed.</summary>
    public bool SaysNormalization { get; init; } = true;

    /// <summary>The metadata of a checkpoint; null where it has none (another program wrote it).</summary>
    /// <exception cref="DataException">The metadata is Polder's but damaged.</exception>
    public static ClassifierMetadata? Of(Checkpoint checkpoint) => Of(checkpoint.Path, checkpoint.Metadata);

    /// <summary>That of entries; <paramref name="path"/> is for messages.</summary>
    public static ClassifierMetadata? Of(string path, IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue("architecture", out string? architecture) || !metadata.TryGetValue("imageSize", out string? size))
            return null;
        try
        {
            return new ClassifierMetadata(
                architecture,
                int.Parse(size, CultureInfo.InvariantCulture),
                new Normalization(Numbers(metadata["mean"]), Numbers(metadata["standardDeviation"])),
                [.. JsonSerializer.Deserialize<string[]>(metadata["classes"])!.Select(UnicodeForm.Composed)])
            {
                Fit = FitOf(metadata.GetValueOrDefault("fit", "crop")),
                Origin = metadata.GetValueOrDefault("origin"),
                Graph = metadata.GetValueOrDefault("graph"),
                NamesClasses = !metadata.ContainsKey(ForeignNetworks.AssumedClasses),
                SaysNormalization = !metadata.ContainsKey(ForeignNetworks.AssumedNormalization),
            };
        }
        catch (Exception e) when (e is JsonException or FormatException or OverflowException or KeyNotFoundException or ArgumentException)
        {
            throw new DataException(path, $"its metadata is damaged: {e.Message}", e);
        }
    }

    /// <summary>The entries of a checkpoint.</summary>
    public Dictionary<string, string> ToEntries()
    {
        var entries = new Dictionary<string, string>
        {
            ["architecture"] = Architecture,
            ["imageSize"] = ImageSize.ToString(CultureInfo.InvariantCulture),
            ["fit"] = $"{Fit}".ToLowerInvariant(),
            ["mean"] = JsonSerializer.Serialize(Normalization.Mean),
            ["standardDeviation"] = JsonSerializer.Serialize(Normalization.StandardDeviation),
            ["classes"] = JsonSerializer.Serialize(Classes),
        };
        if (Origin is not null)
            entries["origin"] = Origin;
        if (Graph is not null)
            entries["graph"] = Graph;
        return entries;
    }

    /// <summary>The architecture that was asked for or that the weights name.</summary>
    /// <param name="weights">What was given as weights; null where nothing was.</param>
    /// <param name="given">The architecture that was asked for; null where none was.</param>
    /// <param name="metadata">What the weights say of themselves; null where they say nothing.</param>
    /// <exception cref="SettingException">None is known, or the weights say another.</exception>
    public static Architecture ArchitectureOf(string? weights, string? given, ClassifierMetadata? metadata)
    {
        if (given is not null && metadata is not null && given != metadata.Architecture)
            throw new SettingException("arch", given, $"{metadata.Architecture}, which {weights} names");
        string all = string.Join(", ", Architectures.All.Select(a => a.Name));
        string name = given ?? metadata?.Architecture
            ?? (weights == PackagedWeights.Name ? weights : weights is null ? null : PublishedWeights.Find(weights)?.Name)
            ?? throw new SettingException("arch", "", $"{all} ({(weights is null ? "no weights are given" : $"{weights} does not name one")})");
        if (metadata?.Graph is { } graph && name == metadata.Architecture)
            return ForeignNetworks.Restore(weights ?? name, graph, metadata.ImageSize, metadata.Normalization);
        return Architectures.Find(name) ?? throw new SettingException("arch", given ?? $"{name}, which {weights} names", all);
    }

    // A number would be taken for a value, whether there is such a one or not.
    private static ImageFit FitOf(string word) => Enum.TryParse(word, ignoreCase: true, out ImageFit fit) && Enum.IsDefined(fit)
        && char.IsLetter(word[0]) ? fit : throw new FormatException($"fit is '{word}'; allowed are crop, letterbox and stretch");

    private static float[] Numbers(string json) => JsonSerializer.Deserialize<float[]>(json)!;
}
