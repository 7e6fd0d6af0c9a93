namespace Polder.Vision.Data;

/// <summary>A data set as it is published: the parts that it ships, decoded. <see cref="Split"/> makes the parts that it lacks.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Train">The training part, or everything where no split is shipped.</param>
/// <param name="Validation">The validation part, where one is shipped.</param>
/// <param name="Test">The test part, where one is shipped.</param>
public sealed record ImageData(string Name, ImageSet Train, ImageSet? Validation = null, ImageSet? Test = null)
{
    /// <summary>The names of the classes.</summary>
    public IReadOnlyList<string> Classes => Train.Classes;

    /// <summary>Files that were left out because they could not be decoded, each with its reason; empty unless that was asked for.</summary>
    public IReadOnlyList<ImageDecodingException> Skipped { get; init; } = [];

    /// <summary>What looks like data and is not used, with numbers and an example, in words; empty where there is nothing to say.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What was seen and not used, in words: columns of a list that say nothing of images and classes.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>How the set is usually cut where it ships neither a test nor a validation part; null: by the shares of <see cref="SplitOptions"/>.</summary>
    public SplitRule? Rule { get; init; }

    /// <summary>Every image, uncut: the parts that are shipped one after the other, each in the order of its files.</summary>
    public ImageSet All => new[] { Validation, Test }.OfType<ImageSet>().Aggregate(Train, (all, part) => all.Then(part));

    /// <summary>
    /// The same images among other classes: those that they have and perhaps more, in another order. Where images stood class by class they do
    /// again, so that a set whose order came from another rule is cut as it was cut then.
    /// </summary>
    /// <param name="classes">The names of <see cref="Classes"/> and of classes that have no image here, in the order that they shall have.</param>
    /// <returns>Null where a name of <see cref="Classes"/> is not among them.</returns>
    public ImageData? InOrderOf(IReadOnlyList<string> classes)
    {
        ArgumentNullException.ThrowIfNull(classes);
        string[] all = [.. classes];
        int[] places = [.. Classes.Select(name => Array.IndexOf(all, name))];
        return places.Contains(-1) ? null : this with { Train = Ordered(Train), Validation = Ordered(Validation), Test = Ordered(Test) };

        [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(part))]
        ImageSet? Ordered(ImageSet? part)
        {
            if (part is null)
                return null;
            ImageSet ordered = part.Among(all, places);
            bool byClass = part.Labels.Zip(part.Labels.Skip(1)).All(pair => pair.First <= pair.Second);
            return byClass ? ordered.Subset([.. Enumerable.Range(0, ordered.Count).OrderBy(i => ordered.Labels[i])]) : ordered;
        }
    }

    /// <summary>What somebody who knows some classes can use: those images, in the order of those classes; a warning counts the others.</summary>
    /// <param name="classes">The classes that are known.</param>
    public ImageData KnownAmong(IReadOnlyList<string> classes)
    {
        ArgumentNullException.ThrowIfNull(classes);
        int[] known = [.. Enumerable.Range(0, Classes.Count).Where(c => classes.Contains(Classes[c]))];
        if (known.Length == 0)
            return this;
        ImageData kept = (this with { Train = Train.OfClasses(known), Validation = Validation?.OfClasses(known), Test = Test?.OfClasses(known) })
            .InOrderOf(classes)!;
        string[] others = [.. Classes.Except(classes)];
        return others.Length == 0 ? kept : kept with
        {
            Warnings = [.. Warnings, $"{Name}: {All.Count - kept.All.Count} image(s) of "
                + $"{string.Join(", ", others.Take(5))}{(others.Length > 5 ? ", ..." : "")}, which the run did not know, are left out"],
        };
    }

    /// <summary>One part: as it is shipped, or cut.</summary>
    /// <param name="name">train, validation or test.</param>
    /// <param name="options">Shares and seeds of the cut.</param>
    /// <exception cref="DataException">There is nothing that it could be cut from.</exception>
    public ImageSet Part(string name, SplitOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (Train.Count == 0 && (name == "test" ? Test : name == "validation" ? Validation : null) is null)
            throw new DataException(Name,
                $"has no {name} images: it has {(Test is null ? "a validation part" : Validation is null ? "a test part" : "other parts")} alone");
        return Cut(options).Part(name) is { Count: > 0 } part ? part
            : throw new DataException(Name, $"{Train.Count} images leave none for the {name} part; a class needs 3 images or more");
    }

    /// <summary>
    /// Training, validation and test parts. A shipped part is taken as it is. What is missing is cut from the training part, class by class: first
    /// the test part, by <see cref="SplitOptions.TestSeed"/>, then the validation part, by <see cref="SplitOptions.Seed"/>; then
    /// <see cref="SplitOptions.PerClass"/> or <see cref="SplitOptions.Fraction"/> thins what is left for training, and
    /// <see cref="SplitOptions.LabelNoise"/> disturbs its labels. Where there is a <see cref="Rule"/> it says the numbers.
    /// </summary>
    /// <param name="options">Shares and seeds.</param>
    /// <exception cref="DataException">A class has too few images to be in the training part.</exception>
    public DataSplits Split(SplitOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        DataSplits splits = Cut(options);
        RequireAllClasses("training", splits.Train);
        if (splits.Test.Count == 0 || splits.Validation.Count == 0)
            throw new DataException(Name,
                $"{Train.Count} images leave none for {(splits.Test.Count == 0 ? "testing" : "validation")}; a class needs 3 images or more");
        return options.LabelNoise > 0 ? splits with { Train = splits.Train.WithLabelNoise(options.LabelNoise, options.Seed) } : splits;
    }

    private DataSplits Cut(SplitOptions options)
    {
        (ImageSet train, ImageSet? validation, ImageSet? test) = (Train, Validation, Test);
        if (Rule is not null && test is null && validation is null)
            (train, validation, test) = Stratification.Cut(train, Rule, options.Seed, options.TestSeed ?? options.Seed);
        if (test is null)
            (test, train) = Stratification.Cut(train, options.TestFraction, options.TestSeed ?? options.Seed);
        // The two cuts must not follow the same order where both seeds are equal: they do not, since the second sees other images.
        if (validation is null)
            (validation, train) = Stratification.Cut(train, options.ValidationFraction, options.Seed);
        if (options.PerClass is int count)
            train = train.PerClass(count, options.Seed);
        if (options.Fraction is double fraction)
            train = train.Fraction(fraction, options.Seed);
        return new DataSplits(train, validation, test);
    }

    private void RequireAllClasses(string part, ImageSet set)
    {
        IReadOnlyList<int> counts = set.ClassCounts();
        for (int c = 0; c < counts.Count; c++)
            if (counts[c] == 0)
                throw new DataException(Name, $"class '{Classes[c]}' has no image for {part}");
    }
}

