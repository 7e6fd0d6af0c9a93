using System.Text.Json;

namespace Polder.Benchmarks;

/// <summary>Finished pieces of a long study, a line each, so that a stopped one goes on where it was.</summary>
internal sealed class StudyJournal
{
    private readonly string? _path;
    private readonly Dictionary<string, string> _lines = [];

    /// <summary>Reads what an earlier run finished.</summary>
    /// <param name="path">The file; null keeps nothing.</param>
    public StudyJournal(string? path)
    {
        _path = path;
        if (path is null || !File.Exists(path))
            return;
        foreach (string line in File.ReadLines(path))
        {
            int tab = line.IndexOf('\t', StringComparison.Ordinal);
            if (tab > 0)
                _lines[line[..tab]] = line[(tab + 1)..];
        }
    }

    /// <summary>The piece of that key: from the journal, or computed and written there. The key names everything that the piece depends on.</summary>
    public T Piece<T>(string key, Func<T> compute)
    {
        if (_lines.TryGetValue(key, out string? known))
            try
            {
                return JsonSerializer.Deserialize<T>(known)!;
            }
            catch (JsonException)
            {
                // A line that a kill cut short: computed anew.
            }
        Console.Error.WriteLine($"{DateTime.Now:HH:mm:ss} {key}");
        T piece = compute();
        if (_path is not null)
            File.AppendAllText(_path, $"{key}\t{JsonSerializer.Serialize(piece)}\n");
        return piece;
    }
}
