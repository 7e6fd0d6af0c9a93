namespace Polder.Vision.Training;

/// <summary>
/// What frozen layers make of each image of a set: in memory up to <see cref="MostInMemory"/>, beyond it in a temporary file that goes with the
/// process. The numbers are the same.
/// </summary>
internal sealed class FeatureStore : IDisposable
{
    /// <summary>Bytes that are kept in memory; larger ones are in a file.</summary>
    public const long MostInMemory = 1L << 30;

    private readonly long[] _shape;
    private readonly ScalarType _type;
    private readonly long _rowBytes;
    private readonly Tensor? _memory;
    private readonly FileStream? _file;
    private long _filled;

    private FeatureStore(int count, Tensor first, long mostInMemory)
    {
        (_shape, _type, _rowBytes) = (first.shape[1..], first.dtype, first.numel() / first.shape[0] * first.ElementSize);
        Bytes = _rowBytes * count;
        if (Bytes <= mostInMemory)
            _memory = empty([count, .. _shape], _type).DetachFromDisposeScope();
        else
            _file = new FileStream(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1,
                FileOptions.DeleteOnClose | FileOptions.RandomAccess);
    }

    /// <summary>The size of all images' features.</summary>
    public long Bytes { get; }

    /// <summary>The file they are in; null where they are in memory.</summary>
    public string? File => _file?.Name;

    /// <summary>Makes room for a set, from the features of its first images.</summary>
    /// <param name="count">Images of the set.</param>
    /// <param name="first">Features of some images, one along the first axis.</param>
    /// <param name="mostInMemory">Bytes that are kept in memory.</param>
    /// <exception cref="DataException">They are larger than that, and the disk of temporary files has no room for them.</exception>
    public static FeatureStore For(int count, Tensor first, long mostInMemory = MostInMemory)
    {
        long bytes = first.numel() / first.shape[0] * first.ElementSize * count;
        if (bytes > mostInMemory && new DriveInfo(Path.GetTempPath()).AvailableFreeSpace is var free && free <= bytes)
            throw new DataException(Path.GetTempPath(),
                $"has {free >> 20} MB free, and the output of the frozen layers, which is kept there, takes {bytes >> 20} MB: "
                    + "freeze more layers, whose output is smaller, or name a larger folder in TMPDIR");
        return new(count, first, mostInMemory);
    }

    /// <summary>Appends the features of the next images.</summary>
    public void Add(Tensor features)
    {
        long rows = features.shape[0];
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (_memory is not null)
            _memory.narrow(0, _filled, rows).copy_(features);
        else
            RandomAccess.Write(_file!.SafeFileHandle, features.contiguous().bytes, _filled * _rowBytes);
        _filled += rows;
    }

    /// <summary>The features of some images, in the order asked for; the caller owns the tensor.</summary>
    /// <param name="images">Their places in the set.</param>
    public Tensor Take(IReadOnlyList<int> images)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (_memory is not null)
            return _memory.index_select(0, tensor([.. images.Select(i => (long)i)])).DetachFromDisposeScope();
        Tensor taken = empty([images.Count, .. _shape], _type);
        Span<byte> bytes = taken.bytes;
        int size = checked((int)_rowBytes);
        for (int i = 0; i < images.Count; i++)
            if (RandomAccess.Read(_file!.SafeFileHandle, bytes.Slice(i * size, size), images[i] * _rowBytes) != size)
                throw new EndOfStreamException($"{_file.Name} ends before the features of image {images[i]}");
        return taken.DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory?.Dispose();
        _file?.Dispose();
    }
}