/// <summary>The three parts of a data set; no image is in two of them unless the publisher put it there.</summary>
/// <param name="Train">What is trained on.</param>
/// <param name="Validation">What chooses the checkpoint.</param>
/// <param name="Test">What is reported.</param>
public sealed record DataSplits(ImageSet Train, ImageSet Validation, ImageSet Test)
{
    /// <summary>The part of a name: train, validation or test.</summary>
    /// <exception cref="ArgumentException">There is no such part.</exception>
    public ImageSet Part(string name) => name switch
    {
        "train" => Train,
        "validation" => Validation,
        "test" => Test,
        _ => throw new ArgumentException($"no part is called '{name}'; there are train, validation, test", nameof(name)),
    };
}

/// <summary>How the parts that a data set does not ship are cut.</summary>
public sealed record SplitOptions
{
    /// <summary>The seed of the validation cut and of the shots. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>The seed of the test cut; null (default): <see cref="Seed"/>. Fix it where several seeds share one test set.</summary>
    public long? TestSeed { get; init; }

    /// <summary>Share of the training part that becomes the validation part where none is shipped: between 0 and 1, both excluded. Default 0.2.</summary>
    public double ValidationFraction { get; init => field = Require.Value(value, value is > 0 and < 1, "between 0 and 1, both excluded"); } = 0.2;

    /// <summary>Share of all images that becomes the test part where none is shipped: between 0 and 1, both excluded. Default 0.2.</summary>
    public double TestFraction { get; init => field = Require.Value(value, value is > 0 and < 1, "between 0 and 1, both excluded"); } = 0.2;

    /// <summary>Training images of each class (shots); null (default): all.</summary>
    public int? PerClass { get; init => field = Require.Value(value, value is null or >= 1, "an integer of at least 1"); }

    /// <summary>Share of the training images that get a wrong label (<see cref="ImageSet.WithLabelNoise"/>), 0 to below 1. Default 0.</summary>
    public double LabelNoise { get; init => field = Require.Value(value, value is >= 0 and < 1, "a number of at least 0 and below 1"); }

    /// <summary>Share of each class's training images that is used, above 0, at most 1; null (default): all.</summary>
    public double? Fraction { get; init => field = Require.Value(value, value is null or (> 0 and <= 1), "a number above 0 and at most 1"); }
}
