using System.IO.Hashing;
using System.Text;

namespace Polder.Checkpoints.IO;

/// <summary>
/// Writes a zip archive of uncompressed entries whose data begins on multiples of 64 bytes, as PyTorch does for those who map the file. The sizes of
/// zip64 are written where an entry or the archive needs them.
/// </summary>
internal sealed class StoredZipWriter(Stream stream)
{
    private const int Alignment = 64;
    private const ushort PaddingField = 0x4246; // "FB", the extra field that PyTorch pads with
    private const ushort Zip64Field = 0x0001;

    private readonly List<(byte[] Name, uint Crc, long Size, long Offset)> _entries = [];

    public delegate void Content(TensorMemory.Drain write);

    /// <summary>Adds an entry of a known length.</summary>
    public void Add(string name, long size, Content content)
    {
        byte[] nameBytes = Encoding.UTF8.GetBytes(name);
        long offset = stream.Position;
        bool wide = size >= uint.MaxValue;
        int fixedLength = 30 + nameBytes.Length + (wide ? 20 : 0) + 4;
        int padding = (int)((Alignment - ((offset + fixedLength) % Alignment)) % Alignment);
        using (MemoryStream header = new())
        {
            Write32(header, 0x04034b50);
            Write16(header, (ushort)(wide ? 45 : 20));
            Write16(header, 0x0800); // names are UTF-8
            Write16(header, 0); // stored
            Write16(header, 0);
            Write16(header, 0x21); // 1980-01-01, so that equal tensors make equal files
            Write32(header, 0); // the checksum, filled in below
            Write32(header, wide ? uint.MaxValue : (uint)size);
            Write32(header, wide ? uint.MaxValue : (uint)size);
            Write16(header, (ushort)nameBytes.Length);
            Write16(header, (ushort)((wide ? 20 : 0) + 4 + padding));
            header.Write(nameBytes);
            if (wide)
            {
                Write16(header, Zip64Field);
                Write16(header, 16);
                Write64(header, size);
                Write64(header, size);
            }
            Write16(header, PaddingField);
            Write16(header, (ushort)padding);
            header.Write(new byte[padding]);
            stream.Write(header.GetBuffer(), 0, (int)header.Length);
        }
        Crc32 checksum = new();
        long start = stream.Position;
        content(bytes =>
        {
            checksum.Append(bytes);
            stream.Write(bytes);
        });
        long end = stream.Position;
        if (end - start != size)
            throw new InvalidOperationException($"entry '{name}' was announced with {size} bytes and has {end - start}");
        uint crc = checksum.GetCurrentHashAsUInt32();
        stream.Position = offset + 14;
        Write32(stream, crc);
        stream.Position = end;
        _entries.Add((nameBytes, crc, size, offset));
    }

    public void Add(string name, byte[] content) => Add(name, content.Length, write => write(content));

    /// <summary>Writes the directory. Nothing can be added afterwards.</summary>
    public void Finish()
    {
        long start = stream.Position;
        foreach ((byte[] name, uint crc, long size, long offset) in _entries)
        {
            bool wideSize = size >= uint.MaxValue, wideOffset = offset >= uint.MaxValue;
            int extra = (wideSize ? 16 : 0) + (wideOffset ? 8 : 0);
            Write32(stream, 0x02014b50);
            Write16(stream, 45);
            Write16(stream, (ushort)(extra > 0 ? 45 : 20));
            Write16(stream, 0x0800);
            Write16(stream, 0);
            Write16(stream, 0);
            Write16(stream, 0x21);
            Write32(stream, crc);
            Write32(stream, wideSize ? uint.MaxValue : (uint)size);
            Write32(stream, wideSize ? uint.MaxValue : (uint)size);
            Write16(stream, (ushort)name.Length);
            Write16(stream, (ushort)(extra > 0 ? extra + 4 : 0));
            Write16(stream, 0); // no comment
            Write16(stream, 0); // first disk
            Write16(stream, 0);
            Write32(stream, 0); // no attributes
            Write32(stream, wideOffset ? uint.MaxValue : (uint)offset);
            stream.Write(name);
            if (extra == 0)
                continue;
            Write16(stream, Zip64Field);
            Write16(stream, (ushort)extra);
            if (wideSize)
            {
                Write64(stream, size);
                Write64(stream, size);
            }
            if (wideOffset)
                Write64(stream, offset);
        }
        long length = stream.Position - start;
        bool wide = start >= uint.MaxValue || _entries.Count >= ushort.MaxValue;
        if (wide)
        {
            long record = stream.Position;
            Write32(stream, 0x06064b50);
            Write64(stream, 44);
            Write16(stream, 45);
            Write16(stream, 45);
            Write32(stream, 0);
            Write32(stream, 0);
            Write64(stream, _entries.Count);
            Write64(stream, _entries.Count);
            Write64(stream, length);
            Write64(stream, start);
            Write32(stream, 0x07064b50);
            Write32(stream, 0);
            Write64(stream, record);
            Write32(stream, 1);
        }
        ushort count = (ushort)Math.Min(_entries.Count, ushort.MaxValue);
        Write32(stream, 0x06054b50);
        Write16(stream, 0);
        Write16(stream, 0);
        Write16(stream, count);
        Write16(stream, count);
        Write32(stream, (uint)Math.Min(length, uint.MaxValue));
        Write32(stream, wide ? uint.MaxValue : (uint)start);
        Write16(stream, 0);
    }

    // BitConverter has the machine's order of bytes, which is the file's on every machine that libtorch runs on.
    private static void Write16(Stream stream, ushort value) => stream.Write(BitConverter.GetBytes(value));

    private static void Write32(Stream stream, uint value) => stream.Write(BitConverter.GetBytes(value));

    private static void Write64(Stream stream, long value) => stream.Write(BitConverter.GetBytes(value));
}
