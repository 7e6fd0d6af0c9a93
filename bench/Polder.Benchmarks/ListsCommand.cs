using System.Globalization;
using Polder.Vision.Data;

namespace Polder.Benchmarks;

/// <summary>
/// Writes the images of few-shot trainings as lists that Polder and other programs read: so many a class to train, drawn by a seed, and all others
/// to test. No validation part: who needs one takes it from the training images.
/// </summary>
internal static class ListsCommand
{
    // Only which images there are matters, not what they show.
    private static readonly ImageSourceOptions Tiny = new() { ImageSize = 8 };

    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(arguments, "--data", "--per-class", "--seeds", "--out");
        string data = options.Path("--data") ?? throw new ArgumentException("--data: found nothing, allowed: a folder of images");
        string folder = options.Text("--out", "lists");
        int count = options.Count("--per-class", 10), seeds = options.Count("--seeds", 5);
        ImageSet all = ImageSources.Open(data, Tiny).Train;
        Directory.CreateDirectory(folder);
        for (int seed = 0; seed < seeds; seed++)
        {
            ImageSet train = all.PerClass(count, seed);
            HashSet<string> trained = [.. Enumerable.Range(0, train.Count).Select(train.Origin)];
            string file = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{count:00}-{seed}.csv"));
            File.WriteAllLines(file,
            [
                "path,label,split",
                .. Enumerable.Range(0, all.Count).Select(i =>
                    $"{Path.GetFullPath(all.Origin(i))},{all.Classes[all.Labels[i]]},{(trained.Contains(all.Origin(i)) ? "train" : "test")}"),
            ]);
            Console.WriteLine($"{file}: {train.Count} training and {all.Count - train.Count} test images of {all.Classes.Count} classes");
        }
    }
}
