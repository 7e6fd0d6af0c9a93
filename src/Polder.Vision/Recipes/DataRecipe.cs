namespace Polder.Vision.Recipes;

/// <summary>The images of a training: where they are, and which of them are trained on.</summary>
public sealed record DataRecipe
{
    /// <summary>A folder, a list, or the name of a built-in set. Default: the embedded digits.</summary>
    public string Source { get; init; } = Digits.Name;

    /// <summary>The published form that the folder has (<see cref="PublishedLayout"/>), with its official parts. Null, the default: found out.</summary>
    public string? Dataset { get; init; }

    /// <summary>Whether images that cannot be decoded are left out and counted. Default: they end the work.</summary>
    public bool SkipUnreadable { get; init; }

    /// <summary>Training images of each class, at least 1; null, the default, is all.</summary>
    public int? PerClass { get; init; }

    /// <summary>The share of each class's training images, above 0 and at most 1; null, the default, is all.</summary>
    public double? Fraction { get; init; }

    /// <summary>The share of the training images that get a wrong label, at least 0, the default, and below 1.</summary>
    public double LabelNoise { get; init; }

    /// <summary>The share of each class's images that are tested on, where no test part is shipped, inside 0 and 1; null, the default, is a fifth.</summary>
    public double? TestFraction { get; init; }

    /// <summary>
    /// The share of what is left then that validation takes, where no validation part is shipped, inside 0 and 1; null, the default, is a fifth.
    /// </summary>
    public double? ValidationFraction { get; init; }

    /// <summary>Whether an image is left out that equals an earlier one, pixel by pixel: of training, validation, test part. Default: no.</summary>
    public bool DropDuplicates { get; init; }

    /// <summary>
    /// The digits demo: labelled training images a class, 1 to <see cref="DigitsDemo.MostShots"/>; null is <see cref="DigitsDemo.DefaultShots"/>.
    /// </summary>
    public int? Shots { get; init; }

    /// <summary>Decodes the images.</summary>
    /// <param name="options">The side that they are stored at, and how; <see cref="SkipUnreadable"/> is this recipe's.</param>
    /// <param name="progress">Told how many images are decoded.</param>
    /// <param name="cancellation">Stops decoding.</param>
    /// <exception cref="DataException">There is no such data, or it cannot be used.</exception>
    public ImageData Open(ImageSourceOptions options, IProgress<DecodingProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ImageData data = Read(options with { SkipUnreadable = SkipUnreadable }, progress, cancellation);
        // Shares that were said are meant, whatever parts a published form of the data is cut into.
        if (TestFraction is not null || ValidationFraction is not null)
            data = data with { Rule = null };
        return DropDuplicates ? data.WithoutDuplicates() : data;
    }

    private ImageData Read(ImageSourceOptions options, IProgress<DecodingProgress>? progress, CancellationToken cancellation)
    {
        if (Dataset is null)
            return ImageSources.Open(Source, options, progress, cancellation);
        PublishedLayout layout = PublishedLayout.Find(Dataset)
            ?? throw new Settings.SettingException("dataset", Dataset, string.Join(", ", PublishedLayout.All.Select(l => l.Name)));
        return layout.Load(Source, options, progress, cancellation);
    }

    /// <summary>How the images are cut for a seed: it chooses the validation images and the shots; the test images are the same for all seeds.</summary>
    /// <param name="seed">The seed.</param>
    public SplitOptions SplitFor(long seed)
    {
        var fresh = new SplitOptions();
        return new SplitOptions
        {
            Seed = seed,
            TestSeed = 0,
            TestFraction = TestFraction ?? fresh.TestFraction,
            ValidationFraction = ValidationFraction ?? fresh.ValidationFraction,
            PerClass = PerClass,
            Fraction = Fraction,
            LabelNoise = LabelNoise,
        };
    }
}
