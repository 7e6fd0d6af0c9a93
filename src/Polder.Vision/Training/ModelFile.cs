using System.Globalization;
using System.Text.Json;
using Polder.Checkpoints;
using Polder.Vision.Data;
using Polder.Vision.Models;
using static TorchSharp.torch;

namespace Polder.Vision.Training;

/// <summary>What a checkpoint that Polder wrote says of its model beside the weights.</summary>
/// <param name="Architecture">The name of a built-in architecture.</param>
/// <param name="ImageSize">The side of the images that it was trained on, in pixels.</param>
/// <param name="Normalization">How pixels become inputs.</param>
/// <param name="Classes">The names of the classes.</param>
public sealed record ModelFile(string Architecture, int ImageSize, Normalization Normalization, IReadOnlyList<string> Classes)
{
    /// <summary>Writes a model with this description as safetensors; the file appears whole or not at all.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="model">The model.</param>
    /// <param name="more">Further metadata; null for none.</param>
    public void Save(string path, ImageClassifier model, IReadOnlyDictionary<string, string>? more = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        var metadata = new Dictionary<string, string>(more ?? new Dictionary<string, string>())
        {
            ["architecture"] = Architecture,
            ["imageSize"] = ImageSize.ToString(CultureInfo.InvariantCulture),
            ["mean"] = JsonSerializer.Serialize(Normalization.Mean),
            ["standardDeviation"] = JsonSerializer.Serialize(Normalization.StandardDeviation),
            ["classes"] = JsonSerializer.Serialize(Classes),
        };
        using var scope = NewDisposeScope();
        Safetensors.Write(path, model.state_dict().Select(entry => (entry.Key, entry.Value)), metadata);
    }

    /// <summary>The description in a checkpoint's metadata; null where it has none (another program wrote it).</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <exception cref="DataException">The metadata is Polder's but damaged.</exception>
    public static ModelFile? Of(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        IReadOnlyDictionary<string, string> metadata = checkpoint.Metadata;
        if (!metadata.TryGetValue("architecture", out string? architecture) || !metadata.TryGetValue("imageSize", out string? size))
            return null;
        try
        {
            return new ModelFile(
                architecture,
                int.Parse(size, CultureInfo.InvariantCulture),
                new Normalization(Numbers(metadata["mean"]), Numbers(metadata["standardDeviation"])),
                JsonSerializer.Deserialize<string[]>(metadata["classes"])!);
        }
        catch (Exception e) when (e is JsonException or FormatException or OverflowException or KeyNotFoundException or ArgumentException)
        {
            throw new DataException(checkpoint.Path, $"its metadata is damaged: {e.Message}", e);
        }
    }

    private static float[] Numbers(string json) => JsonSerializer.Deserialize<float[]>(json)!;
}
