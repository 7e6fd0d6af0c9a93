using System.IO.Compression;
using System.Text.Json;

namespace Polder.Vision.Classifiers;

/// <summary>What the network of a run said of its images, by the parts (train, test) that it was asked about.</summary>
/// <param name="Classes">The names of the classes.</param>
/// <param name="Parts">The predictions of each part, in the order of <see cref="RunImages"/> where none of its images is missing.</param>
public sealed record RunPredictions(IReadOnlyList<string> Classes, IReadOnlyDictionary<string, ImagePredictions> Parts)
{
    internal void Write(string path) => AtomicFile.Write(path, stream =>
    {
        using var zip = new GZipStream(stream, CompressionLevel.Optimal, leaveOpen: true);
        JsonSerializer.Serialize(zip, this, JsonSerializerOptions.Web);
    });

    internal static RunPredictions Read(string path)
    {
        try
        {
            using var zip = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
            return JsonSerializer.Deserialize<RunPredictions>(zip, JsonSerializerOptions.Web) is { Classes: not null, Parts: not null } found
                && found.Parts.Values.All(part => IsWhole(part, found.Classes.Count))
                ? found : throw new JsonException("members are missing, or lists are of several lengths");
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            throw new DataException(path, $"does not say the predictions of a run: {e.Message}", e);
        }
    }

    private static bool IsWhole(ImagePredictions? part, int classes)
    {
        return part is { Labels: { } labels, Losses: { } losses, Classes: { } taken, Probabilities: { } probabilities }
            && losses.Count == labels.Count && taken.Count == labels.Count && probabilities.Count == labels.Count
            && labels.All(Is) && taken.Zip(probabilities).All(p => p.First.Count > 0 && p.First.Count == p.Second.Count && p.First.All(Is));

        bool Is(int label) => (uint)label < (uint)classes;
    }
}
