using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Experiments.Cells;

/// <summary>
/// The cells of a study on the disk: a file a finished cell, written as soon as it is finished, and a file a cell that a process has claimed. Any
/// number of processes, on other machines too, share one folder without a lock, without a server, and without asking what time it is.
/// </summary>
/// <remarks>
/// <para>
/// One file operation decides everything: making a file that does not exist, whole or not at all (<see cref="AtomicFile.TryCreateText"/>). A cell with
/// the key K is done by who makes K.1.claim. The owner changes the text of that file every few seconds. A claim whose text another process has seen
/// unchanged for longer than <see cref="TakeOverAfter"/>, by that process's own stopwatch, is dead: clocks of two machines are never compared, nor
/// with the file server's. Where the owner ran on the same machine, the system is asked, and a dead process's claim is free at once.
/// </para>
/// <para>
/// A dead claim is not removed but followed: who takes the cell over makes K.2.claim, and the highest number owns the cell. Removing K.1.claim and
/// making it again would have a gap in which one that still believes the old claim dead removes the new one. Here two that both find K.1.claim dead
/// both try to make K.2.claim, and one of them does. K.3.claim is only tried by one who has seen K.2.claim dead. An owner that was merely slow (a
/// suspended machine) sees the higher number when it next renews its claim, and stops.
/// </para>
/// <para>
/// Should it not see it in time, both finish. The outcome K.json is made by the same operation, so that one of the two is kept and never replaced.
/// Who makes it removes all claims of K; who then makes a claim from an old listing finds K.json right after, and takes its claim back.
/// </para>
/// </remarks>
public sealed class CellFolder
{
    private const string OutcomeEnding = ".json", ClaimEnding = ".claim";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (string Text, long Since)> _seen = [];

    /// <summary>Opens or makes a folder of cells.</summary>
    /// <param name="path">The folder; the one above it must exist.</param>
    public CellFolder(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        Path = path;
        Directory.CreateDirectory(path);
    }

    /// <summary>How long the claim of another process may stay as it is before its cell is taken over, where it cannot be asked whether it runs.</summary>
    public static TimeSpan DefaultTakeOverAfter { get; } = TimeSpan.FromSeconds(60);

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>
    /// How long the claim of another process may stay unchanged before its cell is taken over. Default <see cref="DefaultTakeOverAfter"/>; more than
    /// what a network file system may take to show a change (60 s at most with the usual settings of NFS, less for a file that is opened anew).
    /// </summary>
    public TimeSpan TakeOverAfter
    {
        get;
        init => field = Require.Value(value, value > TimeSpan.Zero, "a time above zero");
    } = DefaultTakeOverAfter;

    /// <summary>The time between two renewals of a claim.</summary>
    internal TimeSpan Beat => TimeSpan.FromSeconds(Math.Min(2, TakeOverAfter.TotalSeconds / 10));

    /// <summary>Whether the outcome of a cell is here.</summary>
    /// <param name="cell">The cell.</param>
    public bool Has(Cell cell) => File.Exists(OutcomeOf(KeyOf(cell)));

    /// <summary>The outcome of a cell; null where it is not done.</summary>
    /// <param name="cell">The cell.</param>
    /// <exception cref="DataException">The file is damaged, or of other settings.</exception>
    public JsonObject? Read(Cell cell)
    {
        string file = OutcomeOf(KeyOf(cell));
        if (!File.Exists(file))
            return null;
        try
        {
            JsonObject json = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
            if (json["settings"]!.ToJsonString() != cell.Settings.ToJsonString())
                throw new DataException(file, $"is of other settings: {json["settings"]!.ToJsonString()}");
            JsonObject outcome = json["outcome"]!.AsObject();
            json.Remove("outcome");
            return outcome;
        }
        catch (Exception e) when (e is JsonException or NullReferenceException or InvalidOperationException)
        {
            throw new DataException(file, $"is no outcome of a run ({e.Message}); without the file the run is done again", e);
        }
    }

    /// <summary>Which cells are done, and which are claimed.</summary>
    internal CellListing List() => CellListing.Of(Directory.EnumerateFiles(Path).Select(file => System.IO.Path.GetFileName(file)), OutcomeEnding, ClaimEnding);

