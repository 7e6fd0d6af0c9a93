using System.Diagnostics;
using Polder.Vision.Data;
using SkiaSharp;

namespace Polder.Benchmarks;

/// <summary>
/// Images that one core reads, decodes and brings to 224 pixels in a second: what a training set of photos costs once, and a prediction each time.
/// The photos are made here, of smooth shapes and grain, so that a file is as large as a camera's picture of the size.
/// </summary>
internal static class DecodeBenchmark
{
    private const int Width = 500, Height = 375, Side = 224, PerClass = 100, Rounds = 5;

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("polder-decode-").FullName;
        try
        {
            Console.WriteLine($"\n### Decoding on one core: {Width} x {Height} to {Side} x {Side}\n");
            Console.WriteLine("| files | kB each | images/s, median (least to most) | images a second of processor time |\n|---|---|---|---|");
            foreach ((string name, SKEncodedImageFormat format, int quality) in (IEnumerable<(string, SKEncodedImageFormat, int)>)
                [("JPEG, quality 75", SKEncodedImageFormat.Jpeg, 75), ("JPEG, quality 95", SKEncodedImageFormat.Jpeg, 95),
                    ("PNG", SKEncodedImageFormat.Png, 100)])
            {
                string set = Path.Combine(folder, name);
                double size = Write(set, format, quality);
                var options = new ImageSourceOptions { ImageSize = Side, Threads = 1 };
                ImageFolder.Load(set, options);
                var rates = new List<double>();
                TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
                for (int round = 0; round < Rounds; round++)
                {
                    long start = Stopwatch.GetTimestamp();
                    int count = ImageFolder.Load(set, options).Train.Count;
                    rates.Add(count / Stopwatch.GetElapsedTime(start).TotalSeconds);
                }
                // On a machine that others use, too, this is what the work takes; the rate by the clock is what they left of it.
                double processor = (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
                rates.Sort();
                Console.WriteLine($"| {name} | {size / 1000:F0} | {rates[Rounds / 2]:F0} ({rates[0]:F0} to {rates[^1]:F0}) "
                    + $"| {Rounds * 2 * PerClass / processor:F0} |");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double Write(string set, SKEncodedImageFormat format, int quality)
    {
        var random = new Random(1);
        long bytes = 0;
        using var bitmap = new SKBitmap(Width, Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        Span<byte> pixels = bitmap.GetPixelSpan();
        foreach (string name in (string[])["a", "b"])
        {
            string folder = Directory.CreateDirectory(Path.Combine(set, name)).FullName;
            for (int i = 0; i < PerClass; i++)
            {
                Draw(pixels, random);
                using SKData data = bitmap.Encode(format, quality);
                File.WriteAllBytes(Path.Combine(folder, $"{i:000}.{format.ToString().ToLowerInvariant()}"), data.ToArray());
                bytes += data.Size;
            }
        }
        return (double)bytes / (2 * PerClass);
    }

    private static void Draw(Span<byte> pixels, Random random)
    {
        const int Waves = 6;
        double[] x = new double[Waves], y = new double[Waves], phase = new double[Waves];
        for (int w = 0; w < Waves; w++)
            (x[w], y[w], phase[w]) = (random.NextDouble() * 0.2 / (w + 1), random.NextDouble() * 0.2 / (w + 1), random.NextDouble() * 6);
        for (int i = 0; i < Width * Height; i++)
        {
            double light = 0;
            for (int w = 0; w < Waves; w++)
                light += Math.Sin(x[w] * (i % Width) + y[w] * (i / Width) + phase[w]);
            for (int c = 0; c < 3; c++)
                pixels[4 * i + c] = (byte)Math.Clamp(128 + light * (10 + 8 * c) + random.Next(-16, 17), 0, 255);
            pixels[4 * i + 3] = 255;
        }
    }
}
