using SkiaSharp;

namespace Polder.Vision.Data.Pixels;

/// <summary>Images as small picture files, for pages.</summary>
internal static class PictureEncoder
{
    // Below it an image is shown pixel by pixel, which JPEG would smear, and PNG is small.
    private const int LargestExact = 64;

    private const int JpegQuality = 78;

    /// <summary>An image as the text of a data URI: PNG of its own size where it is small, else JPEG of at most so many pixels a side.</summary>
    /// <param name="planes">Planar bytes.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="side">The longer side, in pixels.</param>
    public static string ToDataUri(ReadOnlySpan<byte> planes, int channels, int height, int width, int side)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        Span<byte> pixels = bitmap.GetPixelSpan();
        int size = height * width;
        for (int i = 0; i < size; i++)
        {
            for (int c = 0; c < 3; c++)
                pixels[(i * 4) + c] = planes[channels == 1 ? i : (c * size) + i];
            pixels[(i * 4) + 3] = byte.MaxValue;
        }
        if (Math.Max(height, width) <= LargestExact)
            return Text("png", bitmap, SKEncodedImageFormat.Png, 100);
        if (Math.Max(height, width) <= side)
            return Text("jpeg", bitmap, SKEncodedImageFormat.Jpeg, JpegQuality);
        double scale = (double)side / Math.Max(height, width);
        var info = new SKImageInfo(
            Math.Max(1, (int)Math.Round(width * scale)), Math.Max(1, (int)Math.Round(height * scale)), SKColorType.Rgba8888, SKAlphaType.Opaque);
        using SKBitmap small = bitmap.Resize(info, new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
        return Text("jpeg", small, SKEncodedImageFormat.Jpeg, JpegQuality);
    }

    private static string Text(string type, SKBitmap bitmap, SKEncodedImageFormat format, int quality)
    {
        using SKData data = bitmap.Encode(format, quality);
        return $"data:image/{type};base64,{Convert.ToBase64String(data.AsSpan())}";
    }
}
