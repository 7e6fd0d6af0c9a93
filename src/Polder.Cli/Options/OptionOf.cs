namespace Polder.Cli.Options;

/// <summary>Makes options by the kind of their value. The names that several commands share live in <see cref="CommonOptions"/>.</summary>
internal static class OptionOf
{
    /// <summary>A finite number.</summary>
    public static CliOption<double> Number(string name, string summary, double @default, ValueRange range) =>
        Kind(name, summary, ValueKind.Number(range), @default);

    /// <summary>A finite number whose default depends on other options: <paramref name="defaultText"/> says how, the value is null.</summary>
    public static CliOption<double?> OptionalNumber(string name, string summary, string defaultText, ValueRange range) =>
        Kind<double?>(name, summary, ValueKind.Number(range), null, defaultText);

    /// <summary>A comma-separated list of distinct finite numbers.</summary>
    public static CliOption<IReadOnlyList<double>> Numbers(string name, string summary, IReadOnlyList<double> @default, ValueRange range) =>
        Kind(name, summary, ValueKind.Numbers(range), @default);

    /// <summary>A list of numbers whose default depends on other options: <paramref name="defaultText"/> says how, the value is null.</summary>
    public static CliOption<IReadOnlyList<double>?> OptionalNumbers(string name, string summary, string defaultText, ValueRange range) =>
        Kind<IReadOnlyList<double>?>(name, summary, ValueKind.Numbers(range), null, defaultText);

    /// <summary>A whole number of 32 bits.</summary>
    public static CliOption<int> Count(string name, string summary, int @default, ValueRange range) => Kind(name, summary, ValueKind.Count(range), @default);

    /// <summary>A whole number whose default depends on other options: <paramref name="defaultText"/> says how, the value is null.</summary>
    public static CliOption<int?> OptionalCount(string name, string summary, string defaultText, ValueRange range) =>
        Kind<int?>(name, summary, ValueKind.Count(range), null, defaultText);

    /// <summary>A whole number of 64 bits.</summary>
    public static CliOption<long> Long(string name, string summary, long @default, ValueRange range) =>
        Kind(name, summary, ValueKind.LargeCount(range), @default);

    /// <summary>One of a few words.</summary>
    public static CliOption<string> Choice(string name, string summary, string @default, params IReadOnlyList<string> allowed) =>
        Kind(name, summary, ValueKind.Word(allowed), @default);

    /// <summary>A comma-separated list of distinct words out of a few.</summary>
    /// <inheritdoc cref="ValueKind.Words"/>
    public static CliOption<IReadOnlyList<string>> Choices(
        string name, string summary, IReadOnlyList<string> @default, IReadOnlyList<string> allowed, bool orAll = false) =>
        Kind(name, summary, ValueKind.Words(allowed, orAll), @default);

    /// <summary>Any text but the empty one; null where it is not given.</summary>
    public static CliOption<string?> Text(string name, string placeholder, string summary, string allowed, string? @default, string defaultText) =>
        Kind(name, summary, ValueKind.Text(placeholder, allowed), @default, defaultText);

    /// <summary>Whatever a kind of value reads.</summary>
    /// <param name="name">The name with its dashes.</param>
    /// <param name="summary">The meaning.</param>
    /// <param name="kind">The values, which must be of type <typeparamref name="T"/>.</param>
    /// <param name="default">The default.</param>
    /// <param name="defaultText">The same in words; null: as it would be typed.</param>
    public static CliOption<T> Kind<T>(string name, string summary, ValueKind kind, T @default, string? defaultText = null) => new(
        name, kind.Placeholder, summary, kind.Allowed, @default, defaultText ?? ValueKind.TextOf(@default),
        (string text, out T value) =>
        {
            object? read = kind.Read(text);
            value = read is null ? default! : (T)read;
            return read is not null;
        });
}
