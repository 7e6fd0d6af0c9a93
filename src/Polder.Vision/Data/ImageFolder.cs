namespace Polder.Vision.Data;

/// <summary>
/// A folder a class: <c>DIR/class/image.jpg</c>, or <c>DIR/train/class/image.jpg</c> with <c>val</c> (or <c>valid</c>, <c>validation</c>) and
/// <c>test</c> beside it. Classes that are whole numbers are sorted by value, other classes and files by their names' code points, so the order is
/// the same on every machine; files may lie deeper in a class's folder; hidden files and folders and files that are no images are passed over.
/// </summary>
public static class ImageFolder
{
    private static readonly string[] TrainNames = ["train"];
    private static readonly string[] ValidationNames = ["val", "valid", "validation"];
    private static readonly string[] TestNames = ["test"];

    /// <summary>Decodes all images, several at a time.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Image size and threads; null: the defaults.</param>
    /// <param name="progress">Told how many images are decoded.</param>
    /// <param name="cancellation">Stops decoding with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="DataException">No such folder, fewer than two classes, an empty class, an image that cannot be decoded.</exception>
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
        string? train = Part(folder, TrainNames), validation = Part(folder, ValidationNames), test = Part(folder, TestNames);
        if (train is null && (validation ?? test) is not null && ClassFolders(folder).All(IsOtherPart))
            throw new DataException(folder, $"has {Path.GetFileName(validation ?? test)}/ but no train/ with class folders");

        IReadOnlyList<string> classes = TrainingClasses(train ?? folder, leftOut);
        Listing training = List(train ?? folder, classes, options.SkipUnreadable, mayLack: false, leftOut);
        Listing? validating = train is null || validation is null ? null : List(validation, classes, options.SkipUnreadable, mayLack: true);
        Listing? testing = train is null || test is null ? null : List(test, classes, options.SkipUnreadable, mayLack: true);

        int total = training.Files.Count + (validating?.Files.Count ?? 0) + (testing?.Files.Count ?? 0);
        var decoding = new Decoding(options, total, progress, cancellation);
        return new ImageData(
            name, decoding.Decode(training, classes), validating is null ? null : decoding.Decode(validating, classes),
            testing is null ? null : decoding.Decode(testing, classes))
        {
            Skipped = decoding.Skipped,
        };
    }

    private static string? Part(string folder, string[] names) =>
        names.Select(n => Path.Combine(folder, n)).FirstOrDefault(path => Directory.Exists(path) && ClassFolders(path).Count > 0);

    private static bool IsOtherPart(string path) => ValidationNames.Concat(TestNames).Contains(Path.GetFileName(path));

    private static List<string> ClassFolders(string folder) =>
        [.. Directory.GetDirectories(folder).Where(path => !Path.GetFileName(path).StartsWith('.')).Order(StringComparer.Ordinal)];

    private static string[] TrainingClasses(string folder, string? leftOut)
    {
        string[] classes = ClassNames.Sorted(ClassFolders(folder).Select(path => Path.GetFileName(path)).Where(name => name != leftOut));
        return classes.Length switch
        {
            0 => throw new DataException(folder, "has no folder in it; a folder a class is needed: DIR/<class>/<image>, or DIR/train/<class>/<image>"),
            1 => throw new DataException(folder, $"has one class only, '{classes[0]}'; 2 or more are needed, each a folder"),
            _ => classes,
        };
    }

    private static Listing List(string folder, IReadOnlyList<string> classes, bool skipUnreadable, bool mayLack, string? leftOut = null)
    {
        foreach (string path in ClassFolders(folder))
            if (Path.GetFileName(path) is var name && name != leftOut && !classes.Contains(name))
                throw new DataException(path, $"is a class that the training part lacks; it has {classes.Count}: {Sample(classes)}");
        var files = new List<string>();
        var labels = new List<int>();
        for (int label = 0; label < classes.Count; label++)
        {
            string path = Path.Combine(folder, classes[label]);
            if (mayLack && !Directory.Exists(path))
                continue;
            int before = files.Count;
            files.AddRange(Images(path, skipUnreadable));
            if (files.Count == before)
                throw new DataException(path, $"has no image; a class needs at least one ({string.Join(", ", ImageDecoder.Endings)})");
            labels.AddRange(Enumerable.Repeat(label, files.Count - before));
        }

        return new Listing(files, labels);
    }

    private static IEnumerable<string> Images(string folder, bool skipUnreadable)
    {
        var everything = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.System | FileAttributes.Hidden };
        foreach (string path in Directory.EnumerateFiles(folder, "*", everything).Order(StringComparer.Ordinal))
        {
            string ending = Path.GetExtension(path);
            bool foreign = ImageDecoder.ForeignEndings.Contains(ending);
            // Named at once, before hours of decoding; where it may be left out, the decoder counts it with the others.
            if (foreign && !skipUnreadable)
                throw new ImageDecodingException(path, $"{ending} images cannot be decoded; allowed are {string.Join(", ", ImageDecoder.Endings)}");
            if (foreign || ImageDecoder.Endings.Contains(ending))
                yield return path;
        }
    }

    private static string Sample(IReadOnlyList<string> classes) => string.Join(", ", classes.Take(5)) + (classes.Count > 5 ? ", ..." : "");
}
