using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Polder.Vision.Classifiers;

/// <summary>The images of one part of a run, in their order, a list a column: that packs well.</summary>
/// <param name="Names">Paths below the data's source.</param>
/// <param name="Hashes">What they contain (<see cref="RunImages.HashOf(ImageSet, int)"/>).</param>
/// <param name="Labels">Their classes, as the data has them.</param>
/// <param name="Trained">Their classes as they were trained on, where label noise made others of them; null: the same.</param>
public sealed record RunPart(IReadOnlyList<string> Names, IReadOnlyList<string> Hashes, IReadOnlyList<int> Labels, IReadOnlyList<int>? Trained = null);

/// <summary>
/// The images of a run: which was in which part (train, validation, test; unused where it was in none), by name and by content. Later changes of
/// the data are found by it, and nothing that was trained on is taken for a test image.
/// </summary>
/// <param name="Source">The data as it was named.</param>
/// <param name="Directory">The working directory of the run, which a relative source is below.</param>
/// <param name="Network">What the network sees and tells: the entries of its checkpoints.</param>
/// <param name="Parts">The parts by their names.</param>
public sealed record RunImages(string Source, string Directory, IReadOnlyDictionary<string, string> Network, IReadOnlyDictionary<string, RunPart> Parts)
{
    // 96 bits: two of a million images agree by chance once in 10^17 runs.
    private const int HashLength = 12;

    private const string HeadEntry = "head";

    private Dictionary<string, string>? _parts;

    /// <summary>The side of the images that the run decoded, in pixels.</summary>
    public int ImageSize => Metadata.ImageSize;

    /// <summary>The names of the classes.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Classes => Metadata.Classes;

    /// <summary>Where the data was, as a full path.</summary>
    public string Place => Path.GetFullPath(Source, Directory);

    /// <summary>What the training began with: a head that was new, kept, or reordered.</summary>
    internal string? Head => Network.GetValueOrDefault(HeadEntry);

    internal ClassifierMetadata Metadata => ClassifierMetadata.Of(Source, Network) ?? throw new DataException(Source, "the images of the run name no network");

    /// <summary>The content of an image: the first 12 bytes of the SHA-256 of its file or, where it has none of its own, of its pixels.</summary>
    /// <param name="set">The set.</param>
    /// <param name="index">The image's index.</param>
    public static string HashOf(ImageSet set, int index)
    {
        ArgumentNullException.ThrowIfNull(set);
        return File.Exists(set.Origin(index)) ? HashOfFile(set.Origin(index))
            : Convert.ToBase64String(SHA256.HashData(set.Pixels(index)).AsSpan(0, HashLength));
    }

    /// <summary>
    /// The part that an image of this content was in; null where the run did not know it. Of copies in several parts the first counts, train first.
    /// </summary>
    /// <param name="hash">Its <see cref="HashOf(ImageSet, int)"/>.</param>
    public string? PartOf(string hash)
    {
        _parts ??= Parts.SelectMany(part => part.Value.Hashes, (part, known) => (part.Key, known)).DistinctBy(e => e.known)
            .ToDictionary(e => e.known, e => e.Key);
        return _parts.GetValueOrDefault(hash);
    }

