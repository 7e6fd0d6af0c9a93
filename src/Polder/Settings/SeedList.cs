using System.Globalization;

namespace Polder.Settings;

/// <summary>The grammar of <c>--seeds</c>: <c>0..4</c> (inclusive), <c>0,3,7</c>, or both mixed.</summary>
public static class SeedList
{
    /// <summary>More than anybody runs, and few enough that a slip of the finger does not fill the memory.</summary>
    private const int Most = 10_000;

    /// <summary>What is allowed, in words.</summary>
    public const string Allowed = "distinct whole numbers >= 0, as a range 0..4 or a list 0,3,7";

    /// <summary>Reads a list.</summary>
    /// <param name="text">The text.</param>
    /// <param name="seeds">The seeds, in their order.</param>
    /// <returns>Whether it is one.</returns>
    public static bool TryParse(string text, out IReadOnlyList<long> seeds)
    {
        ArgumentNullException.ThrowIfNull(text);
        var found = new List<long>();
        seeds = found;
        foreach (string part in text.Split(','))
        {
            string[] ends = part.Split("..");
            if (ends.Length > 2 || !TryNumber(ends[0], out long first) || !TryNumber(ends[^1], out long last))
                return false;
            if (last < first || last - first >= Most - found.Count)
                return false;
            for (long seed = first; seed <= last; seed++)
                found.Add(seed);
        }
        return found.Distinct().Count() == found.Count;
    }

    private static bool TryNumber(string text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value < long.MaxValue;
}
