using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Polder.Objectives;
using Polder.Statistics;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Recipes;
using Polder.Vision.Training;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>
/// What <c>polder finetune</c> makes, at an effort, of the lists that ML.NET was judged on (bench/Polder.MlNet), list by list: the program's own recipe,
/// training and test, but for this: what frozen layers make of an image that is tested is computed once for all lists of a set, not once a list.
/// </summary>
internal static class SideBySideCommand
{
    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(arguments, "--mlnet", "--effort", "--refit", "--sets", "--threads", "--journal", "--out");
        set_num_threads(options.Count("--threads", 1));
        string folder = options.Path("--mlnet")
            ?? throw new ArgumentException("--mlnet: found nothing, allowed: the folder of results of bench/Polder.MlNet/run.sh");
        string said = options.Text("--effort", "quick");
        if (!Enum.TryParse(said, ignoreCase: true, out Effort effort))
            throw new ArgumentException($"--effort: found {said}, allowed: {string.Join(", ", Enum.GetNames<Effort>().Select(n => n.ToLowerInvariant()))}");
        Refit? refit = options.Text("--refit", "usual") switch
        {
            "usual" => null,
            "none" => Refit.None,
            "all" => Refit.All,
            string other => throw new ArgumentException($"--refit: found {other}, allowed: none, all, usual (what the effort stands for)"),
        };
        said += refit switch { Refit.None => "-once", Refit.All => "-refitted", _ => "" };
        string[] sets = options.Text("--sets", "") is { Length: > 0 } names ? names.Split(',') : [];
        var journal = new StudyJournal(options.Text("--journal", "") is { Length: > 0 } path ? path : null);
        using StreamWriter? page = options.Text("--out", "") is { Length: > 0 } written ? new StreamWriter(written) : null;
        Show($"| set | images a class | ML.NET, % | Polder, {said}, % | difference, points | 95 % interval | p | processor seconds a training |");
        Show("|---|---|---|---|---|---|---|---|");
        foreach (string file in Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal))
        {
            string set = Path.GetFileNameWithoutExtension(file);
            if (sets.Length > 0 && !sets.Contains(set))
                continue;
            using var images = new SetOfLists();
            var results = JsonNode.Parse(File.ReadAllText(file))!["results"]!.AsArray()
                .Select(r => (List: (string)r!["images"]!, Theirs: 100 * (double)r["accuracy"]!)).ToArray();
            foreach (var same in results.GroupBy(r => Path.GetFileName(r.List).Split('-')[0]))
            {
                double[] theirs = [.. same.Select(r => r.Theirs)];
                Outcome[] ours = [.. same.Select(r =>
                    journal.Piece($"{said} {Path.Combine(set, Path.GetFileName(r.List))}", () => images.Train(r.List, effort, refit)))];
                PairedDifference difference = PairedDifference.Of([.. ours.Select(o => 100 * o.Accuracy)], theirs);
                Show(string.Create(CultureInfo.InvariantCulture, $"| {set} | {int.Parse(same.Key, CultureInfo.InvariantCulture)} "
                    + $"| {theirs.Average():F1} | {100 * ours.Average(o => o.Accuracy):F1} | {difference.Mean:+0.0;-0.0} "
                    + $"| {difference.Low:+0.0;-0.0} to {difference.High:+0.0;-0.0} | {difference.P:G2} | {ours.Average(o => o.Seconds):F0} |"));
            }
        }

        void Show(string line)
        {
            Console.WriteLine(line);
            page?.WriteLine(line);
            page?.Flush();
        }
    }

    /// <summary>What came of a list.</summary>
    /// <param name="Accuracy">The share of its test images that are right.</param>
    /// <param name="Seconds">Seconds of the processor of the training, its validation included, the decoding of images and the test not.</param>
    /// <param name="Epoch">The epoch that was kept; 0 is the fitted head.</param>
    private sealed record Outcome(double Accuracy, double Seconds, int Epoch);

    /// <summary>The images of a set, decoded once, whichever of its lists is trained on.</summary>
    private sealed class SetOfLists : IDisposable
    {
        // All images of a set at once: what three stages make of 8 677 images of 224 pixels are 1.7 GB.
        private readonly FeatureCache _features = new(4L << 30);
        private ImageSet? _all;

        public Outcome Train(string list, Effort effort, Refit? refit)
        {
            // The seed of the list is the seed of the run, as in NN-SEED.csv.
            long seed = long.Parse(Path.GetFileNameWithoutExtension(list).Split('-')[1], CultureInfo.InvariantCulture);
            var recipe = new Recipe { Data = new() { Source = list }, Effort = effort, Refit = refit, Method = MethodChoice.Create("base"), Seed = seed };
            StartRecipe asked = recipe.Resolve().Start;
            _all ??= InOrder(ImageSources.Open(list, new ImageSourceOptions { ImageSize = asked.ImageSize!.Value, Fit = asked.Fit ?? ImageFit.Crop }).All);
            HashSet<string> tested =
                [.. File.ReadLines(list).Where(line => line.EndsWith(",test", StringComparison.Ordinal)).Select(line => line.Split(',')[0])];
            int[] test = [.. Enumerable.Range(0, _all.Count).Where(i => tested.Contains(_all.Origin(i)))];
            if (test.Length != tested.Count)
                throw new InvalidDataException($"{list}: {tested.Count} test images, of which {test.Length} are among the set's");
            var data = new ImageData(
                Path.GetFileNameWithoutExtension(list), _all.Subset([.. Enumerable.Range(0, _all.Count).Except(test)]), Test: _all.Subset(test[..1]));
            using RecipeTask task = recipe.Open(data);
            FineTuningStart start = task.Prepare(seed); // the result's to dispose of
            TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
            using FineTuningResult result = new FineTuning(task.Recipe, start).Run();
            double seconds = (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
            return new Outcome(Accuracy(result.Classifier, test), seconds, result.Training.Best.Epoch);
        }

        public void Dispose() => _features.Dispose();

        private double Accuracy(TrainedClassifier classifier, int[] test)
        {
            HashSet<int> tested = [.. test];
            using var loader = new FeatureLoader(classifier.Network, classifier.LoaderOf(_all!), _ => { }, _features);
            using ModelUse use = ModelUse.Ask(classifier.Network);
            using IDisposable noGrad = no_grad();
            int right = 0;
            foreach (Batch batch in loader.Epoch(0, 0..loader.Count, KeptFeatures.FixedStages(classifier.Network), CancellationToken.None))
            {
                using var scope = NewDisposeScope();
                long[] said = classifier.Network.CallAfter(batch.Stages, batch.Images).argmax(1).data<long>().ToArray();
                right += batch.Indices.Zip(said).Count(p => tested.Contains(p.First) && _all!.Labels[p.First] == p.Second);
            }
            return (double)right / test.Length;
        }

        // The order of the files, so that it is the same from whichever list the images were read.
        private static ImageSet InOrder(ImageSet images) =>
            images.Subset([.. Enumerable.Range(0, images.Count).OrderBy(images.Origin, StringComparer.Ordinal)]);
    }
}
