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
        Recipe? recipe = run?.ReadRecipe();
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
        ImageData opened = Decode(context, data, classifier.ImageSize);
        classifier.RequireClasses(source, opened.Classes);
        return new OpenedImages(part == EveryImage ? opened.All : opened.Split(data.SplitFor(seed)).Part(part), opened.Name, opened);
    }

    private static ImageData Decode(CommandContext context, DataRecipe data, int size)
    {
        context.Output.Verbose($"images of {data.Source} at {size} x {size} pixels");
        ImageData opened = context.Output.Track("reading images", 1,
            tracker => data.Open(size, ImageReading.ProgressOf(tracker).Decoding, context.Cancellation));
        ImageReading.WarnOfSkipped(context, opened.Skipped);
        return opened;
    }
}

/// <summary>The images of a part.</summary>
/// <param name="Images">The images.</param>
/// <param name="Name">What tables call the data.</param>
/// <param name="Data">The whole set; null for the built-in demo.</param>
internal sealed record OpenedImages(ImageSet Images, string Name, ImageData? Data);
