using Polder.Vision.Data.Pixels;
using SkiaSharp;

namespace Polder.Onnx.Tests;

/// <summary>An exported file gives what the program predicts of the same photos.</summary>
public sealed class PredictionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-onnx-").FullName;

    public static TheoryData<ImageInput, ImageFit> Cases =>
        new MatrixTheoryData<ImageInput, ImageFit>(Enum.GetValues<ImageInput>(), Enum.GetValues<ImageFit>());

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Probabilities_are_those_of_the_predictor(ImageInput input, ImageFit fit)
    {
        var normalization = new Normalization([0.4f, 0.5f, 0.6f], [0.2f, 0.3f, 0.25f]);
        using TrainedClassifier classifier = Networks.Make("resnet20", normalization, fit);
        string[] photos = WritePhotos();
        Prediction[] expected = [.. new Predictor(classifier) { Top = 3 }.Predict(photos)];
        OnnxExport.Write(classifier, In("model.onnx"), new ExportOptions { Input = input });
        byte[][] planes = [.. photos.Select(p => ImageDecoder.Decode(p, classifier.ImageSize, fit))];
        long count = photos.Length, side = classifier.ImageSize, area = side * side;
        bool isBytes = input == ImageInput.BytesNhwc;
        Array fed = isBytes ? planes.SelectMany(p => Enumerable.Range(0, p.Length).Select(i => p[((i % 3) * area) + (i / 3)])).ToArray()
            : planes.SelectMany(p => p.Select((v, i) => Fed(v, (int)(i / area)))).ToArray();
        float[][] found = Runtime.Run(In("model.onnx"), fed, isBytes ? [count, side, side, 3] : [count, 3, side, side])["probabilities"];
        for (int i = 0; i < photos.Length; i++)
            Assert.All(expected[i].Top, top => Assert.InRange(found[i][top.Label] - top.Probability, -1e-5, 1e-5));
        // The photos differ, so a file that gave one answer for all would be seen.
        Assert.True(expected.Select(p => Math.Round(p.Top[0].Probability, 4)).Distinct().Count() >= 3);

        float Fed(byte value, int channel) => input switch
        {
            ImageInput.Normalized => ((value / 255f) - normalization.Mean[channel]) / normalization.StandardDeviation[channel],
            ImageInput.Pixels01 => value / 255f,
            _ => value,
        };
    }

    // Wide, tall and turned by its EXIF, gray, with transparency.
    private string[] WritePhotos()
    {
        byte[] jpeg = Encode(24, 50, (x, y) => new((byte)(9 * x), (byte)(5 * y), 200), SKEncodedImageFormat.Jpeg);
        // TIFF, big-endian, one entry: orientation (0x0112), a number of 16 bits: 6.
        byte[] exif = [.. "Exif\0\0MM\0*\0\0\0\b\0\u0001"u8, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
        return
        [
            Write("wide.png", Encode(60, 30, (x, y) => new((byte)(4 * x), (byte)(8 * y), 40))),
            Write("turned.jpg", [.. jpeg[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 2), .. exif, .. jpeg[2..]]),
            Write("gray.png", Encode(33, 33, (x, y) => new((byte)(x * y / 5), (byte)(x * y / 5), (byte)(x * y / 5)))),
            Write("alpha.png", Encode(20, 41, (x, y) => new((byte)(12 * x), 90, (byte)(6 * y), (byte)(6 * y)))),
        ];
    }

    private static byte[] Encode(int width, int height, Func<int, int, SKColor> color, SKEncodedImageFormat format = SKEncodedImageFormat.Png)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                bitmap.SetPixel(x, y, color(x, y));
        using SKData data = bitmap.Encode(format, 95);
        return data.ToArray();
    }

    private string Write(string name, byte[] content)
    {
        File.WriteAllBytes(In(name), content);
        return In(name);
    }

    private string In(string name) => Path.Combine(_folder, name);
}
