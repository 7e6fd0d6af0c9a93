using Microsoft.Win32.SafeHandles;

namespace Polder.Checkpoints.IO;

/// <summary>Random access to bytes of which nobody trusts the claimed lengths: every read is checked against the true length.</summary>
internal abstract class ByteSource(string path)
{
    /// <summary>The file that the bytes come from, for messages.</summary>
    public string Path { get; } = path;

    public abstract long Length { get; }

    /// <summary>Fills <paramref name="destination"/> with the bytes at <paramref name="offset"/>.</summary>
    /// <exception cref="CheckpointException">The bytes end before that.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > Length - destination.Length)
            throw Refuse($"the file is cut short: {destination.Length} bytes are needed at offset {offset} of {Length}");
        ReadCore(offset, destination);
    }

    public CheckpointException Refuse(string reason, Exception? inner = null) => new(Path, reason, inner);

    protected abstract void ReadCore(long offset, Span<byte> destination);
}

/// <summary>A file opened for reading. It is read in place, piece by piece, never as a whole.</summary>
internal sealed class CheckpointFile : ByteSource, IDisposable
{
    private readonly SafeFileHandle _handle;

    private CheckpointFile(string path, SafeFileHandle handle, long length) : base(path)
    {
        _handle = handle;
        Length = length;
    }

    public override long Length { get; }

    public static CheckpointFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        // A pipe or a device has no length and may never end: only regular files are read.
        if (Directory.Exists(path))
            throw new CheckpointException(path, "is a folder, not a checkpoint file");
        if (!File.Exists(path))
            throw new CheckpointException(path, "there is no such file");
        if (!OperatingSystem.IsWindows() && (File.GetAttributes(path) & FileAttributes.Device) != 0)
            throw new CheckpointException(path, "is a device, not a checkpoint file");
        try
        {
            SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            return new CheckpointFile(path, handle, RandomAccess.GetLength(handle));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new CheckpointException(path, $"cannot be opened: {e.Message}", e);
        }
    }

    public Stream OpenStream() => new FileStream(_handle, FileAccess.Read, bufferSize: 1 << 16);

    public void Dispose() => _handle.Dispose();

    protected override void ReadCore(long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            int count;
            try
            {
                count = RandomAccess.Read(_handle, destination, offset);
            }
            catch (IOException e)
            {
                throw Refuse($"cannot be read: {e.Message}", e);
            }
            if (count == 0)
                throw Refuse("the file became shorter while it was read");
            destination = destination[count..];
            offset += count;
        }
    }
}

/// <summary>Bytes that are already in memory (the pickle of a zip archive).</summary>
internal sealed class MemorySource(string path, byte[] bytes) : ByteSource(path)
{
    public override long Length => bytes.Length;

    protected override void ReadCore(long offset, Span<byte> destination) => bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);
}

/// <summary>A piece of another source (a member of a tar file).</summary>
internal sealed class WindowSource(ByteSource source, long start, long length) : ByteSource(source.Path)
{
    public override long Length => length;

    protected override void ReadCore(long offset, Span<byte> destination) => source.Read(start + offset, destination);
}
