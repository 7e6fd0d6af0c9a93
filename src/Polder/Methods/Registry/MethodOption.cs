using System.Globalization;

namespace Polder.Methods.Registry;

/// <summary>One option of a method as programs show and read it: its name in kebab-case, what it means, its range and its default.</summary>
/// <remarks>A name has one meaning for all methods; default and range may differ from method to method.</remarks>
public sealed record MethodOption
{
    private readonly Func<string, object?> _read;

    private MethodOption(string name, string placeholder, string summary, string range, object @default, Func<string, object?> read) =>
        (Name, Placeholder, Summary, Range, Default, _read) = (name, placeholder, summary, range, @default, read);

    /// <summary>The name: lower case, words separated by dashes.</summary>
    public string Name { get; }

    /// <summary>The word that stands for the value in a help page.</summary>
    public string Placeholder { get; }

    /// <summary>What the option means, with its unit: one sentence without a full stop.</summary>
    public string Summary { get; init; }

    /// <summary>The allowed values in words, for example "a number >= 0".</summary>
    public string Range { get; }

    /// <summary>The value where nothing is given: a <see cref="double"/>, an <see cref="int"/> or a <see cref="string"/>.</summary>
    public object Default { get; init; }

    /// <summary>Reads a value.</summary>
    /// <param name="text">The value as a user types it.</param>
    /// <param name="value">The value, of the type of <see cref="Default"/> (a sigma may also be a text).</param>
    /// <returns>Whether it is allowed.</returns>
    public bool TryParse(string text, out object value)
    {
        ArgumentNullException.ThrowIfNull(text);
        object? found = _read(text);
        value = found ?? Default;
        return found is not null;
    }

    /// <summary>A value as a user would type it.</summary>
    public static string Text(object value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    /// <summary>A number of at least 0.</summary>
    public static MethodOption NotNegative(string name, string summary, double @default) => new(
        name, "NUMBER", summary, "a number >= 0", @default, text => Number(text) is { } x && x >= 0 ? x : null);

    /// <summary>A number between 0 and 1.</summary>
    public static MethodOption Share(string name, string summary, double @default) => new(
        name, "NUMBER", summary, "a number between 0 and 1", @default, text => Number(text) is { } x and >= 0 and <= 1 ? x : null);

    /// <summary>A whole number of at least 1.</summary>
    public static MethodOption Count(string name, string summary, int @default) => new(
        name, "N", summary, "a whole number >= 1", @default,
        text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n >= 1 ? n : null);

    /// <summary>One of a few words.</summary>
    public static MethodOption Word(string name, string summary, string @default, params IReadOnlyList<string> allowed) => new(
        name, "NAME", summary, string.Join(", ", allowed), @default, text => allowed.Contains(text, StringComparer.Ordinal) ? text : null);

    /// <summary>A text or a number that is read by a function of one's own.</summary>
    /// <param name="name">The name, in kebab-case.</param>
    /// <param name="placeholder">The word that stands for the value in a help page.</param>
    /// <param name="summary">What the option means: one sentence without a full stop.</param>
    /// <param name="range">The allowed values in words.</param>
    /// <param name="default">The value where nothing is given.</param>
    /// <param name="read">Reads what a user types; null for what is not allowed. <see cref="Text"/> of a value must read as that value.</param>
    public static MethodOption Custom(string name, string placeholder, string summary, string range, object @default, Func<string, object?> read) =>
        new(name, placeholder, summary, range, @default, read);

    /// <summary>A finite number; null for anything else.</summary>
    internal static double? Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double x) && double.IsFinite(x) ? x : null;
}
