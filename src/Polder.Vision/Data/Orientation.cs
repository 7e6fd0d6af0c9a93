using System.Buffers.Binary;
using System.Runtime.InteropServices;
using SkiaSharp;

namespace Polder.Vision.Data;

/// <summary>Turns and mirrors pixels as EXIF tag 0x0112 says (values 1 to 8), on the way from interleaved RGBA to planar RGB.</summary>
internal static class Orientation
{
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
            int from = start + y * alongY, to = y * columns;
            for (int x = 0; x < columns; x++, from += alongX, to++)
            {
                uint pixel = BitConverter.IsLittleEndian ? pixels[from] : BinaryPrimitives.ReverseEndianness(pixels[from]);
                if (transparent)
                    pixel = OverWhite(pixel);
                (red[to], green[to], blue[to]) = ((byte)pixel, (byte)(pixel >> 8), (byte)(pixel >> 16));
            }
        }

        return (rows, columns);
    }

    private static uint OverWhite(uint pixel)
    {
        uint alpha = pixel >> 24;
        uint Over(uint value) => (value * alpha + 255 * (255 - alpha) + 127) / 255;
        return alpha == 255 ? pixel : Over(pixel & 255) | (Over((pixel >> 8) & 255) << 8) | (Over((pixel >> 16) & 255) << 16);
    }
}
