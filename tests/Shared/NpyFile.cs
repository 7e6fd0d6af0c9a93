using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Polder.Testing;

/// <summary>
/// A NumPy .npy file of little-endian numbers in C order, read as doubles: enough for the reference numbers, and independent of the product's own
/// reader.
/// </summary>
internal sealed record NpyFile(int[] Shape, double[] Values)
{
    public static NpyFile Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (!bytes.AsSpan(1, 5).SequenceEqual("NUMPY"u8))
            throw new InvalidDataException($"{path} is not a .npy file");
        int start = bytes[6] == 1 ? 10 : 12;
        int length = bytes[6] == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8)) : BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8));
        string header = Encoding.Latin1.GetString(bytes, start, length);
        if (!header.Contains("'fortran_order': False", StringComparison.Ordinal))
            throw new InvalidDataException($"{path} is not in C order");
        int[] shape = [.. Regex.Match(header, @"'shape': \(([^)]*)\)").Groups[1].Value
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(s => int.Parse(s, CultureInfo.InvariantCulture))];
        string type = Regex.Match(header, "'descr': '([^']*)'").Groups[1].Value;
        ReadOnlySpan<byte> data = bytes.AsSpan(start + length);
        double[] values = new double[shape.Aggregate(1, (a, b) => a * b)];
        for (int i = 0; i < values.Length; i++)
            values[i] = type switch
            {
                "<f8" => BinaryPrimitives.ReadDoubleLittleEndian(data[(8 * i)..]),
                "<f4" => BinaryPrimitives.ReadSingleLittleEndian(data[(4 * i)..]),
                "<i8" => BinaryPrimitives.ReadInt64LittleEndian(data[(8 * i)..]),
                "<i4" => BinaryPrimitives.ReadInt32LittleEndian(data[(4 * i)..]),
                "|i1" => (sbyte)data[i],
                _ => throw new InvalidDataException($"{path} has data type {type}"),
            };
        return new NpyFile(shape, values);
    }

    /// <summary>Row i of the first axis, flat.</summary>
    public ReadOnlySpan<double> Row(int i) => Values.AsSpan(i * (Values.Length / Shape[0]), Values.Length / Shape[0]);
}
