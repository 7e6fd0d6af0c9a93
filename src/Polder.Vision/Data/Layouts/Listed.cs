namespace Polder.Vision.Data.Layouts;

/// <summary>An image that a list names.</summary>
/// <param name="Path">The file.</param>
/// <param name="Class">The class's number.</param>
internal readonly record struct ListedImage(string Path, int Class);

/// <summary>What the loaders of published sets share: finding the root, reading lists, decoding parts.</summary>
internal static class Listed
{
    /// <summary>The folder that the layout begins in: the one given, or one of those that archives make in it.</summary>
    /// <param name="folder">The user's folder.</param>
    /// <param name="what">What is looked for, for the message.</param>
    /// <param name="isRoot">Whether a folder is it.</param>
    /// <param name="below">Folders below to try, the nearest first.</param>
    public static string Root(string folder, string what, Predicate<string> isRoot, params IReadOnlyList<string> below) =>
        below.Select(b => Path.Combine(folder, b)).Prepend(folder).FirstOrDefault(f => Directory.Exists(f) && isRoot(f))
        ?? throw new DataException(folder, $"does not hold {what}, nor does a folder in it ({string.Join(", ", below)})");

    /// <summary>The lines of a list that are not blank, with their numbers from 1.</summary>
    public static IEnumerable<(int Number, string Text)> Lines(string path)
    {
        string[] lines = TextTable.ReadText(path).ReplaceLineEndings("\n").Split('\n');
        return lines.Select((text, i) => (i + 1, text.Trim())).Where(line => line.Item2.Length > 0);
    }

    /// <summary>The lines of a list as a key, a space and the rest: <c>1 001.Black_footed_Albatross</c>.</summary>
    public static IEnumerable<(int Number, string Key, string Value)> Pairs(string path)
    {
        foreach ((int number, string text) in Lines(path))
        {
            int space = text.IndexOf(' ', StringComparison.Ordinal);
            if (space < 1)
                throw new DataException(path, $"line {number} is '{text}'; a key, a space and a value are needed");
            yield return (number, text[..space], text[(space + 1)..].Trim());
        }
    }

    /// <summary>Decodes the parts of a set; a part of no image is absent.</summary>
    /// <exception cref="DataException">A file is missing, or a class has no training image.</exception>
    public static ImageData Decode(
        LayoutRequest request, string name, IReadOnlyList<string> classes, IReadOnlyList<ListedImage> train, IReadOnlyList<ListedImage>? validation = null,
        IReadOnlyList<ListedImage>? test = null)
    {
        if (classes.Count < 2)
            throw new DataException(request.Folder, $"has {classes.Count} class(es); 2 or more are needed");
        IReadOnlyList<ListedImage>[] parts = [train, validation ?? [], test ?? []];
        // All at once before an hour of decoding.
        if (parts.SelectMany(p => p).Select(i => i.Path).FirstOrDefault(p => !File.Exists(p)) is { } missing)
            throw new DataException(missing, "is in the list, but there is no such file");
        var decoding = new Decoding(request.Options, parts.Sum(p => p.Count), request.Progress, request.Cancellation);
        ImageSet? Part(IReadOnlyList<ListedImage> images) => images.Count == 0
            ? null
            : decoding.Decode(new Listing([.. images.Select(i => i.Path)], [.. images.Select(i => i.Class)]), classes);
        ImageSet trained = Part(train) ?? throw new DataException(request.Folder, "has no image for training");
        return new ImageData(name, trained, Part(parts[1]), Part(parts[2])) { Skipped = decoding.Skipped };
    }
}
