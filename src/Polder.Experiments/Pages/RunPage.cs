using System.Text.Json;
using System.Text.Json.Nodes;
using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>The page of a fine-tuning: its test result, its errors, how it went, on what, and how to repeat it.</summary>
internal static class RunPage
{
    private static readonly string[] Parts = ["train", "validation", "test"];

    /// <summary>Makes the page.</summary>
    /// <param name="run">The run, finished or not.</param>
    /// <param name="pictures">Its images; null: none are shown.</param>
    public static Page Of(RunFolder run, RunPictures? pictures)
    {
        JsonObject? result = File.Exists(run.Result) ? ResultFile.Read(run.Result) : null;
        Recipe recipe = run.ReadRecipe();
        EpochReport[] epochs = EpochsOf(run);
        RunPredictions? predictions = run.Predictions;
        ImagePredictions? test = predictions?.Parts.GetValueOrDefault("test") is { Count: > 0 } tested ? tested : null;
        var shown = new PicturePart(run, pictures);
        int? kept = ResultFile.Number(result, "best", "epoch") is { } epoch ? (int)epoch : epochs.LastOrDefault(e => e.IsBest)?.Epoch;

        var sections = new List<PageSection>();
        if (test is not null)
        {
            var confusion = new ConfusionMatrix(predictions!.Classes.Count);
            for (int i = 0; i < test.Count; i++)
                confusion.Add(test.Labels[i], test.PredictedOf(i));
            sections.Add(shown.Wrong(test));
            sections.AddRange(ClassPart.Of(predictions.Classes, confusion));
            sections.Add(shown.Uncertain(test));
            sections.Add(ReliabilityPart.Of(test));
        }
        if (epochs.Length > 0)
            sections.Add(CurvesPart.Of(epochs, kept));
        if (predictions?.Parts.GetValueOrDefault("train") is { Count: > 0 } train)
            sections.Add(shown.LikelyWrongLabels(train));
        sections.Add(Data(run, recipe, shown));
        sections.AddRange(Flatness(run, epochs));
        sections.Add(RepeatPart.Of(run, result, Settings(recipe, run)));

        List<string> warnings = [];
        if (result is null && test is null)
            warnings.Add("This run is not finished: polder finetune --resume goes on with it.");
        if (result is not null && test is null)
            warnings.Add("What the network said of each image was not kept (an earlier version or --no-report made the run), so its errors are not shown; "
                + "polder evaluate judges it anew.");
        if (shown.Missing is { } missing && predictions is not null)
            warnings.Add(missing);
        if (ResultFile.Number(result, "duplicates") is > 0 and { } duplicates)
            warnings.Add($"{Words.Of((long)duplicates, "image")} occur in the training part and in a part that judges it: see polder finetune's warning.");
        return new Page("run", TitleOf(recipe), Lead(run, recipe, result, test, epochs, kept), sections)
        {
            Figures = [.. Figures(result, test, predictions?.Classes, kept, epochs)],
            Warnings = warnings,
            Data = result,
            Footer = RepeatPart.Footer(run.Configuration.Version, run.Path),
        };
    }

    /// <summary>What a recipe's data is called.</summary>
    public static string TitleOf(Recipe recipe) => recipe.IsDemo ? DigitsDemo.NameOf(recipe.Data.Shots ?? DigitsDemo.DefaultShots)
        : Path.GetFileName(Path.TrimEndingDirectorySeparator(recipe.Data.Source));

