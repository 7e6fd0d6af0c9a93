using System.Globalization;
using Polder.Settings;

namespace Polder.Cli.Options;

/// <summary>Makes options by the kind of their value. The names that several commands share live in <see cref="CommonOptions"/>.</summary>
internal static class OptionOf
{
    private const NumberStyles WholeNumber = NumberStyles.AllowLeadingSign;

    /// <summary>A finite number.</summary>
    public static CliOption<double> Number(string name, string summary, double @default, ValueRange range) =>
        new(name, "NUMBER", summary, range.Describe("a number"), @default, Text(@default), NumberIn(range));

    /// <summary>A finite number whose default depends on other options: <paramref name="defaultText"/> says how, the value is null.</summary>
    public static CliOption<double?> OptionalNumber(string name, string summary, string defaultText, ValueRange range) =>
        new(name, "NUMBER", summary, range.Describe("a number"), null, defaultText, Optional(NumberIn(range)));

    /// <summary>A comma-separated list of distinct finite numbers.</summary>
    public static CliOption<IReadOnlyList<double>> Numbers(string name, string summary, IReadOnlyList<double> @default, ValueRange range) =>
        new(name, "A,B,C", summary, range.Describe("distinct numbers, each"), @default, string.Join(',', @default.Select(Text)), NumbersIn(range));

    /// <summary>A list of numbers whose default depends on other options: <paramref name="defaultText"/> says how, the value is null.</summary>
    public static CliOption<IReadOnlyList<double>?> OptionalNumbers(string name, string summary, string defaultText, ValueRange range) =>
        new(name, "A,B,C", summary, range.Describe("distinct numbers, each"), null, defaultText,
            (string text, out IReadOnlyList<double>? value) =>
            {
                bool allowed = NumbersIn(range)(text, out IReadOnlyList<double> found);
                value = found;
                return allowed;
            });

    /// <summary>A whole number of 32 bits.</summary>
    public static CliOption<int> Count(string name, string summary, int @default, ValueRange range) =>
        new(name, "N", summary, range.Describe("a whole number"), @default, Text(@default), CountIn(range));

    /// <summary>A whole number whose default depends on other options: <paramref name="defaultText"/> says how, the value is null.</summary>
    public static CliOption<int?> OptionalCount(string name, string summary, string defaultText, ValueRange range) =>
        new(name, "N", summary, range.Describe("a whole number"), null, defaultText, Optional(CountIn(range)));

    /// <summary>A whole number of 64 bits.</summary>
    public static CliOption<long> Long(string name, string summary, long @default, ValueRange range) =>
        new(name, "N", summary, range.Describe("a whole number"), @default, Text(@default),
            (string text, out long value) => long.TryParse(text, WholeNumber, CultureInfo.InvariantCulture, out value) && range.Contains(value));

    /// <summary>One of a few words.</summary>
    public static CliOption<string> Choice(string name, string summary, string @default, params IReadOnlyList<string> allowed) =>
        new(name, "NAME", summary, string.Join(", ", allowed), @default, @default,
            (string text, out string value) => allowed.Contains(value = text, StringComparer.Ordinal));

    /// <summary>A comma-separated list of distinct words out of a few.</summary>
    /// <param name="name">The name.</param>
    /// <param name="summary">The meaning.</param>
    /// <param name="default">The default.</param>
    /// <param name="allowed">The words.</param>
    /// <param name="orAll">Whether the word "all" stands for all of them.</param>
    public static CliOption<IReadOnlyList<string>> Choices(
        string name, string summary, IReadOnlyList<string> @default, IReadOnlyList<string> allowed, bool orAll = false) =>
        new(name, "A,B,C", summary, $"distinct names of {string.Join(", ", allowed)}{(orAll ? ", or all" : "")}", @default, string.Join(',', @default),
            (string text, out IReadOnlyList<string> value) =>
            {
                value = orAll && text == "all" ? allowed : text.Split(',');
                return value.All(word => allowed.Contains(word, StringComparer.Ordinal)) && value.Distinct().Count() == value.Count;
            });

    /// <summary>Any text but the empty one; null where it is not given.</summary>
    public static CliOption<string?> Text(string name, string placeholder, string summary, string allowed, string? @default, string defaultText) =>
        new(name, placeholder, summary, allowed, @default, defaultText, (string text, out string? value) => (value = text).Length > 0);

    private static ValueParser<double> NumberIn(ValueRange range) => (string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && range.Contains(value);

    private static ValueParser<IReadOnlyList<double>> NumbersIn(ValueRange range) => (string text, out IReadOnlyList<double> value) =>
    {
        var found = new List<double>();
        value = found;
        foreach (string part in text.Split(','))
        {
            if (!NumberIn(range)(part, out double number))
                return false;
            found.Add(number);
        }
        return found.Distinct().Count() == found.Count;
    };

    private static ValueParser<int> CountIn(ValueRange range) => (string text, out int value) =>
        int.TryParse(text, WholeNumber, CultureInfo.InvariantCulture, out value) && range.Contains(value);

    private static ValueParser<T?> Optional<T>(ValueParser<T> parse)
        where T : struct => (string text, out T? value) =>
        {
            bool allowed = parse(text, out T found);
            value = found;
            return allowed;
        };

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
