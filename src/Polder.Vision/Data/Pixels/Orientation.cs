using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using SkiaSharp;

namespace Polder.Vision.Data.Pixels;

/// <summary>Turns and mirrors pixels as EXIF tag 0x0112 says (values 1 to 8), on the way from interleaved RGBA to planar RGB.</summary>
internal static class Orientation
{
    /// <summary>How a file says that its picture is turned: the codec's word, and PNG's eXIf chunk, which the codec does not read.</summary>
    public static SKEncodedOrigin Of(SKCodec codec, ReadOnlySpan<byte> file)
    {
        // PNG: chunks of a length, a name, the content and a checksum.
        for (int at = 8; codec.EncodedFormat == SKEncodedImageFormat.Png && file.Length - at >= 12;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(file[at..]);
            if (length > file.Length - at - 12)
                break;
            if (file.Slice(at + 4, 4).SequenceEqual("eXIf"u8))
                return OfExif(file.Slice(at + 8, (int)length));
            at += 12 + (int)length;
        }

        return codec.EncodedOrigin;
    }

    // TIFF: a byte order, the offset of a list of entries, each a tag, a type, a count and a value.
    private static SKEncodedOrigin OfExif(ReadOnlySpan<byte> exif)
    {
        if (exif.StartsWith("Exif\0\0"u8))
            exif = exif[6..];
        if (exif.Length < 8)
            return SKEncodedOrigin.TopLeft;
        bool little = exif[0] == (byte)'I';
        uint list = little ? BinaryPrimitives.ReadUInt32LittleEndian(exif[4..]) : BinaryPrimitives.ReadUInt32BigEndian(exif[4..]);
        if (list > exif.Length - 2)
            return SKEncodedOrigin.TopLeft;
        ReadOnlySpan<byte> entries = exif[((int)list + 2)..];
        for (int left = Short(exif[(int)list..], little); left > 0 && entries.Length >= 12; left--, entries = entries[12..])
            if (Short(entries, little) == 0x0112)
                return (SKEncodedOrigin)Short(entries[8..], little);
        return SKEncodedOrigin.TopLeft;

        static int Short(ReadOnlySpan<byte> at, bool little) =>
            little ? BinaryPrimitives.ReadUInt16LittleEndian(at) : BinaryPrimitives.ReadUInt16BigEndian(at);
    }

    /// <summary>
    /// Writes the upright image as 3 planes into the start of <paramref name="planes"/>; returns its height and width, which are swapped for the
    /// four orientations on their side.
    /// </summary>
    public static (int Height, int Width) Upright(
        ReadOnlySpan<byte> rgba, int height, int width, SKEncodedOrigin origin, bool transparent, Span<byte> planes)
    {
        // The stored index of upright pixel (x, y) is start + x * alongX + y * alongY.
        (int start, int alongX, int alongY) = origin switch
        {
            SKEncodedOrigin.TopRight => (width - 1, -1, width),
            SKEncodedOrigin.BottomRight => (height * width - 1, -1, -width),
            SKEncodedOrigin.BottomLeft => ((height - 1) * width, 1, -width),
            SKEncodedOrigin.LeftTop => (0, width, 1),
            SKEncodedOrigin.RightTop => ((height - 1) * width, -width, 1),
            SKEncodedOrigin.RightBottom => (height * width - 1, -width, -1),
            SKEncodedOrigin.LeftBottom => (width - 1, width, -1),
            _ => (0, 1, width),
        };
        bool turned = origin is SKEncodedOrigin.LeftTop or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;
        (int rows, int columns) = turned ? (width, height) : (height, width);
        int plane = rows * columns;
        Span<byte> red = planes[..plane], green = planes.Slice(plane, plane), blue = planes.Slice(2 * plane, plane);
        // One load of four bytes a pixel, red lowest.
        ReadOnlySpan<uint> pixels = MemoryMarshal.Cast<byte, uint>(rgba);
        for (int y = 0; y < rows; y++)
        {
            int from = start + y * alongY, to = y * columns, x = 0;
            if (alongX == 1 && !transparent)
            {
                x = Separate(rgba.Slice(4 * from, 4 * columns), red.Slice(to, columns), green.Slice(to, columns), blue.Slice(to, columns));
                (from, to) = (from + x, to + x);
            }

            for (; x < columns; x++, from += alongX, to++)
            {
                uint pixel = BitConverter.IsLittleEndian ? pixels[from] : BinaryPrimitives.ReverseEndianness(pixels[from]);
                if (transparent)
                    pixel = OverWhite(pixel);
                (red[to], green[to], blue[to]) = ((byte)pixel, (byte)(pixel >> 8), (byte)(pixel >> 16));
            }
        }

        return (rows, columns);
    }

    // Sixteen pixels at a time; returns how many of the row are done.
    private static int Separate(ReadOnlySpan<byte> rgba, Span<byte> red, Span<byte> green, Span<byte> blue)
    {
        if (!Vector128.IsHardwareAccelerated)
            return 0;
        Vector128<byte> byColor = Vector128.Create((byte)0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        int x = 0;
        for (; x <= red.Length - 16; x += 16)
        {
            Vector128<uint> a = Four(rgba, 4 * x), b = Four(rgba, 4 * x + 16), c = Four(rgba, 4 * x + 32), d = Four(rgba, 4 * x + 48);
            Vector128.Create(a[0], b[0], c[0], d[0]).AsByte().CopyTo(red[x..]);
            Vector128.Create(a[1], b[1], c[1], d[1]).AsByte().CopyTo(green[x..]);
            Vector128.Create(a[2], b[2], c[2], d[2]).AsByte().CopyTo(blue[x..]);
        }

        return x;

        // The reds of four pixels, their greens, blues and alphas.
        Vector128<uint> Four(ReadOnlySpan<byte> from, int offset) =>
            Vector128.Shuffle(Vector128.Create(from.Slice(offset, 16)), byColor).AsUInt32();
    }

    private static uint OverWhite(uint pixel)
    {
        uint alpha = pixel >> 24;
        uint Over(uint value) => (value * alpha + 255 * (255 - alpha) + 127) / 255;
        return alpha == 255 ? pixel : Over(pixel & 255) | (Over((pixel >> 8) & 255) << 8) | (Over((pixel >> 16) & 255) << 16);
    }
}
