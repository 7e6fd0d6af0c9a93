using System.Buffers;
using System.IO.MemoryMappedFiles;

namespace Polder.Checkpoints.Onnx.Wire;

/// <summary>A file's bytes where the system keeps them: nothing is copied, and only what is looked at is read from the disk.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _start;

    /// <summary>Maps a file for reading.</summary>
    /// <exception cref="OnnxException">There is no such file, it is empty, or it cannot be read.</exception>
    public MappedFile(string path)
    {
        Path = path;
        try
        {
            // Another program may go on reading it, or put a new file in its place.
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            // The stream's: a link to a file has a length of its own.
            Length = stream.Length;
            if (Length == 0)
            {
                stream.Dispose();
                throw new OnnxException(path, "is empty");
            }
            _map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            _map?.Dispose();
            bool isMissing = e is FileNotFoundException or DirectoryNotFoundException;
            throw new OnnxException(path, isMissing ? "there is no such file" : $"cannot be read: {e.Message}", e);
        }
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _start = start;
    }

    /// <summary>The file's path, as the caller gave it.</summary>
    public string Path { get; }

    /// <summary>Its bytes.</summary>
    public long Length { get; }

    /// <summary>Some of its bytes.</summary>
    /// <exception cref="ObjectDisposedException">The file is closed.</exception>
    public ReadOnlySpan<byte> Span(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        return offset < 0 || length < 0 || offset > Length - length ? throw new ArgumentOutOfRangeException(nameof(offset)) : new(_start + offset, length);
    }

    /// <summary>The same for later: it refuses to be read once the file is closed.</summary>
    public ReadOnlyMemory<byte> Memory(long offset, int length) => length == 0 ? default : new Part(this, offset, length).Memory;

    public void Dispose()
    {
        if (_start is null)
            return;
        _start = null;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }

    private sealed class Part(MappedFile file, long offset, int length) : MemoryManager<byte>
    {
        public override Memory<byte> Memory => CreateMemory(length);

        public override Span<byte> GetSpan()
        {
            fixed (byte* start = file.Span(offset, length))
                return new(start, length);
        }

        // What is mapped does not move.
        public override MemoryHandle Pin(int elementIndex = 0)
        {
            fixed (byte* start = file.Span(offset, length))
                return new(start + elementIndex);
        }

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
