using SkiaSharp;

namespace Polder.Vision.Data;

/// <summary>Turns and mirrors pixels as EXIF tag 0x0112 says (values 1 to 8), on the way from interleaved RGBA to planar RGB.</summary>
internal static class Orientation
{
    /// <summary>The upright image: 3 planes, and its height and width, which are swapped for the four orientations on their side.</summary>
    public static (byte[] Planes, int Height, int Width) Upright(byte[] rgba, int height, int width, SKEncodedOrigin origin, bool transparent)
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
        byte[] planes = GC.AllocateUninitializedArray<byte>(3 * plane);
        for (int y = 0; y < rows; y++)
        {
            int from = (start + y * alongY) * 4, step = alongX * 4, to = y * columns;
            for (int x = 0; x < columns; x++, from += step, to++)
            {
                planes[to] = rgba[from];
                planes[plane + to] = rgba[from + 1];
                planes[2 * plane + to] = rgba[from + 2];
                if (transparent && rgba[from + 3] != 255)
                    OverWhite(planes, plane, to, rgba[from + 3]);
            }
        }

        return (planes, rows, columns);
    }

    private static void OverWhite(byte[] planes, int plane, int at, int alpha)
    {
        for (int c = at; c < planes.Length; c += plane)
            planes[c] = (byte)((planes[c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
}
