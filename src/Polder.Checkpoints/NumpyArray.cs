using System.Buffers.Binary;
using Polder.Checkpoints.Formats;

namespace Polder.Checkpoints;

/// <summary>A NumPy array in managed memory: row-major, little-endian, whatever order the file had.</summary>
public sealed class NumpyArray
{
    private readonly byte[] _bytes;
    private readonly int _size;

    private NumpyArray(NumpyHeader header, byte[] bytes)
    {
        Type = header.Type;
        Shape = header.Shape;
        _size = header.ElementSize;
        _bytes = bytes;
    }

    /// <summary>NumPy's name of the element type without byte order: <c>f8</c>, <c>u1</c>, <c>b1</c>.</summary>
    public string Type { get; }

    /// <summary>The sizes; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The number of elements.</summary>
    public int Count => _bytes.Length / _size;

    /// <summary>The elements' bytes.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>The elements as float64, in row-major order.</summary>
    /// <exception cref="NotSupportedException">The elements are complex numbers.</exception>
    public double[] ToDoubles()
    {
        double[] result = new double[Count];
        for (int i = 0; i < result.Length; i++)
        {
            ReadOnlySpan<byte> at = _bytes.AsSpan(i * _size, _size);
            result[i] = Type switch
            {
                "f8" => BinaryPrimitives.ReadDoubleLittleEndian(at),
                "f4" => BinaryPrimitives.ReadSingleLittleEndian(at),
                "f2" => (double)BinaryPrimitives.ReadHalfLittleEndian(at),
                "u8" => BinaryPrimitives.ReadUInt64LittleEndian(at),
                _ => Integer(at),
            };
        }
        return result;
    }

    /// <summary>The elements as 64-bit integers, in row-major order; floating-point numbers are refused.</summary>
    /// <exception cref="NotSupportedException">The elements are no integers.</exception>
    /// <exception cref="OverflowException">An unsigned element is above 2^63 - 1.</exception>
    public long[] ToInt64()
    {
        long[] result = new long[Count];
        for (int i = 0; i < result.Length; i++)
            result[i] = Integer(_bytes.AsSpan(i * _size, _size));
        return result;
    }

    internal static NumpyArray Read(ByteSource file, string name, TensorMemory.Fill read, long length)
    {
        NumpyHeader header = NumpyHeader.Parse(file, name, read, length);
        long bytes = Shapes.Count(file, name, header.Shape) * header.ElementSize;
        if (bytes > Array.MaxLength)
            throw file.Refuse($"array '{name}' has {bytes} bytes, more than a managed array holds; load it as a checkpoint");
        byte[] data = new byte[bytes];
        header.ReadElements(read, 0, data);
        if (header.FortranOrder && bytes > 0)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            torch.Tensor stored = torch.frombuffer(data, torch.ScalarType.Byte).view([.. header.StoredShape, header.ElementSize]);
            data = header.InOrder(stored).contiguous().bytes.ToArray();
        }
        return new NumpyArray(header, data);
    }

    private long Integer(ReadOnlySpan<byte> at) => Type switch
    {
        "b1" => at[0] == 0 ? 0 : 1,
        "u1" => at[0],
        "i1" => (sbyte)at[0],
        "u2" => BinaryPrimitives.ReadUInt16LittleEndian(at),
        "i2" => BinaryPrimitives.ReadInt16LittleEndian(at),
        "u4" => BinaryPrimitives.ReadUInt32LittleEndian(at),
        "i4" => BinaryPrimitives.ReadInt32LittleEndian(at),
        "u8" => checked((long)BinaryPrimitives.ReadUInt64LittleEndian(at)),
        "i8" => BinaryPrimitives.ReadInt64LittleEndian(at),
        _ => throw new NotSupportedException($"elements of type '{Type}' are not of the kind asked for"),
    };
}

/// <summary>Reads a NumPy array file (.npy).</summary>
public static class Npy
{
    /// <summary>The array of the file.</summary>
    /// <exception cref="CheckpointException">The file is missing, damaged, or holds Python objects, records or text.</exception>
    public static NumpyArray Read(string path)
    {
        using CheckpointFile file = CheckpointFile.Open(path);
        return NumpyArray.Read(file, "array", file.Read, file.Length);
    }
}

/// <summary>Reads a NumPy archive (.npz).</summary>
public static class Npz
{
    /// <summary>The arrays of the archive by name, in the file's order.</summary>
    /// <exception cref="CheckpointException">The file is missing, damaged, no NumPy archive, or expands out of proportion.</exception>
    public static IReadOnlyDictionary<string, NumpyArray> Read(string path)
    {
        using CheckpointFile file = CheckpointFile.Open(path);
        using ZipReader zip = ZipReader.OpenArchive(file);
        Dictionary<string, NumpyArray> arrays = [];
        foreach (string entry in zip.Names.Where(name => name.EndsWith(".npy", StringComparison.Ordinal)))
        {
            using ZipReader.Cursor cursor = zip.OpenEntry(entry);
            arrays.Add(entry[..^".npy".Length], NumpyArray.Read(file, entry, cursor.Read, zip.Length(entry)));
        }
        return arrays.Count > 0 ? arrays : throw file.Refuse("is a zip archive without NumPy arrays");
    }
}
