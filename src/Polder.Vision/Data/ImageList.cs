namespace Polder.Vision.Data;

/// <summary>
/// A csv list of images in UTF-8: a header that names a column of paths, one of labels and perhaps one of splits, in any order and beside others, with
/// commas, semicolons or tabs between them; then an image a line. Paths are relative to the list; a split is train, val or
/// test, in the words that the parts' folders may have.
/// Classes are the labels, sorted by code points (whole numbers by value). A field may stand in double quotes (RFC 4180).
/// </summary>
public static class ImageList
{
    // Without what is no letter or digit: image_path is imagepath.
    private static readonly string[][] Columns =
    [
        ["path", "filepath", "filename", "file", "image", "imagepath", "imagefile"],
        ["label", "class", "category", "target", "labelname", "classname"],
        ["split", "part", "set", "partition", "subset"],
    ];

    /// <summary>Decodes all images of the list.</summary>
    /// <param name="path">The .csv file.</param>
    /// <param name="options">Image size and threads; null: the defaults.</param>
    /// <param name="progress">Told how many images are decoded.</param>
    /// <param name="cancellation">Stops decoding with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="DataException">A line is not of this form, an image is missing or cannot be decoded, or there are fewer than two classes.</exception>
    public static ImageData Load(
        string path, ImageSourceOptions? options = null, IProgress<DecodingProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new ImageSourceOptions();
        List<Row> rows = ReadRows(path, out IReadOnlyList<string> ignored);
        string[] classes = ClassNames.Sorted(rows.Where(row => options.ToJudge || row.Part == DataPart.Train).Select(row => row.Label).Distinct());
        if (classes.Length < (options.ToJudge ? 1 : 2))
            throw new DataException(path, options.ToJudge ? "names no image" : $"has {classes.Length} class(es) for training; 2 or more are needed");
        var numbers = classes.Select((name, number) => (name, number)).ToDictionary(p => p.name, p => p.number, StringComparer.Ordinal);
        if (rows.Find(row => !numbers.ContainsKey(row.Label)) is Row stranger)
            throw new DataException(path, $"line {stranger.Line}: class '{stranger.Label}' has no image for training");
        var decoding = new Decoding(options, rows.Count, progress, cancellation);
        ImageSet? Decode(DataPart part)
        {
            Row[] chosen = [.. rows.Where(row => row.Part == part)];
            return chosen.Length == 0 && part != DataPart.Train
                ? null
                : decoding.Decode(new Listing([.. chosen.Select(row => row.Path)], [.. chosen.Select(row => numbers[row.Label])]), classes);
        }

        return new ImageData(Path.GetFileNameWithoutExtension(path), Decode(DataPart.Train)!, Decode(DataPart.Validation), Decode(DataPart.Test))
        {
            Skipped = decoding.Skipped,
            Remarks = ignored.Count == 0 ? [] : [$"{path}: columns that are not read: {string.Join(", ", ignored)}"],
        };
    }

    private static List<Row> ReadRows(string path, out IReadOnlyList<string> ignored)
    {
        string text = TextTable.ReadText(path);
        (char separator, List<string> header, int[] columns) = Header(path, text);
        ignored = [.. header.Where((_, i) => !columns.Contains(i)).Select(name => name.Length == 0 ? "an index" : name)];
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var rows = new List<Row>();
        foreach ((int line, List<string>? fields) in TextTable.Records(text, separator).Skip(1))
        {
            if (fields?.Count != header.Count || columns.Any(c => c >= 0 && string.IsNullOrWhiteSpace(fields[c])))
                throw new DataException(path, fields is null ? $"line {line}: a quote is not closed, or stands within a field"
                    : $"line {line} is '{string.Join(separator, fields)}'; {header.Count} fields are needed: {string.Join(separator, header)}");
            string label = UnicodeForm.Composed(fields[columns[1]]);
            rows.Add(new Row(line, Path.Combine(folder, fields[columns[0]]), label, columns[2] < 0 ? DataPart.Train : PartOf(path, line, fields[columns[2]])));
        }

        return rows;
    }

    // The first line tells the separator: the one with which it names both an image and a class.
    private static (char Separator, List<string> Names, int[] Columns) Header(string path, string text)
    {
        foreach (char separator in (char[])[',', ';', '\t'])
        {
            if (TextTable.Records(text, separator).FirstOrDefault().Fields is not { } names)
                continue;
            string[] plain = [.. names.Select(name => new string([.. name.Where(char.IsLetterOrDigit)]).ToLowerInvariant())];
            int[][] found = [.. Columns.Select(known => Enumerable.Range(0, plain.Length).Where(i => known.Contains(plain[i])).ToArray())];
            if (found[0].Length == 0 || found[1].Length == 0)
                continue;
            if (Array.Find(found, columns => columns.Length > 1) is { } several)
                throw new DataException(path,
                    $"has the columns {string.Join(" and ", several.Select(i => $"'{names[i]}'"))}, which mean the same; one of them is needed");
            return (separator, names, [.. found.Select(columns => columns.Length == 0 ? -1 : columns[0])]);
        }
        throw new DataException(path, $"begins with '{text.AsSpan(0, text.AsSpan().IndexOfAny('\r', '\n') is var end and >= 0 ? end : text.Length)}'; "
            + $"the first line is path,label or path,label,split, or names a column of each: "
                + $"{string.Join("; ", Columns.Select(known => string.Join(", ", known)))} (may lack)");
    }

    private static DataPart PartOf(string path, int line, string split) => DataParts.Of(split) switch
    {
        DataPart.Unclear => throw new DataException(path, $"line {line}: split is '{split}', which may be the validation or the test part: say val or test"),
        { } part => part,
        null => throw new DataException(path, $"line {line}: split is '{split}'; allowed are train, val and test"),
    };

    private sealed record Row(int Line, string Path, string Label, DataPart Part);
}
