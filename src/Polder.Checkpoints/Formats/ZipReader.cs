using System.IO.Compression;

namespace Polder.Checkpoints.Formats;

/// <summary>
/// A zip archive as a bag of named byte strings: PyTorch's files since 1.6 and NumPy's .npz. Stored entries are read straight into their tensors; what
/// compressed entries expand to is bounded.
/// </summary>
internal sealed class ZipReader : IDisposable
{
    /// <summary>
    /// The entries may come to this many times the file in all: weights and images shrink far less, a bomb of compressed entries (or of entries that
    /// all point to the same bytes) a thousandfold.
    /// </summary>
    private const long MaximumExpansion = 32;

    private readonly CheckpointFile _file;
    private readonly ZipArchive _archive;
    private readonly Dictionary<string, ZipArchiveEntry> _entries = [];
    private readonly HashSet<string> _counted = [];
    private long _expanded;

    private ZipReader(CheckpointFile file)
    {
        _file = file;
        ZipArchive? archive = null;
        _archive = Guard("", () => archive = new ZipArchive(file.OpenStream(), ZipArchiveMode.Read));
        try
        {
            foreach (ZipArchiveEntry entry in Guard("", () => archive!.Entries))
                // With two entries of one name, two readers may see two different files.
                if (!_entries.TryAdd(entry.FullName, entry))
                    throw file.Refuse($"the archive has two entries called '{entry.FullName}'");
        }
        catch
        {
            _archive.Dispose();
            throw;
        }
    }

    public IEnumerable<string> Names => _entries.Keys;

    /// <summary>Opens the archive without asking what it holds.</summary>
    public static ZipReader OpenArchive(CheckpointFile file) => new(file);

    /// <summary>Opens the archive as what its entries show it to be.</summary>
    public static OpenedCheckpoint Open(CheckpointFile file, CheckpointOptions options)
    {
        ZipReader zip = new(file);
        try
        {
            List<string> pickles = [.. zip.Names.Where(name => name == "data.pkl" || name.EndsWith("/data.pkl", StringComparison.Ordinal))];
            if (pickles.Count == 1)
                return PyTorchZipReader.Open(file, zip, pickles[0][..^"data.pkl".Length], options);
            if (pickles.Count > 1)
                throw file.Refuse($"the archive has {pickles.Count} entries data.pkl instead of one");
            if (zip.Names.Any() && zip.Names.All(name => name.EndsWith(".npy", StringComparison.Ordinal)))
                return new OpenedCheckpoint(NumpyReader.ReadArchive(file, zip), zip);
            throw file.Refuse("is a zip archive, but neither PyTorch's (no data.pkl) nor NumPy's (not all entries are .npy)");
        }
        catch
        {
            zip.Dispose();
            throw;
        }
    }

    /// <summary>The length of an entry in bytes, uncompressed; -1 where there is none.</summary>
    public long Length(string name) => _entries.TryGetValue(name, out ZipArchiveEntry? entry) ? entry.Length : -1;

    /// <summary>A whole entry in memory.</summary>
    public byte[] ReadAll(string name, long maximum)
    {
        long length = Length(name);
        if (length < 0)
            throw _file.Refuse($"the archive has no entry '{name}'");
        if (length > maximum)
            throw _file.Refuse($"entry '{name}' has {length} bytes, at most {maximum} are allowed");
        using Cursor cursor = OpenEntry(name);
        byte[] bytes = new byte[length];
        cursor.Read(0, bytes);
        return bytes;
    }

    /// <summary>Opens an entry for reading from its beginning.</summary>
    public Cursor OpenEntry(string name)
    {
        ZipArchiveEntry entry = _entries[name];
        long length = entry.Length;
        if (entry.IsEncrypted)
            throw _file.Refuse($"entry '{name}' is encrypted");
        // A stored entry cannot be longer than the file; a compressed one claims its length, which is held to before memory is taken for it.
        if (entry.CompressedLength > _file.Length || length < 0)
            throw _file.Refuse($"entry '{name}' claims more bytes than the file has");
        if (_counted.Add(name))
            _expanded += length;
        if (_expanded > (_file.Length * MaximumExpansion) + (1 << 20))
            throw _file.Refuse($"entry '{name}' expands to {length} bytes, out of proportion to the file of {_file.Length}");
        return new Cursor(this, name, Guard(name, entry.Open), length);
    }

    public void Dispose() => _archive.Dispose();

    /// <summary>The framework's zip reader reports damage by several exceptions; all of them mean one thing here.</summary>
    private T Guard<T>(string name, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (
            e is InvalidDataException or IOException or NotSupportedException or ArgumentException or OverflowException or ObjectDisposedException)
        {
            throw _file.Refuse($"the zip archive is damaged{(name.Length > 0 ? $" at entry '{name}'" : "")}: {e.Message}", e);
        }
    }

    /// <summary>Reads an entry forward, once.</summary>
    internal sealed class Cursor(ZipReader zip, string name, Stream stream, long length) : IDisposable
    {
        private long _position;

        public void Read(long offset, Span<byte> destination)
        {
            if (offset != _position || destination.Length > length - offset)
                throw zip._file.Refuse($"entry '{name}' of {length} bytes is cut short");
            while (destination.Length > 0)
            {
                int count = ReadSome(destination);
                if (count == 0)
                    throw zip._file.Refuse($"entry '{name}' ends after {_position} of {length} bytes");
                destination = destination[count..];
                _position += count;
            }
        }

        public void Dispose() => stream.Dispose();

        private int ReadSome(Span<byte> destination)
        {
            try
            {
                return stream.Read(destination);
            }
            catch (Exception e) when (e is InvalidDataException or IOException or NotSupportedException)
            {
                throw zip._file.Refuse($"the zip archive is damaged at entry '{name}': {e.Message}", e);
            }
        }
    }
}