    private static string Lead(RunFolder run, Recipe recipe, JsonObject? result, ImagePredictions? test, EpochReport[] epochs, int? kept)
    {
        string what = $"{Words.Method(recipe.Method.Name, recipe.OptimizerName)} fine-tuned {NetworkOf(run, recipe)} on {TitleOf(recipe)}";
        string weights = kept is null ? "" : kept == 0 ? " The weights are those of the fitted head, before the first epoch."
            : $" The weights are those of epoch {kept} of {epochs.Count(e => e.Epoch > 0)}"
                + (recipe.Training.Keep == KeptWeights.Last ? ", the last." : ", the best on the validation images.");
        if (ResultFile.Number(result, "refit", "images") is { } refitted)
            weights = $" The weights are those of a second training, on all {Words.Count((long)refitted)} images that are not tested; what validation says is "
                + $"of the first, whose epoch {kept} of {epochs.Count(e => e.Epoch > 0)} was kept.";
        if (TestOf(result, test) is not { } found)
            return $"{what}; there is no test result yet.{weights}";
        ProportionInterval interval = ProportionInterval.Of(found.Right, found.Count);
        return $"{what}: {Words.Percent(interval.Share)} of {Words.Of(found.Count, "test image")} are classified rightly (95 % interval "
            + $"{Words.Percent(interval.Low, interval.High)}, over the choice of test images).{weights}"
            + (test is null || ByGuess(test) is var guess && guess.Share < interval.Share ? "" : " That is no better than to name the most frequent class.");
    }

    private static ProportionInterval ByGuess(ImagePredictions test) =>
        ProportionInterval.Of(test.Labels.CountBy(label => label).Max(c => c.Value), test.Count);

    // A run of a program's own has no result.json.
    private static (long Right, long Count)? TestOf(JsonObject? result, ImagePredictions? test)
    {
        if (test is not null)
            return (Enumerable.Range(0, test.Count).Count(test.IsRight), test.Count);
        return ResultFile.Number(result, "test", "accuracy") is { } accuracy && ResultFile.Number(result, "test", "count") is >= 1 and { } count
            ? (Math.Clamp((long)Math.Round(accuracy * count), 0, (long)count), (long)count) : null;
    }

    private static IEnumerable<PageFigure> Figures(JsonObject? result, ImagePredictions? test, IReadOnlyList<string>? classes, int? kept, EpochReport[] epochs)
    {
        if (TestOf(result, test) is { } found)
        {
            ProportionInterval interval = ProportionInterval.Of(found.Right, found.Count);
            yield return new("Test accuracy", Words.Percent(interval.Share), Words.Percent(interval.Low, interval.High));
        }
        if ((ResultFile.Number(result, "test", "loss") ?? test?.Losses.Average()) is { } loss)
            yield return new("Test loss", Words.Number(loss, 3), "mean cross entropy, nats");
        if (test is not null && classes is not null)
        {
            var confusion = new ConfusionMatrix(classes.Count);
            for (int i = 0; i < test.Count; i++)
                confusion.Add(test.Labels[i], test.PredictedOf(i));
            yield return new("Balanced accuracy", Words.Percent(confusion.BalancedAccuracy), "mean recall of the classes");
        }
        if (epochs.FirstOrDefault(e => e.Epoch == kept) is { IsValidated: true } best)
            yield return new("Validation", Words.Percent(best.ValidationAccuracy), kept == 0 ? "the fitted head"
                : $"epoch {kept} of {epochs.Count(e => e.Epoch > 0)}");
        if (ResultFile.Number(result, "gradientEvaluations") is { } gradients)
        {
            long again = (long)(ResultFile.Number(result, "refit", "gradientEvaluations") ?? 0);
            double steps = (ResultFile.Number(result, "steps") ?? 0) + (ResultFile.Number(result, "refit", "steps") ?? 0);
            yield return new("Gradients", Words.Count((long)gradients + again), Words.Of((long)steps, "step") + (again > 0 ? ", both trainings" : ""));
        }
        if (ResultFile.Number(result, "seconds") is { } seconds)
            yield return new("Time", Words.Duration(seconds), "training and test");
    }

