using System.Globalization;

namespace Polder.Vision.Data.Files;

/// <summary>The order of classes: whole numbers (grades) by value, other names by code points, the same on every machine.</summary>
internal static class ClassNames
{
    /// <summary>The names in their order.</summary>
    public static string[] Sorted(IEnumerable<string> names)
    {
        string[] all = [.. names.Order(StringComparer.Ordinal)];
        return Grades(all) is { } grades ? [.. all.Index().OrderBy(name => grades[name.Index]).Select(name => name.Item)] : all;
    }

    /// <summary>What the names say where all of them are whole numbers; else null.</summary>
    public static Int128[]? Grades(IReadOnlyList<string> names)
    {
        var grades = new Int128[names.Count];
        for (int i = 0; i < grades.Length; i++)
            if (!Int128.TryParse(names[i], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out grades[i]))
                return null;
        return grades;
    }

    /// <summary>Where each name of one list stands in another: null unless both have the same names.</summary>
    public static int[]? Places(IReadOnlyList<string> names, IReadOnlyList<string> others)
    {
        string[] all = [.. others];
        int[] places = [.. names.Select(name => Array.IndexOf(all, name))];
        return names.Count == others.Count && places.Order().SequenceEqual(Enumerable.Range(0, names.Count)) ? places : null;
    }
}
