using System.IO.Compression;
using System.Text.Json.Nodes;

namespace Polder.MlNet;

/// <summary>An image: its file and its class.</summary>
internal sealed record LabelledImage(string Path, string Label);

/// <summary>The images of one training: exactly those that Polder was given, in the same two parts.</summary>
/// <param name="Name">The list or the run.</param>
/// <param name="Train">What may be learnt from. Polder takes its validation images from these; ML.NET needs none, so it trains on all of them.</param>
/// <param name="Test">What is judged.</param>
internal sealed record ImagePart(string Name, IReadOnlyList<LabelledImage> Train, IReadOnlyList<LabelledImage> Test)
{
    /// <summary>
    /// Lists as Polder reads them: a header, then path and label and perhaps split, between commas, without quotes. Of a list with splits the
    /// first takes the lines train and val, the second the lines test.
    /// </summary>
    public static ImagePart OfList(string train, string test) =>
        new(train, Read(train, split => split is "" or "train" or "val"), Read(test, split => split is "" or "test"));

    /// <summary>A run folder of Polder, by its images.json.gz.</summary>
    public static ImagePart OfRun(string folder)
    {
        using var zip = new GZipStream(File.OpenRead(System.IO.Path.Combine(folder, "images.json.gz")), CompressionMode.Decompress);
        JsonNode images = JsonNode.Parse(zip)!;
        string place = System.IO.Path.GetFullPath((string)images["source"]!, (string)images["directory"]!);
        string above = File.Exists(place) ? System.IO.Path.GetDirectoryName(place)! : place;
        return new ImagePart(folder, [.. Part("train"), .. Part("validation")], [.. Part("test")]);

        IEnumerable<LabelledImage> Part(string name) => images["parts"]![name]!["names"]!.AsArray().Zip(images["parts"]![name]!["labels"]!.AsArray(),
            (path, label) => new LabelledImage(System.IO.Path.GetFullPath((string)path!, above), $"{label}"));
    }

    private static LabelledImage[] Read(string list, Func<string, bool> isWanted)
    {
        string[][] rows = [.. File.ReadAllLines(list).Where(line => line.Length > 0).Select(line => line.Split(','))];
        string[] header = rows.Length > 0 ? rows[0] : [];
        int path = Array.IndexOf(header, "path"), label = Array.IndexOf(header, "label"), split = Array.IndexOf(header, "split");
        if (path < 0 || label < 0 || Array.Find(rows, row => row.Length != header.Length) is not null)
            throw new InvalidDataException($"{list}: allowed: a header with path, label and perhaps split, and lines of as many fields");
        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(list))!;
        LabelledImage[] images =
        [
            .. rows.Skip(1).Where(row => isWanted(split < 0 ? "" : row[split]))
                .Select(row => new LabelledImage(System.IO.Path.GetFullPath(row[path], folder), row[label])),
        ];
        return images.Length > 0 ? images : throw new InvalidDataException($"{list}: found no image of this part");
    }
}
