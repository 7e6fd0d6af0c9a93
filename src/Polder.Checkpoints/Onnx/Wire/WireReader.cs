using System.Buffers.Binary;
using System.Text;

namespace Polder.Checkpoints.Onnx.Wire;

/// <summary>
/// Reads protobuf's wire format: fields of a number and one of four kinds in use (varint, eight bytes, a length and so many bytes, four bytes; the
/// fifth, groups, is of the past). Lengths are checked against the message that they stand in, so nothing is read or made that the file does not hold.
/// </summary>
internal struct WireReader
{
    private const int LongestText = 1 << 20, FewBytes = 1 << 12, Varint = 0, EightBytes = 1, Bytes = 2, FourBytes = 5;
    private static readonly UTF8Encoding Text8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly OnnxSource _file;
    private readonly string _where;
    private readonly long _end;
    private long _at;
    private int _kind;
    private long _value;
    private long _start;
    private long _length;

    /// <summary>Reads a file from its beginning.</summary>
    public WireReader(OnnxSource file)
        : this(file, "file", 0, file.Length)
    {
    }

    private WireReader(OnnxSource file, string where, long at, long end) => (_file, _where, _at, _end) = (file, where, at, end);

    /// <summary>The number of the field that was read last.</summary>
    public int Field { get; private set; }

    /// <summary>Goes to the next field.</summary>
    /// <returns>False at the message's end.</returns>
    public bool Next()
    {
        if (_at >= _end)
            return false;
        ulong tag = Number();
        if (tag >> 3 is 0 or > 536_870_911)
            throw Error($"has a field of number {tag >> 3}, so it is no ONNX file or it is damaged");
        (Field, _kind) = ((int)(tag >> 3), (int)(tag & 7));
        switch (_kind)
        {
            case Varint:
                _value = (long)Number();
                return true;
            case EightBytes:
                (_start, _length) = (_at, 8);
                break;
            case FourBytes:
                (_start, _length) = (_at, 4);
                break;
            case Bytes:
                ulong length = Number();
                _length = length > long.MaxValue ? long.MaxValue : (long)length;
                _start = _at;
                break;
            default:
                throw Error($"field {Field} is of kind {_kind}, allowed: 0, 1, 2, 5; it is no ONNX file or it is damaged");
        }
        if (_length > _end - _at)
            throw Error($"field {Field} has {(ulong)_length} bytes where {_end - _at} are left");
        _at += _length;
        return true;
    }

    /// <summary>The present field as a message.</summary>
    /// <param name="where">What messages call it.</param>
    public readonly WireReader Message(string where)
    {
        Require(Bytes, "a message");
        return new WireReader(_file, where, _start, _start + _length);
    }

    /// <summary>The present field as a whole number.</summary>
    public readonly long Long()
    {
        Require(Varint, "a whole number");
        return _value;
    }

    /// <summary>The present field as a number of 32 bits.</summary>
    public readonly float Float()
    {
        Require(FourBytes, "a number of four bytes");
        return BinaryPrimitives.ReadSingleLittleEndian(_file.Span(_start, 4));
    }

    /// <summary>The present field as text.</summary>
    public readonly string Text()
    {
        Require(Bytes, "text");
        if (_length > LongestText)
            throw Error($"field {Field} is text of {_length} bytes, allowed: up to {LongestText}");
        try
        {
            return Text8.GetString(_file.Span(_start, (int)_length));
        }
        catch (DecoderFallbackException)
        {
            throw Error($"field {Field} is no text in UTF-8");
        }
    }

    /// <summary>The present field's bytes, where the file has them.</summary>
    public readonly ReadOnlyMemory<byte> Data()
    {
        Require(Bytes, "bytes");
        return _length <= int.MaxValue ? _file.Memory(_start, (int)_length) : throw Error($"field {Field} has {_length} bytes, allowed: up to {int.MaxValue}");
    }

    /// <summary>Adds the present field's whole numbers: one, or packed many.</summary>
    public readonly void AddLongs(List<long> to)
    {
        if (_kind == Varint)
        {
            to.Add(_value);
            return;
        }
        WireReader packed = Message(_where);
        while (packed._at < packed._end)
            to.Add((long)packed.Number());
    }

    /// <summary>Adds the present field's numbers of some bytes each: one, or packed many.</summary>
    /// <param name="to">Gets their bytes.</param>
    /// <param name="size">4 or 8.</param>
    public readonly void AddFixed(List<ReadOnlyMemory<byte>> to, int size)
    {
        if (_kind != (size == 4 ? FourBytes : EightBytes))
            Require(Bytes, $"numbers of {size} bytes");
        if (_length % size != 0 || _length > int.MaxValue)
            throw Error($"field {Field} has {_length} bytes, allowed: numbers of {size} bytes");
        // A few, often one at a time, are at hand; many stay in the file.
        to.Add(_length <= FewBytes ? _file.Span(_start, (int)_length).ToArray() : _file.Memory(_start, (int)_length));
    }

    /// <summary>The exception of something found in this message.</summary>
    public readonly OnnxException Error(string reason) => new(_file.Path, $"{_where}: {reason}");

    private ulong Number()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if (_at >= _end)
                throw Error($"ends in the middle of a number, after field {Field}");
            byte next = _file.Span(_at++, 1)[0];
            value |= (ulong)(next & 127) << shift;
            if (next < 128)
                return value;
        }
        throw Error($"has a number of more than ten bytes after field {Field}");
    }

    private readonly void Require(int kind, string what)
    {
        if (_kind != kind)
            throw Error($"field {Field} is not {what}");
    }
}
