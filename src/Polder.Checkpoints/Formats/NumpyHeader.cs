using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Polder.Checkpoints.IO;

namespace Polder.Checkpoints.Formats;

/// <summary>
/// The header of a .npy file: magic, version, length, and a Python dictionary of element type, order and shape
/// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
/// </summary>
/// <param name="Type">The element type without its byte order, for example <c>f8</c>.</param>
/// <param name="BigEndian">Whether the numbers' bytes are stored highest first.</param>
/// <param name="FortranOrder">Whether the first index runs fastest.</param>
/// <param name="Shape">The sizes.</param>
/// <param name="DataStart">Where the elements begin.</param>
internal sealed partial record NumpyHeader(string Type, bool BigEndian, bool FortranOrder, long[] Shape, long DataStart)
{
    private const int MaximumLength = 1 << 16;

    public delegate void ReadBytes(long offset, Span<byte> destination);

    /// <summary>Reads the header with a reader that goes forward without gaps.</summary>
    public static NumpyHeader Parse(ByteSource file, ReadBytes read)
    {
        Span<byte> start = stackalloc byte[8];
        read(0, start);
        if (start[0] != 0x93 || !start[1..6].SequenceEqual("NUMPY"u8) || start[6] is < 1 or > 3)
            throw file.Refuse("is no NumPy array of version 1, 2 or 3");
        int width = start[6] == 1 ? 2 : 4;
        Span<byte> number = stackalloc byte[4];
        number.Clear();
        read(8, number[..width]);
        uint length = BitConverter.ToUInt32(number);
        if (length > MaximumLength)
            throw file.Refuse($"the NumPy header claims {length} bytes, at most {MaximumLength} are allowed");
        byte[] header = new byte[length];
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
        List<long> shape = [];
        foreach (string part in match.Groups["shape"].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            shape.Add(long.TryParse(part.TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out long size)
                ? size
                : throw file.Refuse($"the NumPy header has the malformed size '{part}'"));
        return new NumpyHeader(type, match.Groups["order"].Value == ">", match.Groups["fortran"].Value == "True", [.. shape], 8 + width + length);
    }

    // NumPy writes the keys in this order; no quantifier overlaps its neighbour, so that matching takes linear time.
    [GeneratedRegex(@"^\{'descr': ?'(?<order>[<>|=]?)(?<type>[A-Za-z][0-9]*)', ?'fortran_order': ?(?<fortran>True|False), ?'shape': ?\((?<shape>[0-9L, ]*)\),? ?\}\s*$")]
    private static partial Regex Pattern();
}
