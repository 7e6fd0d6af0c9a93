using System.Buffers.Binary;
using Polder.Checkpoints.Formats;
using Polder.Checkpoints.IO;

namespace Polder.Checkpoints;

/// <summary>A NumPy array in managed memory: row-major, little-endian, whatever order the file had.</summary>
public sealed class NumpyArray
{
    private readonly byte[] _bytes;

    private NumpyArray(string type, long[] shape, byte[] bytes)
    {
        Type = type;
        Shape = shape;
        _bytes = bytes;
    }

    /// <summary>NumPy's name of the element type without byte order: <c>f8</c>, <c>u1</c>, <c>b1</c>.</summary>
    public string Type { get; }

    /// <summary>The sizes; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The number of elements.</summary>
    public int Count => _bytes.Length / ElementSize(Type);

    /// <summary>The elements' bytes.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>The elements as float64, in row-major order.</summary>
    /// <exception cref="NotSupportedException">The elements are complex numbers.</exception>
    public double[] ToDoubles()
    {
        double[] result = new double[Count];
        int size = ElementSize(Type);
        for (int i = 0; i < result.Length; i++)
        {
            ReadOnlySpan<byte> at = _bytes.AsSpan(i * size, size);
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
        int size = ElementSize(Type);
        for (int i = 0; i < result.Length; i++)
            result[i] = Integer(_bytes.AsSpan(i * size, size));
        return result;
    }

    internal static NumpyArray Read(ByteSource file, string name, NumpyHeader.ReadBytes read, long length)
    {
        NumpyHeader header = NumpyHeader.Parse(file, read);
        int size = ElementSize(header.Type);
        if (size == 0)
            throw file.Refuse($"array '{name}' has type '{header.Type}', which Polder does not read");
        long bytes = NumpyReader.CheckLength(file, name, header, size, length);
        if (bytes > Array.MaxLength)
            throw file.Refuse($"array '{name}' has {bytes} bytes, more than a managed array holds; load it as a checkpoint");
        byte[] data = new byte[bytes];
        read(header.DataStart, data);
        if (header.BigEndian)
            ByteOrder.Reverse(data, header.Type[0] == 'c' ? size / 2 : size);
        if (header.FortranOrder && header.Shape.Length > 1)
            data = ToRowMajor(data, header.Shape, size);
        return new NumpyArray(header.Type, header.Shape, data);
    }

    private static int ElementSize(string type) => type switch
    {
        "b1" or "i1" or "u1" => 1,
        "i2" or "u2" or "f2" => 2,
        "i4" or "u4" or "f4" => 4,
        "i8" or "u8" or "f8" or "c8" => 8,
        "c16" => 16,
        _ => 0,
    };

    private static byte[] ToRowMajor(byte[] source, long[] shape, int size)
    {
        byte[] result = new byte[source.Length];
        long[] index = new long[shape.Length];
        long[] strides = new long[shape.Length];
        long stride = size;
        for (int d = 0; d < shape.Length; d++)
        {
            strides[d] = stride;
            stride *= shape[d];
        }
        long from = 0;
        for (int to = 0; to < result.Length; to += size)
        {
            source.AsSpan((int)from, size).CopyTo(result.AsSpan(to));
            for (int d = shape.Length - 1; d >= 0; d--)
            {
                from += strides[d];
                if (++index[d] < shape[d])
                    break;
                from -= strides[d] * shape[d];
                index[d] = 0;
            }
        }
        return result;
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
