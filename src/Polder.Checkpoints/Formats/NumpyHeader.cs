using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Polder.Checkpoints.Formats;

/// <summary>
/// The header of a .npy file: magic, version, length, and a Python dictionary of element type, order and shape
/// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
/// </summary>
/// <param name="Type">The element type without its byte order, for example <c>f8</c>.</param>
/// <param name="ElementSize">The bytes of an element.</param>
/// <param name="BigEndian">Whether the numbers' bytes are stored highest first.</param>
/// <param name="FortranOrder">Whether the first of several indices runs fastest.</param>
/// <param name="Shape">The sizes.</param>
/// <param name="DataStart">Where the elements begin.</param>
internal sealed partial record NumpyHeader(string Type, int ElementSize, bool BigEndian, bool FortranOrder, long[] Shape, long DataStart)
{
    private const int MaximumLength = 1 << 16;

    /// <summary>The sizes from the index that runs slowest to the one that runs fastest.</summary>
    public long[] StoredShape => FortranOrder ? [.. Shape.Reverse()] : Shape;

    /// <summary>Reads the header with a reader that goes forward without gaps, and checks that the elements that it promises are there.</summary>
    /// <param name="file">The file, for messages.</param>
    /// <param name="name">The array's name, for messages.</param>
    /// <param name="read">Reads from the array's beginning on.</param>
    /// <param name="length">The bytes of header and elements together.</param>
    public static NumpyHeader Parse(ByteSource file, string name, TensorMemory.Fill read, long length)
    {
        Span<byte> start = stackalloc byte[8];
        start.Clear();
        read(0, start[..(int)Math.Min(length, start.Length)]);
        if (start[0] != 0x93 || !start[1..6].SequenceEqual("NUMPY"u8) || start[6] is < 1 or > 3)
            throw file.Refuse("is no NumPy array of version 1, 2 or 3");
        int width = start[6] == 1 ? 2 : 4;
        Span<byte> number = stackalloc byte[4];
        number.Clear();
        read(8, number[..width]);
        uint headerLength = BitConverter.ToUInt32(number);
        if (headerLength > MaximumLength)
            throw file.Refuse($"the NumPy header claims {headerLength} bytes, at most {MaximumLength} are allowed");
        byte[] header = new byte[headerLength];
        read(8 + width, header);
        string text = Encoding.Latin1.GetString(header);
        Match match = Pattern().Match(text);
        if (!match.Success)
            throw file.Refuse(text.Contains("'descr': [", StringComparison.Ordinal)
                ? "holds structured NumPy records, which Polder does not read"
                : "the NumPy header is malformed");
        string type = match.Groups["type"].Value;
        if (type[0] == 'O')
            throw file.Refuse("holds Python objects, which are programs: not read");
        int size = SizeOf(type) ?? throw file.Refuse($"array '{name}' has type '{type}', which Polder does not read");
        long[] shape = Sizes(file, match.Groups["shape"].Value);
        long dataStart = 8 + width + headerLength, bytes = Shapes.Count(file, name, shape) * size;
        if (bytes > length - dataStart)
            throw file.Refuse($"the file is cut short: array '{name}' needs {bytes} bytes, {length - dataStart} follow its header");
        bool fortran = match.Groups["fortran"].Value == "True" && shape.Length > 1;
        return new NumpyHeader(type, size, match.Groups["order"].Value == ">", fortran, shape, dataStart);
    }

    /// <summary>Reads elements as they are stored, their bytes lowest first.</summary>
    /// <param name="read">The reader that the header was parsed with, or one that stands behind the header.</param>
    /// <param name="offset">The bytes before them, from the first element on.</param>
    /// <param name="destination">Where they go.</param>
    public void ReadElements(TensorMemory.Fill read, long offset, Span<byte> destination)
    {
        read(DataStart + offset, destination);
        if (BigEndian)
            ByteOrder.Reverse(destination, Type[0] == 'c' ? ElementSize / 2 : ElementSize);
    }

    /// <summary>A view of a tensor of <see cref="StoredShape"/> (and, it may be, further dimensions after it) with the array's own order of indices.</summary>
    public torch.Tensor InOrder(torch.Tensor stored) => FortranOrder
        ? stored.permute([.. Enumerable.Range(0, (int)stored.dim()).Select(d => d < Shape.Length ? Shape.Length - 1L - d : d)])
        : stored;

    private static int? SizeOf(string type) => type switch
    {
        "b1" or "i1" or "u1" => 1,
        "i2" or "u2" or "f2" => 2,
        "i4" or "u4" or "f4" => 4,
        "i8" or "u8" or "f8" or "c8" => 8,
        "c16" => 16,
        _ => null,
    };

    private static long[] Sizes(ByteSource file, string text) =>
    [
        .. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(part =>
            long.TryParse(part.TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out long size)
                ? size
                : throw file.Refuse($"the NumPy header has the malformed size '{part}'")),
    ];

    // NumPy writes the keys in this order; no quantifier overlaps its neighbour, so that matching takes linear time.
    [GeneratedRegex(@"^\{'descr': ?'(?<order>[<>|=]?)(?<type>[A-Za-z][0-9]*)', ?'fortran_order': ?(?<fortran>True|False), ?"
        + @"'shape': ?\((?<shape>[0-9L, ]*)\),? ?\}\s*$")]
    private static partial Regex Pattern();
}
