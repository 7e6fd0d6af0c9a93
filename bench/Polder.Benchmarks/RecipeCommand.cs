using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Polder.Vision.Data;
using Polder.Vision.Recipes;
using Polder.Vision.Training;
using TorchSharp;

namespace Polder.Benchmarks;

/// <summary>
/// Trains variants of a recipe on few images of several sets and shows how they do on validation images; the test images are cut off and never looked
/// at. A plan (JSON) has <c>sets</c> (folders below --data), <c>perClass</c>, <c>seeds</c>, and <c>variants</c>: settings by name, as a run folder's
/// config.json has them. A plan whose lines do not all have the same variants has <c>parts</c> instead: each with sets, perClass, seeds and the names of
/// its variants. With <c>shareFeatures</c> what frozen layers make of the images is computed once for all variants, and the first pays for it. With a
/// journal a stopped study goes on where it was.
/// </summary>
internal static class RecipeCommand
{
    private sealed record Outcome(double Validation, double Loss, int Epoch, int Images, double Seconds, double ProcessorSeconds, double[] Epochs);

    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(arguments, "--data", "--plan", "--journal", "--threads", "--out");
        string data = options.Path("--data") ?? throw new ArgumentException("--data: found nothing, allowed: a folder that has the sets of the plan");
        string file = options.Path("--plan") ?? throw new ArgumentException("--plan: found nothing, allowed: a plan, such as bench/recipe/size.json");
        torch.set_num_threads(options.Count("--threads", 1));
        var journal = new StudyJournal(options.Text("--journal", "") is { Length: > 0 } path ? path : null);
        JsonObject plan = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        var variants = plan["variants"]!.AsObject().Select(v => (Name: v.Key, Settings: v.Value!.AsObject())).ToArray();
        bool share = (bool?)plan["shareFeatures"] == true;
        using StreamWriter? page = options.Text("--out", "") is { Length: > 0 } written ? new StreamWriter(written) : null;
        Show("| set | images a class | variant | last epoch, % | kept, % | at epoch | training images | processor seconds |");
        Show("|---|---|---|---|---|---|---|---|");
        foreach (JsonObject part in plan["parts"]?.AsArray().Select(p => p!.AsObject()) ?? [plan])
            foreach (string set in part["sets"]!.AsArray().Select(s => (string)s!))
                foreach (int perClass in part["perClass"]!.AsArray().Select(n => (int)n!))
                    Line(part, set, perClass);

        void Line(JsonObject part, string set, int perClass)
        {
            long[] seeds = [.. part["seeds"]!.AsArray().Select(s => (long)s!)];
            ImageData? images = null;
            using FeatureCache? features = share ? new FeatureCache() : null;
            (int? Size, ImageFit? Fit) form = default;
            var chosen = part["variants"] is JsonArray names ? names.Select(n => variants.Single(v => v.Name == (string)n!)) : variants;
            foreach ((string name, JsonObject settings) in chosen)
            {
                Outcome[] outcomes =
                [
                    .. seeds.Select(seed => journal.Piece($"{set} {perClass} {seed} {settings.ToJsonString()}", () =>
                    {
                        Recipe recipe = RecipeOf(settings, file, Path.Combine(data, set), perClass, seed);
                        if (images is null || form != (recipe.Start.ImageSize, recipe.Start.Fit))
                            (images, form) = (null, (recipe.Start.ImageSize, recipe.Start.Fit));
                        return Train(recipe, features, ref images);
                    })),
                ];
                Show(string.Create(CultureInfo.InvariantCulture,
                    $"| {set} | {perClass} | {name} | {outcomes.Average(o => 100 * o.Epochs[^1]):F1} | {outcomes.Average(o => 100 * o.Validation):F1} | "
                    + $"{outcomes.Average(o => o.Epoch):F0} | {outcomes[0].Images} | {outcomes.Average(o => o.ProcessorSeconds):F0} |"));
            }
        }

        void Show(string line)
        {
            Console.WriteLine(line);
            page?.WriteLine(line);
            page?.Flush();
        }
    }

    private static Recipe RecipeOf(JsonObject settings, string plan, string data, int perClass, long seed)
    {
        JsonObject all = settings.DeepClone().AsObject();
        (all["data"], all["perClass"], all["seed"]) = (data, perClass, seed);
        return RecipeJson.Read(all, plan) with { Refit = Refit.None }; // what is asked is what validation says
    }

    private static Outcome Train(Recipe recipe, FeatureCache? features, ref ImageData? images)
    {
        images ??= recipe.Data.Open(new ImageSourceOptions { ImageSize = recipe.Start.ImageSize!.Value, Fit = recipe.Start.Fit ?? ImageFit.Crop });
        using RecipeTask task = recipe.Open(images);
        using FineTuningStart start = task.Prepare(recipe.Seed);
        var clock = Stopwatch.StartNew();
        TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
        TrainingResult result = new FineTuning(task.Recipe, start) { Features = features }.Train();
        return new Outcome(result.Best.ValidationAccuracy, result.Best.ValidationLoss, result.Best.Epoch, start.Splits.Train.Count, clock.Elapsed.TotalSeconds,
            (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds, [.. result.Epochs.Select(e => e.ValidationAccuracy)]);
    }
}
