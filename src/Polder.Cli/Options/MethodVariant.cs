namespace Polder.Cli.Options;

/// <summary>A method as <c>--methods</c> names it, with the options that this entry alone has: <c>nso+passes=split+pairs=2</c>.</summary>
/// <param name="Label">The text.</param>
/// <param name="Method">The method.</param>
/// <param name="Settings">Texts by option name, not checked yet.</param>
internal sealed record MethodVariant(string Label, MethodEntry Method, IReadOnlyList<(string Option, string Value)> Settings)
{
    /// <summary>Reads an entry; false where it names no method or a setting has no value or comes twice.</summary>
    public static bool TryParse(string text, out MethodVariant variant)
    {
        string[] parts = text.Split('+');
        variant = null!;
        if (!MethodRegistry.Names.Contains(parts[0], StringComparer.Ordinal))
            return false;
        string[][] settings = [.. parts[1..].Select(part => part.Split('=', 2))];
        if (settings.Any(s => s.Length < 2 || s[1].Length == 0) || settings.DistinctBy(s => s[0]).Count() < settings.Length)
            return false;
        variant = new MethodVariant(text, MethodRegistry.Named(parts[0]), [.. settings.Select(s => (s[0], s[1]))]);
        return true;
    }

    /// <summary>The option that lists methods, each any number of times with settings of its own.</summary>
    /// <param name="default">The default.</param>
    public static CliOption<IReadOnlyList<string>> List(params IReadOnlyList<string> @default) => new(
        "--methods", "A,B,C", "the methods to compare, comma-separated, or all (the experimental ones by name only); "
            + "+OPTION=X sets an option for that entry alone (nso,nso+passes=split)",
        $"distinct entries NAME or NAME+OPTION=X+..., NAME one of {string.Join(", ", MethodRegistry.Names)}; or all",
        @default, string.Join(',', @default),
        (string text, out IReadOnlyList<string> value) =>
        {
            value = text == "all" ? MethodRegistry.StandardNames : text.Split(',');
            return value.All(entry => TryParse(entry, out _)) && value.Distinct().Count() == value.Count;
        });
}
