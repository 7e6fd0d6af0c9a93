using System.Buffers;
using System.Runtime.InteropServices;

namespace Polder.Checkpoints.Onnx.Wire;

/// <summary>
/// A file's bytes, read when they are asked for: what stands between the weights through a small window, the weights straight to where they are
/// wanted. Nothing is mapped into memory, since a mapped file that another program cuts short ends the process that reads it.
/// </summary>
internal sealed class OnnxSource : IDisposable
{
    private readonly CheckpointFile? _file;
    private readonly byte[] _bytes = [];
    private readonly byte[] _window = new byte[1 << 16];
    private long _windowStart;
    private int _windowLength;
    private bool _isClosed;

    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="OnnxException">There is no such file, it is empty, or it cannot be read.</exception>
    public OnnxSource(string path)
    {
        Path = path;
        try
        {
            _file = CheckpointFile.Open(path);
        }
        catch (CheckpointException e)
        {
            throw new OnnxException(path, e.Reason, e);
        }
        if (Length > 0)
            return;
        _file.Dispose();
        throw new OnnxException(path, "is empty");
    }

    /// <summary>Takes bytes that are in memory already.</summary>
    public OnnxSource(string path, byte[] bytes) => (Path, _bytes) = (path, bytes);

    /// <summary>The file's path, as the caller gave it.</summary>
    public string Path { get; }

    /// <summary>Its bytes.</summary>
    public long Length => _file?.Length ?? _bytes.Length;

    /// <summary>Some of its bytes, until the next call.</summary>
    /// <exception cref="OnnxException">The file has become shorter.</exception>
    public ReadOnlySpan<byte> Span(long offset, int length)
    {
        if (offset >= _windowStart && offset + length <= _windowStart + _windowLength)
            return _window.AsSpan((int)(offset - _windowStart), length);
        if (length > _window.Length)
        {
            byte[] all = new byte[length];
            Read(offset, all);
            return all;
        }
        // What was there is no longer so if the reading fails.
        _windowLength = 0;
        int count = (int)Math.Min(_window.Length, Length - offset);
        Read(offset, _window.AsSpan(0, count));
        (_windowStart, _windowLength) = (offset, count);
        return _window.AsSpan(0, length);
    }

    /// <summary>Some of its bytes for later: they are read when they are looked at, and refuse it once the file is closed.</summary>
    public ReadOnlyMemory<byte> Memory(long offset, int length) => length == 0 ? default : new Part(this, offset, length).Memory;

    /// <summary>Copies from bytes of any kind; those of a file are read straight into the destination.</summary>
    public static void Copy(ReadOnlyMemory<byte> from, long offset, Span<byte> to)
    {
        if (MemoryMarshal.TryGetMemoryManager(from, out Part? part, out int start, out _))
            part.Read(start + offset, to);
        else
            from.Span.Slice((int)offset, to.Length).CopyTo(to);
    }

    public void Dispose()
    {
        _isClosed = true;
        _file?.Dispose();
    }

    private void Read(long offset, Span<byte> to)
    {
        ObjectDisposedException.ThrowIf(_isClosed, this);
        if (_file is null)
        {
            _bytes.AsSpan((int)offset, to.Length).CopyTo(to);
            return;
        }
        try
        {
            _file.Read(offset, to);
        }
        catch (CheckpointException e)
        {
            throw new OnnxException(e.Path, e.Reason, e);
        }
    }

    // What was read is kept as long as somebody looks at it, and no longer than the collector likes.
    private sealed class Part(OnnxSource source, long offset, int length) : MemoryManager<byte>
    {
        private readonly WeakReference<byte[]?> _read = new(null);

        public override Memory<byte> Memory => CreateMemory(length);

        public void Read(long at, Span<byte> to) => source.Read(offset + at, to);

        public override Span<byte> GetSpan() => Bytes();

        public override unsafe MemoryHandle Pin(int elementIndex = 0)
        {
            GCHandle handle = GCHandle.Alloc(Bytes(), GCHandleType.Pinned);
            return new MemoryHandle((byte*)handle.AddrOfPinnedObject() + elementIndex, handle);
        }

        // The handle's owner frees it.
        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }

        private byte[] Bytes()
        {
            ObjectDisposedException.ThrowIf(source._isClosed, source);
            if (_read.TryGetTarget(out byte[]? bytes))
                return bytes;
            bytes = new byte[length];
            source.Read(offset, bytes);
            _read.SetTarget(bytes);
            return bytes;
        }
    }
}
