using System.Globalization;
using System.Text.Json;

namespace Polder.Settings;

/// <summary>The values that a setting takes: how a user types them, how JSON has them, and the words for them in help pages and error messages.</summary>
public sealed class ValueKind
{
    private readonly Func<string, object?> _read;
    private readonly bool _takesNumbers, _takesTexts;

    private ValueKind(string placeholder, string allowed, Func<string, object?> read, bool takesNumbers, bool takesTexts) =>
        (Placeholder, Allowed, _read, _takesNumbers, _takesTexts) = (placeholder, allowed, read, takesNumbers, takesTexts);

    /// <summary>The word that stands for the value in a help page; empty for a flag.</summary>
    public string Placeholder { get; }

    /// <summary>The allowed values in words, for example "a number >= 0".</summary>
    public string Allowed { get; }

    /// <summary>Whether the setting has no value: it is on or off.</summary>
    public bool IsFlag => Placeholder.Length == 0;

    /// <summary>On or off.</summary>
    public static ValueKind Flag { get; } = new("", "true, false", text => text is "true" or "false" ? text == "true" : null, false, false);

    /// <summary>A finite number, read as a <see cref="double"/>.</summary>
    public static ValueKind Number(ValueRange range) => new("NUMBER", Describe(range, "a number"), text => NumberIn(range, text), true, false);

    /// <summary>Distinct finite numbers, comma-separated, read as an array of <see cref="double"/>.</summary>
    public static ValueKind Numbers(ValueRange range) => new(
        "A,B,C", Describe(range, "distinct numbers, each"), text => Distinct(text.Split(',').Select(part => NumberIn(range, part))), true, true);

    /// <summary>A whole number of 32 bits.</summary>
    public static ValueKind Count(ValueRange range) => new(
        "N", Describe(range, "a whole number"),
        text => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int n) && range.Contains(n) ? n : null, true, false);

    /// <summary>A whole number of 64 bits.</summary>
    public static ValueKind LargeCount(ValueRange range) => new(
        "N", Describe(range, "a whole number"),
        text => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long n) && range.Contains(n) ? n : null, true, false);

    /// <summary>One of a few words.</summary>
    public static ValueKind Word(params IReadOnlyList<string> allowed) =>
        new("NAME", string.Join(", ", allowed), text => allowed.Contains(text, StringComparer.Ordinal) ? text : null, false, true);

    /// <summary>Distinct words out of a few, comma-separated, read as a list.</summary>
    /// <param name="allowed">The words.</param>
    /// <param name="orAll">Whether the word "all" stands for all of them.</param>
    public static ValueKind Words(IReadOnlyList<string> allowed, bool orAll = false) => new(
        "A,B,C", $"distinct names of {string.Join(", ", allowed)}{(orAll ? ", or all" : "")}",
        text =>
        {
            IReadOnlyList<string> words = orAll && text == "all" ? allowed : text.Split(',');
            return words.All(word => allowed.Contains(word, StringComparer.Ordinal)) && words.Distinct().Count() == words.Count ? words : null;
        },
        false, true);

    /// <summary>Any text but the empty one.</summary>
    public static ValueKind Text(string placeholder, string allowed) => Custom(placeholder, allowed, text => text.Length > 0 ? text : null);

    /// <summary>What a function reads, which returns null for what is not allowed.</summary>
    /// <param name="placeholder">The word for the value.</param>
    /// <param name="allowed">The allowed values in words; where they speak of numbers, JSON may have one.</param>
    /// <param name="read">Reads a text.</param>
    public static ValueKind Custom(string placeholder, string allowed, Func<string, object?> read)
    {
        ArgumentNullException.ThrowIfNull(allowed);
        return new(placeholder, allowed, read, allowed.Contains("number", StringComparison.Ordinal), true);
    }

    /// <summary>Reads a value as a user types it; null where it is not allowed.</summary>
    public object? Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return _read(text);
    }

    /// <summary>Reads a value as JSON has it; null where it is not allowed, or of another kind.</summary>
    public object? Read(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => IsFlag ? value.GetBoolean() : null,
        JsonValueKind.Number when _takesNumbers => _read(value.GetRawText()),
        JsonValueKind.String when _takesTexts => _read(value.GetString()!),
        JsonValueKind.Array when _takesTexts =>
            _read(string.Join(',', value.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.String ? e.GetString() : e.GetRawText()))),
        _ => null,
    };

    /// <summary>A value as a user would type it.</summary>
    public static string TextOf(object? value) => value switch
    {
        null => "",
        bool flag => flag ? "true" : "false",
        string text => text,
        System.Collections.IEnumerable list => string.Join(',', list.Cast<object?>().Select(TextOf)),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    private static string Describe(ValueRange range, string kind)
    {
        ArgumentNullException.ThrowIfNull(range);
        return range.Describe(kind);
    }

    private static double? NumberIn(ValueRange range, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double x) && range.Contains(x) ? x : null;

    private static double[]? Distinct(IEnumerable<double?> found)
    {
        double?[] all = [.. found];
        return all.Contains(null) || all.Distinct().Count() < all.Length ? null : Array.ConvertAll(all, x => x!.Value);
    }
}
