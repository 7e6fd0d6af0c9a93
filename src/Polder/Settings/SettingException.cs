namespace Polder.Settings;

/// <summary>A setting has a value that is not allowed, by itself or beside others. A program shows it in its own spelling of the settings' names.</summary>
/// <param name="setting">The setting's name, in kebab-case.</param>
/// <param name="found">What was found; empty for nothing.</param>
/// <param name="allowed">What is allowed. A name of another setting stands in braces: <c>below {epochs}</c>.</param>
/// <param name="inner">The cause, where there is one.</param>
public sealed class SettingException(string setting, string found, string allowed, Exception? inner = null)
    : ArgumentException(Describe(setting, found, allowed, name => name), inner)
{
    /// <summary>The setting's name, in kebab-case.</summary>
    public string Setting { get; } = setting;

    /// <summary>The message with the names of settings as a program spells them.</summary>
    /// <param name="spell">Gives the spelling of a name: <c>--epochs</c> for <c>epochs</c>.</param>
    public string Describe(Func<string, string> spell) => Describe(Setting, found, allowed, spell);

    private static string Describe(string setting, string found, string allowed, Func<string, string> spell) =>
        $"{spell(setting)}: found {(found.Length == 0 ? "nothing" : SettingText.Spell(found, spell))}, allowed: {SettingText.Spell(allowed, spell)}";
}
