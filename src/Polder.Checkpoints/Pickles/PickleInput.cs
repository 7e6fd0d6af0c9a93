using System.Buffers.Binary;
using System.Text;

namespace Polder.Checkpoints.Pickles;

/// <summary>A buffered cursor over the bytes of a pickle. No length that the file claims is believed before the bytes are known to be there.</summary>
internal sealed class PickleInput(ByteSource source)
{
    /// <summary>Text lines hold names and numbers: longer ones only serve to exhaust memory.</summary>
    private const int MaximumLine = 4096;

    /// <summary>Some hundred times what the largest published checkpoints need; bounds the time and memory that a short pickle can ask for.</summary>
    private const int MaximumOperations = 8_000_000;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _buffer = new byte[1 << 14];
    private long _bufferStart;
    private int _bufferLength;
    private long _operations;

    public long Position { get; set; }

    public bool AtEnd => Position >= source.Length;

    /// <summary>Counts work: one for each operation, more for one that copies what earlier ones made.</summary>
    public void Charge(long operations)
    {
        _operations += operations;
        if (_operations > MaximumOperations)
            throw Refuse($"the pickle has more than {MaximumOperations} operations");
    }

    public byte ReadByte()
    {
        long at = Position - _bufferStart;
        if (at < 0 || at >= _bufferLength)
        {
            _bufferStart = Position;
            _bufferLength = (int)Math.Min(_buffer.Length, source.Length - Position);
            if (_bufferLength <= 0)
                throw Refuse("the pickle is cut short");
            source.Read(_bufferStart, _buffer.AsSpan(0, _bufferLength));
            at = 0;
        }
        Position++;
        return _buffer[at];
    }

    public void Read(Span<byte> destination)
    {
        if (destination.Length > 16)
        {
            source.Read(Position, destination);
            Position += destination.Length;
            return;
        }
        foreach (ref byte value in destination)
            value = ReadByte();
    }

    public ushort ReadUInt16()
    {
        Span<byte> bytes = stackalloc byte[2];
        Read(bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    public int ReadInt32()
    {
        Span<byte> bytes = stackalloc byte[4];
        Read(bytes);
        return BinaryPrimitives.ReadInt32LittleEndian(bytes);
    }

    public long ReadInt64()
    {
        Span<byte> bytes = stackalloc byte[8];
        Read(bytes);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }

    public double ReadDoubleBigEndian()
    {
        Span<byte> bytes = stackalloc byte[8];
        Read(bytes);
        return BinaryPrimitives.ReadDoubleBigEndian(bytes);
    }

    public byte[] ReadBytes(long count)
    {
        if (count < 0 || count > source.Length - Position || count > int.MaxValue / 2)
            throw Refuse($"a value of {count} bytes is longer than what is left");
        byte[] bytes = new byte[count];
        Read(bytes);
        return bytes;
    }

    public string ReadUtf8(long count)
    {
        byte[] bytes = ReadBytes(count);
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw source.Refuse($"the pickle has text that is not UTF-8 at byte {Position - count}", e);
        }
    }

    /// <summary>A line of Latin-1 text, without its line feed.</summary>
    public string ReadLine()
    {
        StringBuilder line = new();
        for (byte next = ReadByte(); next != '\n'; next = ReadByte())
        {
            if (line.Length == MaximumLine)
                throw Refuse($"a line of the pickle is longer than {MaximumLine} bytes");
            line.Append((char)next);
        }
        return line.ToString();
    }

    public CheckpointException Refuse(string reason) => source.Refuse($"{reason} (at byte {Position} of the pickle)");
}
