using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Polder.Onnx.Importing;

/// <summary>What a file, or what lies beside it, says of its images and classes.</summary>
/// <param name="Names">The names of the classes, in the order of the logits; null where nothing says them.</param>
/// <param name="Normalization">How pixels become inputs; null where nothing says it.</param>
/// <param name="ImageSize">The side of the images; null where nothing says it.</param>
/// <param name="IsBgr">Whether blue comes first.</param>
internal sealed record FileFacts(IReadOnlyList<string>? Names, Normalization? Normalization, int? ImageSize, bool IsBgr)
{
    private const int MostNames = 100_000;

    /// <summary>Reads them: Polder's own entries, Ultralytics' and ONNX's words for images, and a labels.txt.</summary>
    public static FileFacts Of(OnnxFile file)
    {
        IReadOnlyDictionary<string, string> entries = file.Model.Metadata;
        IReadOnlyList<string>? names = Texts(entries.GetValueOrDefault("classes")) ?? Literal(entries.GetValueOrDefault("names")) ?? Labels(file.Path);
        float[]? size = Numbers(entries.GetValueOrDefault("imageSize")) ?? Numbers(entries.GetValueOrDefault("imgsz"));
        bool isSquare = size is { Length: > 0 } && size.All(s => s == size[0] && s is >= 1 and <= 4096 && s == (int)s);
        return new FileFacts(names, NormalizationOf(entries), isSquare ? (int)size![0] : null,
            entries.GetValueOrDefault("Image.BitmapPixelFormat")?.StartsWith("Bgr", StringComparison.OrdinalIgnoreCase) == true);
    }

    private static Normalization? NormalizationOf(IReadOnlyDictionary<string, string> entries)
    {
        string range = entries.GetValueOrDefault("input") switch
        {
            "Pixels01" or "pixels01" => "Normalized_0_1",
            "Pixels255" or "pixels255" or "BytesNhwc" or "bytes-nhwc" => "NominalRange_0_255",
            null => entries.GetValueOrDefault("Image.NominalPixelRange", ""),
            _ => "",
        };
        if (range == "Normalized_0_1")
            return new Normalization([0], [1]);
        if (range == "NominalRange_0_255")
            return new Normalization([0], [1 / 255f]);
        if (Numbers(entries.GetValueOrDefault("mean")) is not { } mean
            || Numbers(entries.GetValueOrDefault("standardDeviation") ?? entries.GetValueOrDefault("std")) is not { } deviation)
            return null;
        // Some count pixels from 0 to 255.
        float scale = mean.Concat(deviation).Any(v => v > 4) ? 255 : 1;
        return mean.Length == deviation.Length && mean.Length is 1 or 3 && mean.All(float.IsFinite) && deviation.All(d => d > 0 && float.IsFinite(d))
            ? new Normalization([.. mean.Select(m => m / scale)], [.. deviation.Select(d => d / scale)]) : null;
    }

    private static float[]? Numbers(string? text) => Json<float[]>(text?.TrimStart().StartsWith('[') == false ? $"[{text}]" : text);

    private static string[]? Texts(string? text) => Json<string[]>(text) is { Length: > 0 } names && Array.TrueForAll(names, n => n is not null) ? names : null;

    private static T? Json<T>(string? text)
        where T : class
    {
        try
        {
            return text is null ? null : JsonSerializer.Deserialize<T>(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // A literal of Python, as Ultralytics writes it: {0: 'cat', 1: "it's"}; a list of texts, too.
    internal static string[]? Literal(string? text)
    {
        if (text is null || text.Length < 2 || text[0] is not ('{' or '['))
            return null;
        var names = new SortedDictionary<int, string>();
        bool keyed = text[0] == '{';
        int at = 1;
        while (at < text.Length && names.Count < MostNames)
        {
            while (at < text.Length && (char.IsWhiteSpace(text[at]) || text[at] == ','))
                at++;
            if (at >= text.Length || text[at] is '}' or ']')
                return names.Count > 1 && names.Keys.Last() == names.Count - 1 ? [.. names.Values] : null;
            int key = names.Count;
            if (keyed)
            {
                int colon = text.IndexOf(':', at);
                if (colon < 0 || !int.TryParse(text.AsSpan(at, colon - at), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite,
                    CultureInfo.InvariantCulture, out key))
                    return null;
                at = colon + 1;
                while (at < text.Length && char.IsWhiteSpace(text[at]))
                    at++;
            }
            if (at >= text.Length || text[at] is not ('\'' or '"') || Quoted(text, ref at) is not { } name || key < 0 || !names.TryAdd(key, name))
                return null;
        }
        return null;
    }

    private static string? Quoted(string text, ref int at)
    {
        char quote = text[at++];
        var name = new StringBuilder();
        while (at < text.Length && text[at] != quote)
        {
            char letter = text[at++];
            if (letter != '\\' || at >= text.Length)
                name.Append(letter);
            else if (text[at] == 'x' && at + 2 < text.Length && int.TryParse(text.AsSpan(at + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture,
                out int code))
                (_, at) = (name.Append((char)code), at + 3);
            else
                name.Append(text[at++] switch { 'n' => '\n', 't' => '\t', var other => other });
        }
        return at++ < text.Length ? name.ToString() : null;
    }

    private static string[]? Labels(string path)
    {
        string file = Path.Combine(Path.GetDirectoryName(path) ?? "", OnnxExport.LabelsName);
        if (!File.Exists(file) || new FileInfo(file).Length > 1 << 22)
            return null;
        string[] names = [.. File.ReadAllLines(file).Select(line => line.Trim()).Where(line => line.Length > 0)];
        return names.Length > 1 && names.Distinct().Count() == names.Length ? names : null;
    }
}
