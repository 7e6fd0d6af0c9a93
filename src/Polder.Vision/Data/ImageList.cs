namespace Polder.Vision.Data;

/// <summary>
/// A csv list of images: a header <c>path,label</c> or <c>path,label,split</c>, then an image a line. Paths are relative to the list; a split is train,
/// val (or valid, validation) or test. Classes are the labels, sorted by code points (whole numbers by value). A field may stand in double quotes.
/// </summary>
public static class ImageList
{
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
        List<Row> rows = ReadRows(path);
        string[] classes = [.. Sorted(rows.Where(row => row.Part == Part.Train).Select(row => row.Label).Distinct())];
        if (classes.Length < 2)
            throw new DataException(path, $"has {classes.Length} class(es) for training; 2 or more are needed");
        var numbers = classes.Select((name, number) => (name, number)).ToDictionary(p => p.name, p => p.number, StringComparer.Ordinal);
        if (rows.Find(row => !numbers.ContainsKey(row.Label)) is Row stranger)
            throw new DataException(path, $"line {stranger.Line}: class '{stranger.Label}' has no image for training");
        var decoding = new Decoding(options, rows.Count, progress, cancellation);
        ImageSet? Decode(Part part)
        {
            Row[] chosen = [.. rows.Where(row => row.Part == part)];
            return chosen.Length == 0
                ? null
                : decoding.Decode(new Listing([.. chosen.Select(row => row.Path)], [.. chosen.Select(row => numbers[row.Label])]), classes);
        }

        return new ImageData(Path.GetFileNameWithoutExtension(path), Decode(Part.Train)!, Decode(Part.Validation), Decode(Part.Test))
        {
            Skipped = decoding.Skipped,
        };
    }

    private static List<Row> ReadRows(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DataException(path, $"cannot be read ({exception.Message})", exception);
        }

        string header = lines.Length == 0 ? "" : lines[0].Trim().ToLowerInvariant();
        int columns = header switch
        {
            "path,label" => 2,
            "path,label,split" => 3,
            _ => throw new DataException(path, $"begins with '{header}'; the first line is path,label or path,label,split"),
        };
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var rows = new List<Row>(lines.Length);
        for (int i = 1; i < lines.Length; i++)
        {
            if (string.IsNullOrWhiteSpace(lines[i]))
                continue;
            List<string>? fields = Fields(lines[i]);
            if (fields?.Count != columns || fields.Exists(string.IsNullOrEmpty))
                throw new DataException(path, $"line {i + 1} is '{lines[i]}'; {columns} fields are needed: {header}");
            rows.Add(new Row(i + 1, Path.Combine(folder, fields[0]), fields[1], columns == 2 ? Part.Train : PartOf(path, i + 1, fields[2])));
        }

        return rows;
    }

    private static Part PartOf(string path, int line, string split) => split.ToLowerInvariant() switch
    {
        "train" => Part.Train,
        "val" or "valid" or "validation" => Part.Validation,
        "test" => Part.Test,
        _ => throw new DataException(path, $"line {line}: split is '{split}'; allowed are train, val and test"),
    };

    /// <summary>The fields of a line; null where a quote is not closed or stands within a field.</summary>
    private static List<string>? Fields(string line)
    {
        var fields = new List<string>();
        for (int at = 0; ;)
        {
            int end;
            if (at < line.Length && line[at] == '"')
            {
                // A quoted field ends at a quote that is not doubled.
                for (end = at + 1; end < line.Length && (line[end] != '"' || (end + 1 < line.Length && line[end + 1] == '"')); end++)
                    end += line[end] == '"' ? 1 : 0;
                if (end >= line.Length || (end + 1 < line.Length && line[end + 1] != ','))
                    return null;
                fields.Add(line[(at + 1)..end].Replace("\"\"", "\"", StringComparison.Ordinal));
                end++;
            }
            else
            {
                end = line.IndexOf(',', at) is int comma and >= 0 ? comma : line.Length;
                fields.Add(line[at..end].Trim());
            }

            if (end >= line.Length)
                return fields;
            at = end + 1;
        }
    }

    private static IEnumerable<string> Sorted(IEnumerable<string> labels)
    {
        string[] names = [.. labels];
        // Grades 0 to 10 must not come out as 0, 1, 10, 2.
        return names.All(name => long.TryParse(name, out _)) ? names.OrderBy(long.Parse) : names.Order(StringComparer.Ordinal);
    }

    private enum Part
    {
        Train,
        Validation,
        Test,
    }

    private sealed record Row(int Line, string Path, string Label, Part Part);
}