    /// <summary>The part that the image of a file was in; null where the run did not know it, or the file cannot be read.</summary>
    /// <param name="file">The file.</param>
    public string? PartOfFile(string file)
    {
        try
        {
            return PartOf(HashOfFile(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>
    /// Finds the run's images in the data of today: by content, so that an image that was renamed is the same, and one that was changed is not.
    /// </summary>
    /// <param name="data">The data of today.</param>
    /// <param name="source">Where it is.</param>
    /// <param name="shown">The same images at another size, which the parts shall have; null: as they are. What is in no file of its own is found at
    /// the run's size alone.</param>
    public FoundImages In(ImageData data, string source, ImageData? shown = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        ImageSet all = data.All;
        string[] names = NamesOf(all, source), hashes = HashesOf(all);
        string[] classes = [.. Metadata.Classes];
        (string Part, int Index, string Name, string Hash, string Label)[] known =
        [
            .. Parts.SelectMany(p => Enumerable.Range(0, p.Value.Names.Count),
                (p, i) => (p.Key, i, p.Value.Names[i], p.Value.Hashes[i], classes[p.Value.Labels[i]])),
        ];
        int[] places = new int[known.Length];
        Array.Fill(places, -1);
        bool[] taken = new bool[all.Count];
        // Copies go to the records that they agree with most.
        foreach (Func<string, string, string, (string, string, string)> key in (Func<string, string, string, (string, string, string)>[])
            [(name, hash, label) => (name, hash, label), (name, hash, _) => (name, hash, ""), (_, hash, label) => ("", hash, label),
                (_, hash, _) => ("", hash, "")])
        {
            Dictionary<(string, string, string), Queue<int>> free = Enumerable.Range(0, all.Count).Where(i => !taken[i])
                .GroupBy(i => key(names[i], hashes[i], all.Classes[all.Labels[i]])).ToDictionary(g => g.Key, g => new Queue<int>(g));
            for (int r = 0; r < known.Length; r++)
                if (places[r] < 0 && free.TryGetValue(key(known[r].Name, known[r].Hash, known[r].Label), out Queue<int>? queue)
                    && queue.TryDequeue(out int place))
                    taken[places[r] = place] = true;
        }
        var untaken = Enumerable.Range(0, all.Count).Where(i => !taken[i]).Select(i => names[i]).ToHashSet();
        var changes = new List<ImageChange>();
        for (int r = 0; r < known.Length; r++)
        {
            if (places[r] < 0)
                changes.Add(new(untaken.Remove(known[r].Name) ? ImageChangeKind.Changed : ImageChangeKind.Removed, known[r].Name, known[r].Part));
            else if (all.Classes[all.Labels[places[r]]] != known[r].Label)
                changes.Add(new(ImageChangeKind.Relabelled, $"{known[r].Name} ({known[r].Label}, now {all.Classes[all.Labels[places[r]]]})", known[r].Part));
            else if (names[places[r]] != known[r].Name)
                changes.Add(new(ImageChangeKind.Renamed, $"{known[r].Name} (now {names[places[r]]})", known[r].Part));
        }
        changes.AddRange(untaken.Order(StringComparer.Ordinal).Select(name => new ImageChange(ImageChangeKind.Added, name, "")));
        ILookup<string, int> found = Enumerable.Range(0, known.Length).Where(r => places[r] >= 0).ToLookup(r => known[r].Part);
        ImageSet Part(string part)
        {
            ImageSet set = (shown?.All ?? all).Subset([.. found[part].Select(r => places[r])]);
            return Parts.GetValueOrDefault(part)?.Trained is { } trained ? set.WithLabels([.. found[part].Select(r => trained[known[r].Index])]) : set;
        }
        return new FoundImages(new DataSplits(Part("train"), Part("validation"), Part("test")), changes, places.Count(p => p >= 0), known.Length);
    }

    /// <summary>The images of a training.</summary>
    internal static RunImages Of(string source, TrainedClassifier classifier, DataSplits splits, ImageData? data)
    {
        Dictionary<string, RunPart> parts = [];
        ImageSet all = data?.All ?? splits.Train.Then(splits.Validation).Then(splits.Test);
        string[] names = NamesOf(all, source), hashes = HashesOf(all);
        // Parts share the pixels of the whole: an image is its pixels, also where labels were changed.
        Dictionary<byte[], int> indices = new(ReferenceEqualityComparer.Instance);
        for (int i = 0; i < all.Count; i++)
            indices[all.Array(i)] = i;
        HashSet<int> used = [];
        foreach (string name in (string[])["train", "validation", "test"])
        {
            ImageSet set = splits.Part(name);
            int[] at = [.. Enumerable.Range(0, set.Count).Select(i => indices[set.Array(i)])];
            used.UnionWith(at);
            int[] labels = [.. at.Select(i => all.Labels[i])];
            parts[name] = new RunPart([.. at.Select(i => names[i])], [.. at.Select(i => hashes[i])], labels, labels.SequenceEqual(set.Labels) ? null
                : set.Labels);
        }
        int[] rest = [.. Enumerable.Range(0, all.Count).Where(i => !used.Contains(i))];
        parts["unused"] = new RunPart([.. rest.Select(i => names[i])], [.. rest.Select(i => hashes[i])], [.. rest.Select(i => all.Labels[i])]);
        Dictionary<string, string> network = classifier.Metadata.ToEntries();
        network[HeadEntry] = classifier.HasNewHead ? "new" : classifier.HasReorderedHead ? "reordered" : "kept";
        return new RunImages(source, Environment.CurrentDirectory, network, parts);
    }

    internal void Write(string path) => AtomicFile.Write(path, stream =>
    {
        using var zip = new GZipStream(stream, CompressionLevel.Optimal, leaveOpen: true);
        JsonSerializer.Serialize(zip, this, JsonSerializerOptions.Web);
    });

    internal static RunImages Read(string path)
    {
        try
        {
            using var zip = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
            return JsonSerializer.Deserialize<RunImages>(zip, JsonSerializerOptions.Web) is
            { Source: not null, Directory: not null, Network: not null, Parts: not null } images
                ? images
                : throw new JsonException("members are missing");
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            throw new DataException(path, $"does not say the images of a run: {e.Message}", e);
        }
    }

    internal static string HashOfFile(string file)
    {
        using FileStream stream = File.OpenRead(file);
        return Convert.ToBase64String(SHA256.HashData(stream).AsSpan(0, HashLength));
    }

    private static string[] HashesOf(ImageSet set)
    {
        string[] hashes = new string[set.Count];
        Parallel.For(0, hashes.Length, i => hashes[i] = HashOf(set, i));
        return hashes;
    }

    private static string[] NamesOf(ImageSet set, string source)
    {
        string above = File.Exists(source) ? Path.GetDirectoryName(Path.GetFullPath(source))! : source;
        return [.. Enumerable.Range(0, set.Count).Select(set.Origin).Select(o => Path.IsPathRooted(o) || o.StartsWith(source, StringComparison.Ordinal)
            ? Path.GetRelativePath(above, o).Replace('\\', '/') : o)];
    }
}
