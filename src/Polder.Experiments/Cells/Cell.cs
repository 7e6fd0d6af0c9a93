using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Polder.Experiments.Cells;

/// <summary>
/// A piece of a study that is done by itself: what comes of it depends on its settings alone, so that any process may do it, and none has to do it
/// twice.
/// </summary>
/// <param name="Name">What people call it, such as "nso, seed 3".</param>
/// <param name="Settings">All that its outcome depends on, as far as it is not the same for the whole folder.</param>
/// <param name="Work">Does it, and returns the outcome that is kept.</param>
public sealed record Cell(string Name, JsonObject Settings, Func<CellWork, JsonObject> Work)
{
    // 64 bits: two of a million cells agree by chance once in 10^7 studies, and then they are told apart by their settings.
    private const int HashLength = 16, LongestName = 60;

    /// <summary>The name of its files, without an ending: the letters of the name for people, and a hash of the settings.</summary>
    public string Key { get; } = KeyOf(Name, Settings);

    private static string KeyOf(string name, JsonObject settings)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(settings);
        var letters = new StringBuilder();
        foreach (char c in name)
            if (char.IsAsciiLetterOrDigit(c) || c is '=' or '+')
                letters.Append(c);
            else if (letters.Length > 0 && letters[^1] != '-')
                letters.Append('-');
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(settings.ToJsonString())))[..HashLength];
        return $"{letters.ToString()[..Math.Min(letters.Length, LongestName)]}-{hash}";
    }
}

/// <summary>What the work on a cell has from who lets it do it.</summary>
public sealed class CellWork
{
    private readonly Action _reported;
    private volatile Tuple<double, Func<string>> _state = Tuple.Create<double, Func<string>>(0, () => "");

    internal CellWork(Action reported, CancellationToken cancellation) => (Cancellation, _reported) = (cancellation, reported);

    /// <summary>Stops the work: the user does not want it any longer, or another process has taken it over.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>The share that is done, between 0 and 1.</summary>
    internal double Share => _state.Item1;

    /// <summary>How it is going, in a few words.</summary>
    internal string Words => _state.Item2();

    /// <summary>Says how far the work is.</summary>
    /// <param name="share">The share that is done, between 0 and 1.</param>
    /// <param name="words">Makes a few words; called from any thread, and only when they will be shown.</param>
    public void Report(double share, Func<string> words)
    {
        _state = Tuple.Create(share, words);
        _reported();
    }
}
