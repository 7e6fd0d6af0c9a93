using System.Globalization;

namespace Polder.Experiments.Reports;

/// <summary>A table: people see texts under titles, programs values under field names.</summary>
/// <param name="Name">What programs call it: camelCase, one among the tables of a result.</param>
/// <param name="Columns">The columns.</param>
/// <param name="Rows">The rows: a cell a column.</param>
public sealed record ResultTable(string Name, IReadOnlyList<ResultColumn> Columns, IReadOnlyList<IReadOnlyList<ResultCell>> Rows) : ResultBlock
{
    /// <summary>A table whose rows are made from items.</summary>
    /// <param name="name">What programs call it.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="items">An item a row.</param>
    /// <param name="cells">The cells of an item's row.</param>
    public static ResultTable Of<T>(string name, IReadOnlyList<ResultColumn> columns, IEnumerable<T> items, Func<T, IReadOnlyList<ResultCell>> cells)
    {
        ArgumentNullException.ThrowIfNull(items);
        return new ResultTable(name, columns, [.. items.Select(cells)]);
    }

    /// <summary>The columns, with their positions, that are shown at a place.</summary>
    /// <param name="place">The place.</param>
    public IEnumerable<(int Index, ResultColumn Column)> ColumnsIn(ResultPlace place) => Columns.Index().Where(c => c.Item.In.HasFlag(place));
}

/// <summary>A column.</summary>
public sealed record ResultColumn
{
    /// <summary>A column.</summary>
    /// <param name="title">What people read above it.</param>
    /// <param name="fields">What programs call its values; without any it is the title in camelCase.</param>
    public ResultColumn(string title, params IReadOnlyList<string> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        (Title, ShortTitle) = (title, title);
        Fields = fields.Count > 0 ? fields : [ResultJson.MemberName(title)];
    }

    /// <summary>What people read above it.</summary>
    public string Title { get; }

    /// <summary>The same in the narrow form. Default the title.</summary>
    public string ShortTitle { get; init; }

    /// <summary>What programs call the values of a cell, in their order.</summary>
    public IReadOnlyList<string> Fields { get; }

    /// <summary>Where it is shown. Default everywhere.</summary>
    public ResultPlace In { get; init; } = ResultPlace.Everywhere;

    /// <summary>Whether the narrow form keeps its texts on one line, so that others give way.</summary>
    public bool Unbroken { get; init; }

    /// <summary>A column of one field.</summary>
    /// <param name="title">Its title.</param>
    public static implicit operator ResultColumn(string title) => new(title);
}

/// <summary>A cell.</summary>
/// <param name="Text">What people read.</param>
/// <param name="Values">What programs read: a value a field of the column. Without any the text is the value of the first field.</param>
public sealed record ResultCell(string Text, params IReadOnlyList<object?> Values)
{
    /// <summary>An empty cell.</summary>
    public static ResultCell None { get; } = new("", [null]);

    /// <summary>Whether it is to catch the eye.</summary>
    public bool StandsOut { get; init; }

    /// <summary>A text that is its own value.</summary>
    /// <param name="text">The text.</param>
    public static implicit operator ResultCell(string text) => new(text);

    /// <summary>A whole number.</summary>
    /// <param name="value">The number.</param>
    public static implicit operator ResultCell(long value) => new(value.ToString(CultureInfo.InvariantCulture), value);

    /// <summary>A number.</summary>
    /// <param name="value">The number; null is an empty cell.</param>
    /// <param name="format">Its .NET format.</param>
    public static ResultCell Of(double? value, string format) =>
        value is { } number ? new ResultCell(number.ToString(format, CultureInfo.InvariantCulture), number) : None;

    /// <summary>A number and its uncertainty, for a column of two fields.</summary>
    /// <param name="value">The number.</param>
    /// <param name="error">Its error or spread.</param>
    /// <param name="format">The .NET format of the number.</param>
    /// <param name="errorFormat">The .NET format of the error.</param>
    public static ResultCell Of(double value, double error, string format, string errorFormat) =>
        new($"{value.ToString(format, CultureInfo.InvariantCulture)} +- {error.ToString(errorFormat, CultureInfo.InvariantCulture)}", value, error);

    /// <summary>A share and its spread, in percent for people: the mean alone where there is no spread.</summary>
    /// <param name="mean">The mean, a fraction.</param>
    /// <param name="deviation">The spread; NaN where there is none.</param>
    public static ResultCell Percent(double mean, double deviation) => double.IsNaN(deviation)
        ? new(Hundredfold(mean), mean, null)
        : new($"{Hundredfold(mean)} +- {Hundredfold(deviation)}", mean, deviation);

    private static string Hundredfold(double share) => (100 * share).ToString("F1", CultureInfo.InvariantCulture);
}
