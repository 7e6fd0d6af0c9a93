using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Polder.Vision.Training;

/// <summary>
/// What frozen layers make of sets of images, shared by the trainings of one process: those of a study start from the same weights, and several see the
/// same images. A set's features are found by what they depend on, pixels, layers and weights, so they are always right. Not for several threads.
/// </summary>
/// <param name="mostBytes">The memory that is kept when no training uses it; the oldest goes first.</param>
public sealed class FeatureCache(long mostBytes = FeatureCache.DefaultBytes) : IDisposable
{
    /// <summary>The default limit in bytes: 2 GiB.</summary>
    public const long DefaultBytes = 2L << 30;

    private readonly List<Entry> _entries = [];

    private sealed class Entry(string key, FeatureStore store)
    {
        public string Key { get; } = key;

        public FeatureStore Store { get; } = store;

        public int Users { get; set; } = 1;
    }

    /// <summary>The bytes that are kept now.</summary>
    public long Bytes => _entries.Sum(e => e.Store.Bytes);

    /// <summary>The features of a set, which stay the cache's: <see cref="GiveBack"/>. Null where there are no images.</summary>
    internal FeatureStore? Take(ImageClassifier model, Loader loader, int stages, Func<FeatureStore?> compute)
    {
        if (stages == 0)
            return compute();
        string key = KeyOf(model, loader, stages);
        if (_entries.Find(e => e.Key == key) is { } known)
        {
            known.Users++;
            // The latest is last.
            _entries.Remove(known);
            _entries.Add(known);
            return known.Store;
        }
        if (compute() is not { } store)
            return null;
        _entries.Add(new Entry(key, store));
        Shrink(mostBytes);
        return store;
    }

    /// <summary>Says that a training is done with a store; false where it is not the cache's.</summary>
    internal bool GiveBack(FeatureStore store)
    {
        if (_entries.Find(e => e.Store == store) is not { } entry)
            return false;
        entry.Users--;
        Shrink(mostBytes);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => Shrink(0);

    private void Shrink(long most)
    {
        long bytes = Bytes;
        foreach (Entry entry in _entries.Where(e => e.Users == 0).ToArray())
        {
            if (bytes <= most)
                return;
            bytes -= entry.Store.Bytes;
            _entries.Remove(entry);
            entry.Store.Dispose();
        }
    }

    private static string KeyOf(ImageClassifier model, Loader loader, int stages)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        LoaderOptions options = loader.Options;
        hash.AppendData(MemoryMarshal.AsBytes<float>((float[])[.. options.Normalization.Mean, .. options.Normalization.StandardDeviation]));
        hash.AppendData(MemoryMarshal.AsBytes<int>((int[])[stages, options.ImageSize ?? 0, loader.Set.Channels, loader.Set.Height, loader.Set.Width]));
        hash.AppendData(System.Text.Encoding.UTF8.GetBytes($"{model.GetType().FullName} {options.Form} {options.BatchSize}"));
        for (int i = 0; i < loader.Set.Count; i++)
            hash.AppendData(loader.Set.Pixels(i));
        using var scope = NewDisposeScope();
        foreach (BodyStage stage in model.Stages.Take(stages))
            foreach (Tensor tensor in stage.Modules.SelectMany(module => module.parameters().Concat(module.buffers())))
                hash.AppendData(tensor.detach().contiguous().bytes);
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
