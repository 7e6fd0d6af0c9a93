using Polder.Machine;
using Polder.Vision.Classifiers;
using Polder.Vision.Models;
using SkiaSharp;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>What prediction from files costs beside the bare network's forward passes over images that are decoded already.</summary>
internal static class PredictBenchmark
{
    private const int Width = 500, Height = 375;

    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(arguments, "--arch", "--images", "--rounds", "--threads");
        set_num_threads(options.Count("--threads", get_num_threads()));
        int count = options.Count("--images", 192);
        Architecture architecture = Architectures.Get(options.Text("--arch", "resnet18"));
        string folder = Directory.CreateTempSubdirectory("polder-predict-").FullName;
        try
        {
            IReadOnlyList<string> files = Write(folder, count);
            ImageClassifier network = architecture.Build(10, 0);
            network.eval();
            using var classifier = new TrainedClassifier(network, architecture.Name, architecture.ImageSize, architecture.Normalization,
                [.. Enumerable.Range(0, 10).Select(c => $"{c}")]);
            using var generator = new Generator(1);
            using Tensor images = randn([64, 3, architecture.ImageSize, architecture.ImageSize], generator: generator);
            void Forward(InputForm form)
            {
                using IDisposable noGrad = no_grad();
                for (int done = 0; done < count; done += 64)
                {
                    using var scope = NewDisposeScope();
                    network.call(form.Of(images[..Math.Min(64, count - done)]));
                }
            }
            Interleaved.Compare(
                $"{count} photos of {Width} x {Height}, {architecture.Name}, {architecture.ImageSize} px, {get_num_threads()} threads",
                [
                    ("bare forward passes, float32", () => Forward(default)),
                    ("predict, float32", () => _ = new Predictor(classifier).Predict(files).Count()),
                    ("bare forward passes, bf16", () => Forward(InputForm.Of(Precision.BF16))),
                    ("predict, bf16", () => _ = new Predictor(classifier) { Precision = Precision.BF16 }.Predict(files).Count()),
                ], options.Count("--rounds", 5), warmup: 1);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static List<string> Write(string folder, int count)
    {
        var random = new Random(1);
        using var bitmap = new SKBitmap(Width, Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        var files = new List<string>();
        for (int i = 0; i < count; i++)
        {
            Span<byte> pixels = bitmap.GetPixelSpan();
            for (int y = 0; y < Height; y++)
                for (int x = 0; x < 4 * Width; x++)
                    pixels[(4 * Width * y) + x] = (byte)(128 + (60 * Math.Sin((x / 40.0) + i)) + (40 * Math.Cos(y / 17.0)) + random.Next(12));
            using SKData data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 85);
            files.Add(Path.Combine(folder, $"{i}.jpg"));
            File.WriteAllBytes(files[^1], data.ToArray());
        }
        return files;
    }
}
