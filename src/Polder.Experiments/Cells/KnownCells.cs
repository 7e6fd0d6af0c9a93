using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Experiments.Cells;

/// <summary>
/// Finished cells of earlier studies (<see cref="CellArchive"/>), for a folder that has the same ones: what counts are the settings that a cell's outcome
/// depends on, whatever a study calls its methods.
/// </summary>
public sealed class KnownCells
{
    /// <summary>The name of the file in a run folder that was begun with such cells, for all processes that share it.</summary>
    public const string FileName = "known.jsonl";

    private readonly Dictionary<string, JsonObject> _bySettings;

    private KnownCells(Dictionary<string, JsonObject> bySettings) => _bySettings = bySettings;

    /// <summary>The number of cells.</summary>
    public int Count => _bySettings.Count;

    /// <summary>Reads an archive.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="DataException">There is no such file, or a line is none of it: the message names the line.</exception>
    public static KnownCells Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
            throw new DataException(path, "there is no such file of finished runs");
        var cells = new Dictionary<string, JsonObject>();
        foreach ((int number, string line) in File.ReadLines(path).Index().Where(line => line.Item.Length > 0))
        {
            JsonObject cell = Parse(line, $"{path}, line {number + 1}");
            cells.TryAdd(cell["settings"]!.ToJsonString(), cell);
        }
        return new KnownCells(cells);
    }

    /// <summary>Puts into a folder what is known of some cells; those that are there stay as they are.</summary>
    /// <param name="cells">The cells.</param>
    /// <param name="folder">The folder.</param>
    /// <returns>The number of cells that were new.</returns>
    public int Give(IEnumerable<Cell> cells, CellFolder folder)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(folder);
        return cells.Count(cell => _bySettings.TryGetValue(cell.Settings.ToJsonString(), out JsonObject? known) && !folder.Has(cell)
            && folder.TryKeep(cell, known));
    }

    /// <summary>Reads one finished cell.</summary>
    internal static JsonObject Parse(string text, string origin)
    {
        try
        {
            return JsonNode.Parse(text) is JsonObject json && json["settings"] is JsonObject && json["outcome"] is JsonObject
                ? json : throw new DataException(origin, "is no finished run");
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw new DataException(origin, $"is no finished run: {e.Message}", e);
        }
    }
}
