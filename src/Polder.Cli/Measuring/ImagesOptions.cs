namespace Polder.Cli.Measuring;

/// <summary>The options that say which images a network is judged on: the same for every command that judges one.</summary>
internal sealed class ImagesOptions
{
    private const string EveryImage = "all";

    private readonly CliOption<string?> _data = FieldOption.Text("data"), _dataset = FieldOption.Text("dataset", "found out from the folder");
    private readonly CliFlag _skipUnreadable = FieldOption.Flag("skip-unreadable");
    private readonly CliOption<string>? _split;

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="split">The default of --split; null: there is none, and the training images are taken.</param>
    public ImagesOptions(PolderCommand command, string? split)
    {
        command.Add(Heading.Data, _data, _dataset);
        if (split is not null)
        {
            _split = OptionOf.Choice(
                "--split", "the part: where none is shipped, the one cut with --seed or by the run; all is every image in the order of the files", split,
                "train", "validation", "test", EveryImage);
            command.Add(Heading.Data, _split);
        }
        command.Add(Heading.Data, _skipUnreadable);
    }

    /// <summary>The part that is judged, in words.</summary>
    public string Part(CommandContext context) => _split is null ? "train" : context.Get(_split)!;

    /// <summary>Opens the images for a network.</summary>
    /// <param name="context">The command.</param>
    /// <param name="classifier">The network, whose classes they must have.</param>
    /// <param name="run">The run that made it, whose images are taken where no others are named; null without one.</param>
    /// <param name="seed">The seed of the parts that are not shipped, where there is no run.</param>
    /// <exception cref="UserErrorException">No data is named.</exception>
    /// <exception cref="DataException">It cannot be used, or has other classes.</exception>
    public OpenedImages Open(CommandContext context, TrainedClassifier classifier, RunFolder? run, long seed)
    {
        Recipe? recipe = run is null ? null : RecipeJson.Read(run.Configuration.Settings, run.ConfigurationFile);
        if (!context.IsGiven(_data) && run is not null)
            recipe = ImageReading.Located(context, recipe!, run);
        string source = context.Get(_data) ?? recipe?.Data.Source
            ?? throw UserErrorException.ForOption(_data.Name, "", "a folder or the name of a built-in set, or --run");
        DataRecipe data = (recipe?.Data ?? new DataRecipe()) with
        {
            Source = source,
            Dataset = context.Get(_dataset) ?? (context.IsGiven(_data) ? null : recipe?.Data.Dataset),
            SkipUnreadable = context.Get(_skipUnreadable) || recipe?.Data.SkipUnreadable == true,
        };
        context.SetEffective(_data, data.Source);
        context.SetEffective(_dataset, data.Dataset);
        context.SetEffective(_skipUnreadable, data.SkipUnreadable);
        string part = Part(context);
        // The demo's network knows five of the ten digits, and its test images are cut from those.
        if (source == Digits.Name && classifier.NamesClasses && classifier.Classes.SequenceEqual(DigitsDemo.Classes))
        {
            int shots = data.Shots ?? DigitsDemo.DefaultShots;
            return new OpenedImages(part == EveryImage ? Digits.Upper().Train : DigitsDemo.Splits(shots, seed).Part(part), DigitsDemo.NameOf(shots), null);
        }
        ImageData opened = Decode(context, data, classifier, classifier.ImageSize);
        // A class that came to the run's own data since belongs to none of its parts.
        if (run?.Images is not null && !context.IsGiven(_data))
            opened = opened.KnownAmong(classifier.Classes);
        Warn(context, opened);
        ImageData matched = classifier.Matched(opened);
        if (matched.Classes.Count > opened.Classes.Count)
            context.Output.Info($"{source}: has images of {Some(opened.Classes)}, of the {matched.Classes.Count} classes of {classifier.Source}");
        else if (!ReferenceEquals(matched, opened))
            context.Output.Info($"{source}: classes are in the order of {classifier.Source}: {Some(matched.Classes)}");
        opened = matched;
        return new OpenedImages(part == EveryImage ? opened.All : PartOf(context, opened, data, classifier, run, seed, part), opened.Name, opened);
    }

    private ImageSet PartOf(CommandContext context, ImageData opened, DataRecipe data, TrainedClassifier classifier, RunFolder? run, long seed, string part)
    {
        if (run?.Images is not { } images)
        {
            if (run is not null)
                ImageReading.WarnOfUnknown(context, run);
            ImageSet cut = opened.Part(part, data.SplitFor(seed));
            if (run is null && cut.Count < opened.Train.Count && (part == "test" ? opened.Test : part == "validation" ? opened.Validation : null) is null)
                context.Output.Info($"{data.Source}: {cut.Count} of {opened.Train.Count} images are judged, the {part} part that seed {seed} cuts "
                    + "(--split all judges every image)");
            return cut;
        }
        FoundImages found = classifier.ImageSize == images.ImageSize
            ? images.In(opened, data.Source)
            : images.In(classifier.Matched(Decode(context, data, classifier, images.ImageSize).KnownAmong(classifier.Classes)), data.Source, opened);
        string place = Path.GetFullPath(data.Source);
        if (context.IsGiven(_data) && !found.IsOfRun)
        {
            // Other data than the run's, with parts of its own.
            ImageSet set = opened.Part(part, data.SplitFor(seed));
            IReadOnlyList<string> taboo = part switch { "test" => ["train", "validation"], "validation" => run.FittedParts, _ => [] };
            int[] fresh = [.. Enumerable.Range(0, set.Count).Where(i => !taboo.Contains(images.PartOf(RunImages.HashOf(set, i))))];
            if (fresh.Length < set.Count)
                context.Output.Warn($"{place}: {set.Count - fresh.Length} of {set.Count} {part} image(s) are left out, "
                    + "since the run was trained or chosen on them");
            return fresh.Length > 0 ? set.Subset(fresh) : throw new DataException(place, $"has no {part} image that the run was not trained or chosen on");
        }
        ImageReading.WarnOfChanges(context, data.Source, found.Lines);
        if (part == "validation" && run.FittedParts.Contains(part))
            context.Output.Warn($"{place}: the run's head was fitted to its validation images, too (head-images all): they tell nothing of new ones");
        return found.Splits.Part(part) is { Count: > 0 } chosen ? chosen
            : throw new DataException(place, $"holds none of the run's {part} images, which were in {images.Place}");
    }

    private static ImageData Decode(CommandContext context, DataRecipe data, TrainedClassifier classifier, int size)
    {
        context.Output.Verbose($"images of {data.Source} at {size} x {size} pixels");
        var options = new ImageSourceOptions { ImageSize = size, Fit = classifier.Fit, ToJudge = true };
        return context.Output.Track("reading images", 1,
            tracker => data.Open(options, ImageReading.ProgressOf(tracker).Decoding, context.Cancellation));
    }

    private static void Warn(CommandContext context, ImageData opened) =>
        ImageReading.WarnOfSkipped(context, opened.Skipped, opened.Warnings, opened.Remarks);

    private static string Some(IReadOnlyList<string> classes) => string.Join(", ", classes.Take(5)) + (classes.Count > 5 ? ", ..." : "");
}

/// <summary>The images of a part.</summary>
/// <param name="Images">The images.</param>
/// <param name="Name">What tables call the data.</param>
/// <param name="Data">The whole set; null for the built-in demo.</param>
internal sealed record OpenedImages(ImageSet Images, string Name, ImageData? Data);
