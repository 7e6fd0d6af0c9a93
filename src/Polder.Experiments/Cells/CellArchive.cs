using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Experiments.Cells;

/// <summary>
/// All finished cells of a folder as one text file, a line of JSON each, sorted by their keys: a form that is kept in a repository, and from which other
/// studies and other machines take what they would do again (<see cref="KnownCells"/>).
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
            JsonObject cell = KnownCells.Parse(File.ReadAllText(file), file);
            // The machine's name is nobody's business; its processor, on which roundings depend, is.
            cell.Remove("host");
            cell.Insert(0, "key", Path.GetFileNameWithoutExtension(file));
            return cell.ToJsonString(Compact) + "\n";
        })];
        AtomicFile.WriteSharedText(path, string.Concat(lines));
        return lines.Length;
    }
}
