using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Polder.Statistics;
using Polder.Vision.Classifiers;
using Polder.Vision.Models;
using Polder.Vision.Recipes;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>
/// What <c>polder finetune --effort quick</c> makes of the lists that ML.NET was judged on (bench/Polder.MlNet), list by list: the program's own recipe,
/// training and test, but for this: what the frozen body makes of an image is computed once for all lists of a set, not once a list.
/// </summary>
internal static class SideBySideCommand
{
    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(arguments, "--mlnet", "--threads", "--journal", "--out");
        set_num_threads(options.Count("--threads", 1));
        string folder = options.Path("--mlnet")
            ?? throw new ArgumentException("--mlnet: found nothing, allowed: the folder of results of bench/Polder.MlNet/run.sh");
        var journal = new StudyJournal(options.Text("--journal", "") is { Length: > 0 } path ? path : null);
        using StreamWriter? page = options.Text("--out", "") is { Length: > 0 } written ? new StreamWriter(written) : null;
        Show("| set | images a class | ML.NET, % | Polder, % | difference, points | 95 % interval | p |");
        Show("|---|---|---|---|---|---|---|");
        foreach (string file in Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal))
        {
            var memory = new Dictionary<UInt128, float[]>();
            var results = JsonNode.Parse(File.ReadAllText(file))!["results"]!.AsArray()
                .Select(r => (List: (string)r!["images"]!, Theirs: 100 * (double)r["accuracy"]!)).ToArray();
            foreach (var same in results.GroupBy(r => Path.GetFileName(r.List).Split('-')[0]))
            {
                double[] theirs = [.. same.Select(r => r.Theirs)];
                double[] ours = [.. same.Select(r => journal.Piece(r.List, () => 100 * Accuracy(r.List, memory)))];
                PairedDifference difference = PairedDifference.Of(ours, theirs);
                string set = Path.GetFileNameWithoutExtension(file);
                Show(string.Create(CultureInfo.InvariantCulture, $"| {set} | {int.Parse(same.Key, CultureInfo.InvariantCulture)} "
                    + $"| {theirs.Average():F1} | {ours.Average():F1} | {difference.Mean:+0.0;-0.0} "
                    + $"| {difference.Low:+0.0;-0.0} to {difference.High:+0.0;-0.0} | {difference.P:G2} |"));
            }
        }

        void Show(string line)
        {
            Console.WriteLine(line);
            page?.WriteLine(line);
            page?.Flush();
        }
    }

    private static double Accuracy(string list, Dictionary<UInt128, float[]> memory)
    {
        // The seed of the list is the seed of the run, as in NN-SEED.csv.
        long seed = long.Parse(Path.GetFileNameWithoutExtension(list).Split('-')[1], CultureInfo.InvariantCulture);
        var recipe = new Recipe { Data = new() { Source = list }, Effort = Effort.Quick, Method = MethodChoice.Create("base"), Seed = seed };
        using RecipeTask task = recipe.Open();
        using FineTuningStart start = task.Prepare(seed);
        TrainedClassifier made = start.Classifier;
        using var network = new RememberedBody(made.Network, memory);
        using var classifier = new TrainedClassifier(network, made.Architecture, made.ImageSize, made.Normalization, made.Classes)
        {
            HasNewHead = true,
            Source = made.Source,
        };
        using FineTuningResult result = new FineTuning(task.Recipe, start with { Classifier = classifier }).Run();
        return result.Test.Accuracy;
    }

    /// <summary>A frozen body that computes an image once and then remembers it by its pixels.</summary>
    private sealed class RememberedBody : ImageClassifier
    {
        private readonly ImageClassifier _body;
        private readonly Dictionary<UInt128, float[]> _memory;

        public RememberedBody(ImageClassifier body, Dictionary<UInt128, float[]> memory)
            : base(body.GetName(), body.Channels, body.FeatureCount, body.Classes, body.HeadName)
        {
            (_body, _memory) = (body, memory);
            _body.eval();
            RegisterHead();
        }

        public override Tensor Features(Tensor images)
        {
            using var noGrad = no_grad();
            float[][] rows = [.. Enumerable.Range(0, (int)images.shape[0]).Select(i =>
            {
                using Tensor image = images.narrow(0, i, 1).contiguous();
                UInt128 key = XxHash128.HashToUInt128(MemoryMarshal.AsBytes<float>(image.data<float>().ToArray()));
                if (!_memory.TryGetValue(key, out float[]? row))
                {
                    using Tensor features = _body.Features(image);
                    _memory.Add(key, row = features.data<float>().ToArray());
                }
                return row;
            })];
            return tensor(rows.SelectMany(r => r).ToArray(), [rows.Length, FeatureCount]);
        }
    }
}
