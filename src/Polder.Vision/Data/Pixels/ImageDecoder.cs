using System.Buffers;
using System.Runtime.InteropServices;
using SkiaSharp;

namespace Polder.Vision.Data.Pixels;

/// <summary>Decodes image files to planar RGB bytes, upright and square.</summary>
internal static class ImageDecoder
{
    /// <summary>Pixels an image may have: beyond it a small file could ask for gigabytes.</summary>
    public const long LargestImage = 100_000_000;

    /// <summary>The file endings that are images to us.</summary>
    public static readonly IReadOnlySet<string> Endings =
        new HashSet<string>(StringComparer.OrdinalIgnoreCase)
        {
            ".jpg", ".jpeg", ".jfif", ".jpe", ".jif", ".jfi", ".pjpeg", ".pjp", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".ico",
        };

    /// <summary>The file endings of images that cannot be decoded here: named and refused, not passed over.</summary>
    public static readonly IReadOnlySet<string> ForeignEndings =
        new HashSet<string>(StringComparer.OrdinalIgnoreCase)
        {
            ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jpx", ".jxl", ".jxr", ".ppm", ".pgm", ".pbm", ".pnm", ".svg", ".tga", ".psd", ".exr",
            ".dcm", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2",
        };

    /// <summary>
    /// A file's image: turned as its EXIF orientation says, transparency laid over white, made a square of <paramref name="side"/>:
    /// 3 x side x side bytes, planar.
    /// </summary>
    /// <exception cref="ImageDecodingException">The file cannot be read, is damaged or cut off, or is of no known format.</exception>
    public static byte[] Decode(string path, int side, ImageFit fit = ImageFit.Crop)
    {
        try
        {
            // A pipe, socket or device has no length, and reading it could wait for ever.
            if (Length(path) == 0)
                throw new ImageDecodingException(path, "is empty, or no plain file (a pipe, a socket, a device)");
            return Decode(File.ReadAllBytes(path), path, side, fit);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageDecodingException(path, Unreadable(path, "file", e), e);
        }
    }

    /// <summary>Whether the content, whatever the ending, is an image that can be decoded.</summary>
    public static bool IsImage(string path)
    {
        try
        {
            using SKCodec? codec = Length(path) > 0 ? SKCodec.Create(path) : null;
            // Wireless bitmaps begin as any file of zeros.
            return codec is not null && codec.EncodedFormat != SKEncodedImageFormat.Wbmp;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Why a file or folder cannot be read, in words.</summary>
    public static string Unreadable(string path, string what, Exception exception) =>
        exception is not (FileNotFoundException or DirectoryNotFoundException) ? $"cannot be read ({exception.Message})"
        : path.Contains('\uFFFD', StringComparison.Ordinal) ? $"its name is not UTF-8, and such a {what} cannot be opened: rename it"
        : new FileInfo(path).LinkTarget is { } target ? $"is a link to {target}, which is not there"
        : $"there is no such {what}";

    private static long Length(string path)
    {
        var file = new FileInfo(path);
        return file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? target.Length : file.Length;
    }

    /// <summary>The same from the file's bytes; <paramref name="path"/> is for messages.</summary>
    public static byte[] Decode(byte[] file, string path, int side, ImageFit fit = ImageFit.Crop)
    {
        if (file.Length == 0)
            throw new ImageDecodingException(path, "is empty");
        using SKData data = SKData.CreateCopy(file);
        using SKCodec codec = SKCodec.Create(data) ?? throw new ImageDecodingException(
            path, "is no image that can be decoded; allowed are JPEG, PNG, WebP, BMP, GIF and ICO");
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
                pixels.AsSpan(0, info.BytesSize), size.Height, size.Width, Orientation.Of(codec, file), transparent, planes);
            return Resampler.Square(planes, 3, height, width, side, fit);
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
