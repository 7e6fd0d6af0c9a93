using System.Globalization;
using Polder.Checkpoints;
using Polder.Testing;
using Polder.Vision.Data.Pixels;
using SkiaSharp;
using TorchSharp;

namespace Polder.Onnx.Tests;

/// <summary>
/// ONNX Runtime on an exported file names the class that <c>polder predict</c> names, for real photos of every kind and every fit. A few photos belong to
/// the tests; the figure in docs/trust.md is that of <c>POLDER_PHOTOS=500 dotnet test --project tests/Polder.Onnx.Tests</c>.
/// </summary>
public sealed class AgreementTests(ITestOutputHelper output) : IDisposable
{
    private const int Side = 96;
    private static readonly string[] Kinds = ["as it is", "turned by its EXIF", "gray", "with transparency"];

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-agreement-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(ImageFit.Crop)]
    [InlineData(ImageFit.Letterbox)]
    [InlineData(ImageFit.Stretch)]
    public void Real_photos_of_every_kind_are_of_the_class_that_predict_says(ImageFit fit)
    {
        string[] classes = [.. Directory.GetDirectories(SharedFiles.Require("data", "butterflies10")).Order(StringComparer.Ordinal)];
        int count = int.TryParse(Environment.GetEnvironmentVariable("POLDER_PHOTOS"), NumberStyles.None, CultureInfo.InvariantCulture, out int n) ? n : 16;
        using TrainedClassifier classifier = Classifier(classes, fit);
        // The first three of each class made the head. In a square photo the fits are one.
        string[] rest = [.. classes.SelectMany(c => Directory.GetFiles(c).Order(StringComparer.Ordinal).Skip(3)).Where(photo => !IsSquare(photo))];
        string[] photos = [.. Enumerable.Range(0, count).Select(i => Written(rest[(int)((long)i * rest.Length / count)], i))];
        Prediction[] said = [.. new Predictor(classifier) { Top = classes.Length }.Predict(photos)];
        OnnxExport.Write(classifier, In("model.onnx"), new ExportOptions { Input = ImageInput.BytesNhwc });
        double largest = 0, closest = 1;
        var seen = new HashSet<int>();
        foreach (int[] batch in Enumerable.Range(0, count).Chunk(20))
        {
            byte[] pixels = [.. batch.Select(i => ImageDecoder.Decode(photos[i], Side, fit))
                .SelectMany(planes => Enumerable.Range(0, planes.Length).Select(k => planes[(k % 3 * Side * Side) + (k / 3)]))];
            float[][] found = Runtime.Run(In("model.onnx"), pixels, batch.Length, Side, Side, 3)["probabilities"];
            for (int k = 0; k < batch.Length; k++)
            {
                IReadOnlyList<ClassProbability> top = said[batch[k]].Top;
                int best = Array.IndexOf(found[k], found[k].Max());
                Assert.True(best == top[0].Label, $"{photos[batch[k]]} ({Kinds[batch[k] % 4]}): {classes[best]}, predicted {top[0].Class}");
                largest = Math.Max(largest, top.Max(t => Math.Abs(t.Probability - found[k][t.Label])));
                closest = Math.Min(closest, top[0].Probability - top[1].Probability);
                seen.Add(best);
            }
        }
        output.WriteLine($"{fit}: {count} photos, the same class for all, {seen.Count} classes; "
            + $"probabilities differ by at most {largest:G2}, the two best classes "
            + $"by at least {closest:G2}");
        Assert.InRange(largest, 0, 1e-4);
        // A network that named one class for all would agree, too.
        Assert.True(seen.Count > classes.Length / 2);
    }

    // ImageNet's body, and as head the likeness to the mean features of three photos a class: no training, and classes that differ.
    private static TrainedClassifier Classifier(string[] classes, ImageFit fit)
    {
        ResNet network = ResNet.ImageNetResNet18();
        using (Checkpoint weights = PackagedWeights.Open())
            weights.Into(network, strict: false);
        network.ReplaceHead(classes.Length, 0);
        network.eval();
        string[] names = [.. classes.Select(c => Path.GetFileName(c)!)];
        var classifier = new TrainedClassifier(network, PackagedWeights.Name, Side, Normalization.ImageNet, names) { Fit = fit };
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Prediction[] known = [.. new Predictor(classifier) { KeepFeatures = true }
            .Predict([.. classes.SelectMany(c => Directory.GetFiles(c).Order(StringComparer.Ordinal).Take(3))])];
        Tensor means = stack(known.Chunk(3).Select(three => tensor([.. three.SelectMany(p => p.Features!)], [3, network.FeatureCount]).mean([0])));
        network.Head.weight!.copy_(means / 40);
        network.Head.bias!.copy_(means.square().sum(1) / -80);
        return classifier;
    }

    private string Written(string photo, int index)
    {
        string path = In($"{index:0000}-{Path.GetFileNameWithoutExtension(photo)}");
        byte[] jpeg = File.ReadAllBytes(photo);
        using SKBitmap bitmap = SKBitmap.Decode(photo);
        switch (index % 4)
        {
            case 1:
                // TIFF, big-endian, one entry: orientation (0x0112), a number of 16 bits: 2 to 8.
                byte[] exif = [.. "Exif\0\0MM\0*\0\0\0\b\0\u0001"u8, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)(2 + (index / 4 % 7)), 0, 0, 0, 0, 0, 0];
                File.WriteAllBytes(path += ".jpg", [.. jpeg[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 2), .. exif, .. jpeg[2..]]);
                break;
            case 2:
                using (var gray = new SKBitmap(new SKImageInfo(bitmap.Width, bitmap.Height, SKColorType.Gray8)))
                {
                    Assert.True(bitmap.CopyTo(gray, SKColorType.Gray8));
                    Save(gray, path += ".jpg", SKEncodedImageFormat.Jpeg);
                }
                break;
            case 3:
                using (var seen = new SKBitmap(new SKImageInfo(bitmap.Width, bitmap.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul)))
                {
                    for (int y = 0; y < bitmap.Height; y++)
                        for (int x = 0; x < bitmap.Width; x++)
                            seen.SetPixel(x, y, bitmap.GetPixel(x, y).WithAlpha((byte)(255 - (x * 200 / bitmap.Width))));
                    Save(seen, path += ".png", SKEncodedImageFormat.Png);
                }
                break;
            default:
                File.WriteAllBytes(path += ".jpg", jpeg);
                break;
        }
        return path;
    }

    private static void Save(SKBitmap bitmap, string path, SKEncodedImageFormat format)
    {
        using SKData data = bitmap.Encode(format, 90);
        File.WriteAllBytes(path, data.ToArray());
    }

    private static bool IsSquare(string photo)
    {
        using SKCodec codec = SKCodec.Create(photo);
        return codec.Info.Width == codec.Info.Height;
    }

    private string In(string name) => Path.Combine(_folder, name);
}