    /// <summary>Claims a cell; null where it is done, or another process does it.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="listing">What was seen of the folder.</param>
    internal CellClaim? TryClaim(Cell cell, CellListing listing)
    {
        string key = cell.Key;
        int highest = listing.Claims.GetValueOrDefault(key);
        if (listing.Done.Contains(key) || (highest > 0 && !IsDead(ClaimOf(key, highest))))
            return null;
        int own = highest + 1;
        if (File.Exists(ClaimOf(key, own)))
            return null;
        return CellClaim.TryMake(ClaimOf(key, own), () => File.Exists(OutcomeOf(key)) || File.Exists(ClaimOf(key, own + 1)));
    }

    /// <summary>Keeps the outcome of a cell, unless another process has kept one.</summary>
    internal void Record(Cell cell, JsonObject outcome)
    {
        TryKeep(cell, new JsonObject
        {
            ["polder"] = typeof(CellFolder).Assembly.GetName().Version?.ToString(3),
            ["host"] = Environment.MachineName,
            ["processor"] = ProcessorFacts.Name,
            ["outcome"] = outcome,
        });
        foreach (string claim in Directory.EnumerateFiles(Path, $"{cell.Key}.*{ClaimEnding}"))
            DeleteQuietly(claim);
    }

    /// <summary>Keeps what was found of a cell, with who found it, as its own; false where there is something already.</summary>
    internal bool TryKeep(Cell cell, JsonObject found)
    {
        var json = new JsonObject { ["name"] = cell.Name, ["settings"] = cell.Settings.DeepClone() };
        foreach ((string member, JsonNode? value) in found.Where(m => m.Key is not ("key" or "name" or "settings")))
            json[member] = value?.DeepClone();
        return AtomicFile.TryCreateText(OutcomeOf(cell.Key), ResultJson.Text(json));
    }

    /// <summary>What the highest claim of a cell says; null where there is none, or it cannot be read now. Looking also sees whether it changes.</summary>
    internal ClaimText? Look(string key, int number) => ClaimText.Parse(Observe(ClaimOf(key, number)) ?? "");

    internal static void DeleteQuietly(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Left behind, it is found dead.
        }
    }

    private bool IsDead(string claim)
    {
        if (Observe(claim) is not { } text)
            return false;
        if (ClaimText.Parse(text)?.Process.IsDead == true)
            return true;
        lock (_gate)
            return Stopwatch.GetElapsedTime(_seen[claim].Since) > TakeOverAfter;
    }

    // The text, with since when it has been the same; null where it is gone.
    private string? Observe(string claim)
    {
        string text;
        try
        {
            // Opened anew each time: that is when a network file system asks its server.
            using var reader = new StreamReader(new FileStream(claim, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
            text = reader.ReadToEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        lock (_gate)
            if (!_seen.TryGetValue(claim, out var before) || before.Text != text)
                _seen[claim] = (text, Stopwatch.GetTimestamp());
        return text;
    }

    private static string KeyOf(Cell cell) => (cell ?? throw new ArgumentNullException(nameof(cell))).Key;

    private string OutcomeOf(string key) => System.IO.Path.Combine(Path, key + OutcomeEnding);

    private string ClaimOf(string key, int number) => System.IO.Path.Combine(Path, string.Create(Invariant, $"{key}.{number}{ClaimEnding}"));

    private static System.Globalization.CultureInfo Invariant => System.Globalization.CultureInfo.InvariantCulture;
}

/// <summary>What a folder of cells held at one moment, by the cells' keys.</summary>
/// <param name="Done">The cells that are done.</param>
/// <param name="Claims">The highest number of a claim of those that have one.</param>
internal sealed record CellListing(IReadOnlySet<string> Done, IReadOnlyDictionary<string, int> Claims)
{
    public static CellListing Of(IEnumerable<string> names, string outcomeEnding, string claimEnding)
    {
        var done = new HashSet<string>();
        var claims = new Dictionary<string, int>();
        foreach (string name in names.Where(name => !name.StartsWith('.')))
        {
            if (name.EndsWith(outcomeEnding, StringComparison.Ordinal))
            {
                done.Add(name[..^outcomeEnding.Length]);
            }
            else if (name.EndsWith(claimEnding, StringComparison.Ordinal) && name[..^claimEnding.Length] is var rest
                && rest.LastIndexOf('.') is > 0 and var dot && int.TryParse(rest.AsSpan(dot + 1), out int number))
            {
                string key = rest[..dot];
                claims[key] = Math.Max(number, claims.GetValueOrDefault(key));
            }
        }
        return new CellListing(done, claims);
    }
}