    private static PageSection Data(RunFolder run, Recipe recipe, PicturePart shown)
    {
        var blocks = new List<PageBlock>();
        if (run.Images is { } images)
        {
            string[] classes = [.. images.Classes];
            Dictionary<string, int[]> counts = Parts.ToDictionary(part => part, part =>
            {
                int[] each = new int[classes.Length];
                foreach (int label in images.Parts.GetValueOrDefault(part)?.Labels ?? [])
                    each[label]++;
                return each;
            });
            blocks.Add($"{Words.Of(classes.Length, "class", "classes")}; {string.Join(", ", Parts.Select(p => $"{Words.Count(counts[p].Sum())} {p}"))} images"
                + (images.Parts.GetValueOrDefault("unused")?.Names.Count is > 0 and { } unused ? $"; {Words.Count(unused)} are in no part." : "."));
            if (shown.SamplesOf() is { } samples)
                blocks.Add(samples);
            blocks.Add(new PageTable("Images of each class by part.", ResultTable.Of(
                "images", ["class", "train", "validation", "test"], Enumerable.Range(0, classes.Length),
                c => [classes[c], counts["train"][c], counts["validation"][c], counts["test"][c]]))
            {
                Folded = classes.Length > 12 ? $"Images of each of the {classes.Length} classes" : null,
            });
        }
        else
        {
            blocks.Add("Which images the run had is not known: an earlier version made it.");
        }
        blocks.Add(new PageEntries(
        [
            ("data", run.Images?.Place is { } place && !recipe.IsDemo && recipe.Data.Source.Contains(Path.DirectorySeparatorChar) ? place : recipe.Data.Source),
            .. recipe.Data.LabelNoise > 0 ? [("label noise", Words.Percent(recipe.Data.LabelNoise))] : Array.Empty<(string, string)>(),
        ]));
        return new PageSection("What it was trained on", blocks) { ShortTitle = "Data" };
    }

    private static IEnumerable<PageSection> Flatness(RunFolder run, EpochReport[] epochs)
    {
        bool any = false;
        foreach (string file in ResultFile.MeasurementsIn(run.Path))
        {
            any = true;
            foreach (PageSection section in MeasurementPart.Of(ResultFile.Read(file), file))
                yield return section;
        }
        if (any)
            yield break;
        EpochCurvature? last = epochs.LastOrDefault(e => e.Curvature is not null)?.Curvature;
        yield return new PageSection(
            "How flat the minimum is",
            [
                .. last is null ? Array.Empty<PageBlock>()
                    : [(PageBlock)("In its last epoch the training's own noise pairs saw a Hessian trace of "
                        + $"{Words.Number(last.Trace, last.TraceStandardError)} (standard error), along the moving weights.")],
                "The curvature at the kept weights has not been measured. This measures it, and makes the page anew with it:",
                new PageCode("commands", $"{Words.CommandLine(["hessian", "--run", run.Path, "--density", "--json", Path.Combine(run.Path, "hessian.json")])}\n"
                    + Words.CommandLine(["report", run.Path])),
            ])
        { ShortTitle = "Flatness" };
    }

    private static string NetworkOf(RunFolder run, Recipe recipe) =>
        run.Images?.Network.GetValueOrDefault("architecture") ?? recipe.Start.Architecture ?? recipe.Start.Weights ?? "a network";

    private static List<(string Name, string Value)> Settings(Recipe recipe, RunFolder run)
    {
        TrainingOptions training = recipe.Training;
        return
        [
            ("network", NetworkOf(run, recipe) + (run.Images is { } images ? Invariant($", {images.ImageSize} pixels") : "")),
            ("start", recipe.IsDemo ? "pre-trained on the digits 0 to 4" : recipe.Start.Weights ?? "random weights"),
            ("method", string.Join(", ", recipe.Method.Options.Select(o => $"{o.Key} {MethodOption.Text(o.Value)}").Prepend(recipe.Method.Label))),
            ("optimizer", Invariant($"{recipe.OptimizerName}, learning rate {training.LearningRate}, weight decay {training.WeightDecay}")),
            ("length", Invariant($"{training.Epochs} epochs, batches of {training.BatchSize}")),
            ("seed", Invariant($"{recipe.Seed}")),
        ];
    }

    private static EpochReport[] EpochsOf(RunFolder run)
    {
        if (!File.Exists(run.Metrics))
            return [];
        try
        {
            return [.. File.ReadLines(run.Metrics).Where(line => line.Length > 0).Select(line => JsonSerializer.Deserialize<EpochReport>(line,
                ResultJson.Options)!)];
        }
        catch (JsonException e)
        {
            throw new DataException(run.Metrics, $"is no list of epochs: {e.Message}", e);
        }
    }
}
