namespace Polder.Vision.Data;

/// <summary>
/// A folder a class: <c>DIR/class/image.jpg</c>, or <c>DIR/train/class/image.jpg</c> with <c>val</c> and <c>test</c> beside it, in any case and as
/// people call them (<c>Training</c>, <c>valid</c>, <c>validation</c>, <c>dev</c>, <c>Testing</c>, <c>test_set</c>). Classes that are whole
/// numbers are sorted by value, other classes and files by their names' code points, so the order is the same on every machine; files may lie deeper
/// in a class's folder. Hidden files and folders, those that
/// other programs leave, and files that are no images are passed over; images that are not used are in <see cref="ImageData.Warnings"/>.
/// </summary>
public static class ImageFolder
{
    /// <summary>Decodes all images, several at a time.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Image size and threads; null: the defaults.</param>
    /// <param name="progress">Told how many images are decoded.</param>
    /// <param name="cancellation">Stops decoding with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="DataException">
    /// No such folder, fewer than two classes, an empty class, two folders for one part, a link that leads to a folder again, images that cannot be decoded.
    /// </exception>
    public static ImageData Load(
        string folder, ImageSourceOptions? options = null, IProgress<DecodingProgress>? progress = null, CancellationToken cancellation = default) =>
        Load(folder, options, leftOut: null, progress, cancellation);

    /// <summary>The same without one class.</summary>
    internal static ImageData Load(
        string folder, ImageSourceOptions? options, string? leftOut, IProgress<DecodingProgress>? progress, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options ??= new ImageSourceOptions();
        if (!Directory.Exists(folder))
            throw new DataException(folder, File.Exists(folder) ? "is a file; data is a folder of images" : "there is no such folder");
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        // A class may be called "train", too: it is a part of the data only where it holds folders itself.
        ILookup<DataPart?, string> parts = ImageFiles.Folders(folder)
            .Where(path => PartOf(path) is not null && ImageFiles.Folders(path).Count > 0).ToLookup(PartOf);
        string? train = Part(DataPart.Train), validation = Part(DataPart.Validation), test = Part(DataPart.Test), unclear = Part(DataPart.Unclear);
        if (train is null && (validation ?? test ?? unclear) is { } alone)
        {
            if (!options.ToJudge)
                throw new DataException(folder, $"has {Path.GetFileName(alone)}/ but no train/ with class folders");
            if (test is null)
                (test, unclear) = (unclear, null); // what it is makes no difference where nothing is trained
        }
        if (unclear is not null)
            throw new DataException(unclear, "may be the validation or the test part: call it val (it chooses the epoch) or test (it is reported)");

        var files = new ImageFiles();
        Dictionary<string, string> folders = train is null && (validation ?? test) is not null ? [] : ClassesIn(train ?? folder);
        if (leftOut is not null)
            folders.Remove(leftOut);
        IEnumerable<string> named = folders.Keys;
        if (options.ToJudge)
            named = named.Union(new[] { validation, test }.OfType<string>().SelectMany(part => ClassesIn(part).Keys));
        string[] classes = SortedClasses(train ?? folder, named, options.ToJudge);
        Listing training = List(files, folders, classes, demanded: !options.ToJudge) ?? new Listing([], []);
        Listing? validating = validation is null ? null : List(files, ClassesIn(validation), classes);
        Listing? testing = test is null ? null : List(files, ClassesIn(test), classes);

        string[] all = [.. new[] { training, validating, testing }.OfType<Listing>().SelectMany(listing => listing.Files)];
        if (all.Length == 0)
            throw new DataException(folder, $"holds no image in the folders of its classes; allowed are {string.Join(", ", ImageDecoder.Endings)}");
        // Named at once, before hours of decoding; where they may be left out, the decoder counts them with the others.
        string[] foreign = [.. all.Where(path => !options.SkipUnreadable && ImageDecoder.ForeignEndings.Contains(Path.GetExtension(path)))];
        if (Decoding.Together([.. foreign.Select(NotDecodable)]) is { } refusal)
            throw refusal;
        var decoding = new Decoding(options, all.Length, progress, cancellation);
        return new ImageData(
            name, decoding.Decode(training, classes), validating is null ? null : decoding.Decode(validating, classes),
            testing is null ? null : decoding.Decode(testing, classes))
        {
            Skipped = decoding.Skipped,
            Warnings = [.. Warnings(folder, [train, validation, test], classes, files.OtherwiseNamed)],
        };

        string? Part(DataPart part) => parts[part].ToArray() is { Length: > 1 } several
            ? throw new DataException(folder,
                $"has {string.Join(" and ", several.Select(path => Path.GetFileName(path) + "/"))}, "
                    + $"which mean one part, {$"{part}".ToLowerInvariant()}; keep one")
            : parts[part].FirstOrDefault();
    }

