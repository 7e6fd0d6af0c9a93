using System.Text.RegularExpressions;

namespace Polder.Settings;

/// <summary>Words about settings, in which the name of a setting stands in braces, so that each program can spell it as its users know it.</summary>
public static partial class SettingText
{
    /// <summary>The words with the names spelled.</summary>
    /// <param name="text">For example <c>a whole number below {epochs}</c>.</param>
    /// <param name="spell">The spelling of a name in kebab-case: <c>--epochs</c> for <c>epochs</c>.</param>
    public static string Spell(string text, Func<string, string> spell) => Name().Replace(text, match => spell(match.Groups[1].Value));

    [GeneratedRegex(@"\{([a-z0-9-]+)\}")]
    private static partial Regex Name();
}
