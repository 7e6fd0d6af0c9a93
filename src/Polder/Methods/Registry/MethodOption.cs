using System.Globalization;

namespace Polder.Methods.Registry;

/// <summary>One option of a method as programs show and read it.</summary>
/// <param name="Name">The name: lower case, words separated by dashes.</param>
/// <param name="Kind">The values that it takes.</param>
/// <param name="Summary">What the option means, with its unit: one sentence without a full stop.</param>
/// <param name="Default">The value where nothing is given: a <see cref="double"/>, an <see cref="int"/> or a <see cref="string"/>.</param>
/// <remarks>A name has one meaning for all methods; default and range may differ from method to method.</remarks>
public sealed record MethodOption(string Name, ValueKind Kind, string Summary, object Default)
{
    /// <summary>The word that stands for the value in a help page.</summary>
    public string Placeholder => Kind.Placeholder;

    /// <summary>The allowed values in words, for example "a number >= 0".</summary>
    public string Range => Kind.Allowed;

    /// <summary>Reads a value.</summary>
    /// <param name="text">The value as a user types it.</param>
    /// <param name="value">The value, of the type of <see cref="Default"/> (a sigma may also be a text).</param>
    /// <returns>Whether it is allowed.</returns>
    public bool TryParse(string text, out object value)
    {
        object? found = Kind.Read(text);
        value = found ?? Default;
        return found is not null;
    }

    /// <summary>A value as a user would type it.</summary>
    public static string Text(object value) => ValueKind.TextOf(value);

    /// <summary>A number of at least 0.</summary>
    public static MethodOption NotNegative(string name, string summary, double @default) =>
        new(name, ValueKind.Number(ValueRange.AtLeast(0)), summary, @default);

    /// <summary>A number between 0 and 1.</summary>
    public static MethodOption Share(string name, string summary, double @default) => new(name, ValueKind.Number(ValueRange.Between(0, 1)), summary, @default);

    /// <summary>A whole number of at least 1.</summary>
    public static MethodOption Count(string name, string summary, int @default) => new(name, ValueKind.Count(ValueRange.AtLeast(1)), summary, @default);

    /// <summary>One of a few words.</summary>
    public static MethodOption Word(string name, string summary, string @default, params IReadOnlyList<string> allowed) =>
        new(name, ValueKind.Word(allowed), summary, @default);

    /// <summary>A text or a number that is read by a function of one's own.</summary>
    /// <param name="name">The name, in kebab-case.</param>
    /// <param name="placeholder">The word that stands for the value in a help page.</param>
    /// <param name="summary">What the option means: one sentence without a full stop.</param>
    /// <param name="range">The allowed values in words.</param>
    /// <param name="default">The value where nothing is given.</param>
    /// <param name="read">Reads what a user types; null for what is not allowed. <see cref="Text"/> of a value must read as that value.</param>
    public static MethodOption Custom(string name, string placeholder, string summary, string range, object @default, Func<string, object?> read) =>
        new(name, ValueKind.Custom(placeholder, range, read), summary, @default);

    /// <summary>A finite number; null for anything else.</summary>
    internal static double? Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double x) && double.IsFinite(x) ? x : null;
}
