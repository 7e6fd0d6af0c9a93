using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Experiments.Cells;

/// <summary>
/// All finished cells of a folder as one text file, a line of JSON each, sorted by their keys: a form that is kept in a repository, and from which a
/// folder is filled again on another machine.
/// </summary>
public static class CellArchive
{
    /// <summary>The name of the file in a run folder.</summary>
    public const string FileName = "runs.jsonl";

    private static readonly JsonSerializerOptions Compact = new(ResultJson.Options) { WriteIndented = false };

    /// <summary>Writes what a folder holds.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="path">The file, which is replaced.</param>
    /// <returns>The number of cells.</returns>
    public static int Write(CellFolder folder, string path)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentException.ThrowIfNullOrEmpty(path);
        string[] files = [.. Directory.EnumerateFiles(folder.Path, "*.json").Where(f => !Path.GetFileName(f).StartsWith('.')).Order(StringComparer.Ordinal)];
        string[] lines = [.. files.Select(file =>
        {
            JsonObject cell = Parse(File.ReadAllText(file), file);
            // The machine's name is nobody's business; its processor, on which roundings depend, is.
            cell.Remove("host");
            cell.Insert(0, "key", Path.GetFileNameWithoutExtension(file));
            return cell.ToJsonString(Compact) + "\n";
        })];
        AtomicFile.WriteSharedText(path, string.Concat(lines));
        return lines.Length;
    }

    /// <summary>Puts the cells of a file into a folder; those that are there stay as they are.</summary>
    /// <param name="path">The file.</param>
    /// <param name="folder">The folder.</param>
    /// <returns>The number of cells that were new.</returns>
    /// <exception cref="DataException">There is no such file, or a line is none of it.</exception>
    public static int Restore(string path, CellFolder folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(folder);
        if (!File.Exists(path))
            throw new DataException(path, "there is no such file of finished runs");
        (string Key, JsonObject Cell)[] cells = [.. File.ReadLines(path).Index().Where(line => line.Item.Length > 0).Select(line =>
        {
            string place = $"{path}, line {line.Index + 1}";
            JsonObject cell = Parse(line.Item, place);
            string key = cell["key"] is JsonValue value && value.TryGetValue(out string? text) && text.AsSpan().IndexOfAny("/\\.") < 0 && text.Length > 0
                ? text : throw new DataException(place, "has no key");
            cell.Remove("key");
            return (key, cell);
        })];
        // All lines are right before the first is kept.
        return cells.Count(cell => Path.Combine(folder.Path, cell.Key + ".json") is var file && !File.Exists(file)
            && AtomicFile.TryCreateText(file, ResultJson.Text(cell.Cell)));
    }

    private static JsonObject Parse(string text, string origin)
    {
        try
        {
            return JsonNode.Parse(text) is JsonObject json && json["settings"] is JsonObject && json["outcome"] is JsonObject
                ? json : throw new DataException(origin, "is no finished run");
        }
        catch (JsonException e)
        {
            throw new DataException(origin, $"is no finished run: {e.Message}", e);
        }
    }
}
