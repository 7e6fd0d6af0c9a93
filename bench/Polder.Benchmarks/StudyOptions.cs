using System.Globalization;

namespace Polder.Benchmarks;

/// <summary>What follows the name of a study: pairs of --name and value.</summary>
internal sealed class StudyOptions
{
    private readonly Dictionary<string, string> _values = [];

    /// <summary>Reads the pairs.</summary>
    /// <exception cref="ArgumentException">A name is unknown or has no value; one line.</exception>
    public StudyOptions(IReadOnlyList<string> arguments, params string[] allowed)
    {
        for (int i = 0; i < arguments.Count; i += 2)
        {
            if (!allowed.Contains(arguments[i]))
                throw new ArgumentException($"found {arguments[i]}, allowed: {string.Join(", ", allowed)}");
            if (i + 1 == arguments.Count)
                throw new ArgumentException($"{arguments[i]}: found nothing, allowed: a value");
            _values[arguments[i]] = arguments[i + 1];
        }
    }

    public string? Path(string name)
    {
        string? path = _values.GetValueOrDefault(name);
        return path is null || File.Exists(path) || Directory.Exists(path) ? path : throw new ArgumentException($"{name}: found {path}, which is not there");
    }

    public string Text(string name, string usual) => _values.GetValueOrDefault(name, usual);

    /// <summary>A whole number of at least <paramref name="least"/>.</summary>
    public int Count(string name, int usual, int least = 1) => _values.GetValueOrDefault(name) is not { } text
        ? usual
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= least
            ? value
            : throw new ArgumentException($"{name}: found {text}, allowed: a whole number >= {least}");
}
