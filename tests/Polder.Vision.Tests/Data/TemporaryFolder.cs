using SkiaSharp;

namespace Polder.Vision.Tests.Data;

/// <summary>A folder for miniature data sets, gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("polder-vision-").FullName;

    public string File(string relative, byte[] content)
    {
        string path = System.IO.Path.Combine(Path, relative);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllBytes(path, content);
        return path;
    }

    public string Folder(string relative) => Directory.CreateDirectory(System.IO.Path.Combine(Path, relative)).FullName;

    /// <summary>A PNG of one color.</summary>
    public string Image(string relative, int width = 4, int height = 4, uint rgb = 0x102030) =>
        File(relative, Encode(width, height, (_, _) => new SKColor(0xFF000000 | rgb)));

    public static byte[] Encode(
        int width, int height, Func<int, int, SKColor> color, SKEncodedImageFormat format = SKEncodedImageFormat.Png, int quality = 100)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                bitmap.SetPixel(x, y, color(x, y));
        using SKData data = bitmap.Encode(format, quality);
        return data.ToArray();
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