    private static DataPart? PartOf(string path) => DataParts.Of(Path.GetFileName(path));

    private static Dictionary<string, string> ClassesIn(string folder)
    {
        var classes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in ImageFiles.Folders(folder))
            if (UnicodeForm.Composed(Path.GetFileName(path)) is var name && !classes.TryAdd(name, path))
                throw new DataException(path, $"is class '{name}' once more, in another Unicode form; put the images into one folder");
        return classes;
    }

    private static string[] SortedClasses(string folder, IEnumerable<string> names, bool toJudge)
    {
        string[] classes = ClassNames.Sorted(names);
        if (classes.Length > 1 && Array.TrueForAll(classes, name => PartOf(name) is not null))
            throw new DataException(folder,
                $"has {string.Join("/, ", classes)}/, which are parts, but no folders of classes in them: DIR/train/<class>/<image>");
        return classes.Length switch
        {
            0 => throw new DataException(folder, "has no folder in it; a folder a class is needed: DIR/<class>/<image>, or DIR/train/<class>/<image>"),
            1 when !toJudge => throw new DataException(folder, $"has one class only, '{classes[0]}'; 2 or more are needed, each a folder"),
            _ => classes,
        };
    }

    // Null where there is no image.
    private static Listing? List(ImageFiles images, Dictionary<string, string> folders, string[] classes, bool demanded = false)
    {
        var files = new List<string>();
        var labels = new List<int>();
        foreach ((int label, string path) in folders.Select(f => (Array.IndexOf(classes, f.Key), f.Value)).OrderBy(f => f.Item1))
        {
            List<string> found = images.Under(path);
            if (found.Count == 0 && demanded)
                throw new DataException(path, $"has no image; a class needs at least one ({string.Join(", ", ImageDecoder.Endings)})");
            if (found.Count > 0 && label < 0)
                throw new DataException(path, $"is a class that the training part lacks; it has {classes.Length}: {Sample(classes)}");
            files.AddRange(found);
            labels.AddRange(Enumerable.Repeat(label, found.Count));
        }

        return files.Count == 0 ? null : new Listing(files, labels);
    }

    private static IEnumerable<string> Warnings(string folder, string?[] parts, string[] classes, IReadOnlyList<string> otherwiseNamed)
    {
        var unused = new List<(string Where, IReadOnlyList<string> Files)>();
        foreach (string place in parts.OfType<string>().Append(folder))
            unused.Add(($"beside the folders of {Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(place)))}/", ImageFiles.Loose(place)));
        if (parts[0] is not null)
            foreach (string place in ImageFiles.Folders(folder).Except(parts.OfType<string>()))
                unused.Add(($"in {Path.GetFileName(place)}/{(PartOf(place) is null ? "" : ", which has no folders of classes")}", ImageFiles.Glimpse(place)));
        else if (Array.Find(classes, name => PartOf(name) is not null) is { } part)
            yield return $"{folder}: '{part}' is taken as a class, though it is the name of a part: "
                + "a part has folders of classes, and there is a train/ beside it";
        unused.Add(("whose ending is none of an image, though the content is", otherwiseNamed));
        string[] found = [.. unused.Where(u => u.Files.Count > 0).Select(u => $"{u.Files.Count} {u.Where}, such as {u.Files[0]}")];
        if (found.Length > 0)
            yield return $"{folder}: {unused.Sum(u => u.Files.Count)} image(s) are not used: {string.Join("; ", found)}";
    }

    private static ImageDecodingException NotDecodable(string path) =>
        new(path, $"{Path.GetExtension(path)} images cannot be decoded; allowed are {string.Join(", ", ImageDecoder.Endings)}");

    private static string Sample(string[] classes) => string.Join(", ", classes.Take(5)) + (classes.Length > 5 ? ", ..." : "");
}
