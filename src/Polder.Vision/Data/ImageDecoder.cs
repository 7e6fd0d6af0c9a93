using System.Buffers;
using System.Runtime.InteropServices;
using SkiaSharp;

namespace Polder.Vision.Data;

/// <summary>Decodes image files to planar RGB bytes, upright and square.</summary>
internal static class ImageDecoder
{
    /// <summary>Pixels an image may have: beyond it a small file could ask for gigabytes.</summary>
    public const long LargestImage = 100_000_000;

    /// <summary>The file endings that are images to us.</summary>
    public static readonly IReadOnlySet<string> Endings =
        new HashSet<string>(StringComparer.OrdinalIgnoreCase) { ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif" };

    /// <summary>The file endings of images that cannot be decoded here: named and refused, not passed over.</summary>
    public static readonly IReadOnlySet<string> ForeignEndings =
        new HashSet<string>(StringComparer.OrdinalIgnoreCase) { ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".ppm", ".pgm", ".svg" };

    /// <summary>
    /// A file's image: turned as its EXIF orientation says, transparency laid over white, shorter side brought to <paramref name="side"/>, centre
    /// square: 3 x side x side bytes, planar.
    /// </summary>
    /// <exception cref="ImageDecodingException">The file cannot be read, is damaged or cut off, or is of no known format.</exception>
    public static byte[] Decode(string path, int side)
    {
        byte[] file;
        try
        {
            file = File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ImageDecodingException(path, "there is no such file", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ImageDecodingException(path, $"cannot be read ({exception.Message})", exception);
        }

        return Decode(file, path, side);
    }

    /// <summary>The same from the file's bytes; <paramref name="path"/> is for messages.</summary>
    public static byte[] Decode(byte[] file, string path, int side)
    {
        if (file.Length == 0)
            throw new ImageDecodingException(path, "is empty");
        using SKData data = SKData.CreateCopy(file);
        using SKCodec codec = SKCodec.Create(data) ?? throw new ImageDecodingException(
            path, "is no image that can be decoded; allowed are JPEG, PNG, WebP, BMP and GIF");
        SKSizeI size = ReducedSize(codec, side);
        if ((long)size.Width * size.Height > LargestImage)
        {
            throw new ImageDecodingException(
                path, $"has {size.Width} x {size.Height} pixels; allowed are {LargestImage / 1_000_000} million");
        }

        // The platform's own order would be BGRA on some: ask for RGBA, not premultiplied.
        var info = new SKImageInfo(size.Width, size.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        // Megabytes an image: fresh memory would cost more in page faults than the pixels cost in work.
        byte[] pixels = ArrayPool<byte>.Shared.Rent(info.BytesSize), planes = ArrayPool<byte>.Shared.Rent(info.BytesSize / 4 * 3);
        try
        {
            GetPixels(codec, info, pixels, path);
            bool transparent = codec.Info.AlphaType != SKAlphaType.Opaque;
            (int height, int width) = Orientation.Upright(
                pixels.AsSpan(0, info.BytesSize), size.Height, size.Width, codec.EncodedOrigin, transparent, planes);
            return Resampler.CentreSquare(planes, 3, height, width, side);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(pixels);
            ArrayPool<byte>.Shared.Return(planes);
        }
    }

    private static void GetPixels(SKCodec codec, SKImageInfo info, byte[] pixels, string path)
    {
        SKCodecResult result;
        GCHandle pin = GCHandle.Alloc(pixels, GCHandleType.Pinned);
        try
        {
            result = codec.GetPixels(info, pin.AddrOfPinnedObject());
        }
        finally
        {
            pin.Free();
        }

        if (result != SKCodecResult.Success)
        {
            throw new ImageDecodingException(path, result switch
            {
                SKCodecResult.IncompleteInput => "is cut off: the image data ends early",
                SKCodecResult.ErrorInInput => "is damaged: the image data has errors",
                _ => $"cannot be decoded ({result})",
            });
        }
    }

    /// <summary>
    /// The smallest size that the codec itself can produce (JPEG at 1/8 steps, nearly free) whose shorter side is still twice what is asked for: the
    /// rest of the reduction is ours, so the result differs by rounding only.
    /// </summary>
    private static SKSizeI ReducedSize(SKCodec codec, int side)
    {
        var full = new SKSizeI(codec.Info.Width, codec.Info.Height);
        foreach (float scale in (ReadOnlySpan<float>)[0.125f, 0.25f, 0.5f])
        {
            if (Math.Min(full.Width, full.Height) * scale < 2 * side)
                continue;
            SKSizeI reduced = codec.GetScaledDimensions(scale);
            if (reduced.Width < full.Width && Math.Min(reduced.Width, reduced.Height) >= 2 * side)
                return reduced;
        }

        return full;
    }
}
