using System.Buffers.Binary;
using System.Text;

namespace Polder.Checkpoints.Onnx.Wire;

/// <summary>
/// Writes protobuf's wire format. A message is a list of pieces, so that its length, which stands before it, is known without a copy of the weights
/// inside it.
/// </summary>
internal sealed class WireWriter
{
    private readonly List<ReadOnlyMemory<byte>> _pieces = [];
    private readonly List<byte> _open = [];
    private long _length;

    /// <summary>A whole number.</summary>
    public void Long(int field, long value)
    {
        Number((ulong)field << 3);
        Number((ulong)value);
    }

    /// <summary>A number of 32 bits.</summary>
    public void Float(int field, float value)
    {
        Number(((ulong)field << 3) | 5);
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        _open.AddRange(bytes);
    }

    /// <summary>Text.</summary>
    public void Text(int field, string value) => Data(field, Encoding.UTF8.GetBytes(value));

    /// <summary>Bytes; they must stay as they are until the message is written.</summary>
    public void Data(int field, ReadOnlyMemory<byte> value)
    {
        Begin(field, value.Length);
        Close();
        _pieces.Add(value);
        _length += value.Length;
    }

    /// <summary>Whole numbers in one field.</summary>
    public void Longs(int field, IEnumerable<long> values)
    {
        var packed = new WireWriter();
        foreach (long value in values)
            packed.Number((ulong)value);
        Message(field, packed);
    }

    /// <summary>A message.</summary>
    public void Message(int field, Action<WireWriter> write)
    {
        var message = new WireWriter();
        write(message);
        Message(field, message);
    }

    /// <summary>Writes all.</summary>
    public void CopyTo(Stream stream)
    {
        Close();
        foreach (ReadOnlyMemory<byte> piece in _pieces)
            stream.Write(piece.Span);
    }

    private void Message(int field, WireWriter message)
    {
        message.Close();
        Begin(field, message._length);
        Close();
        _pieces.AddRange(message._pieces);
        _length += message._length;
    }

    private void Begin(int field, long length)
    {
        Number(((ulong)field << 3) | 2);
        Number((ulong)length);
    }

    private void Close()
    {
        if (_open.Count == 0)
            return;
        _pieces.Add(_open.ToArray());
        _length += _open.Count;
        _open.Clear();
    }

    private void Number(ulong value)
    {
        for (; value > 127; value >>= 7)
            _open.Add((byte)(value | 128));
        _open.Add((byte)value);
    }
}
