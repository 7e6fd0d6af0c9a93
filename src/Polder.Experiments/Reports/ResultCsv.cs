using System.Globalization;

namespace Polder.Experiments.Reports;

/// <summary>
/// A result's tables as comma-separated values (RFC 4180): one header, raw values in the invariant culture, fractions as fractions. The
/// first field of a record is the name of its table; fields that another table has are empty, and so is a number that is not finite.
/// </summary>
public static class ResultCsv
{
    private const string LineEnd = "\r\n";

    /// <summary>The text of a file.</summary>
    /// <param name="result">The result.</param>
    public static string Text(Result result)
    {
        ArgumentNullException.ThrowIfNull(result);
        string[] fields = [.. result.DataTables.SelectMany(FieldsOf).Distinct()];
        IEnumerable<IEnumerable<string>> records = result.DataTables.SelectMany(table => Records(table).Select(
            record => fields.Select(field => record.GetValueOrDefault(field, "")).Prepend(table.Name)));
        return Lines(records.Prepend(fields.Prepend("table")), LineEnd);
    }

    /// <summary>The text of one table, without its name.</summary>
    /// <param name="table">The table.</param>
    /// <param name="lineEnd">What ends a line.</param>
    public static string Text(ResultTable table, string lineEnd = LineEnd)
    {
        ArgumentNullException.ThrowIfNull(table);
        string[] fields = [.. FieldsOf(table)];
        return Lines(Records(table).Select(record => fields.Select(field => record[field])).Prepend(fields), lineEnd);
    }

    private static IEnumerable<string> FieldsOf(ResultTable table) => table.ColumnsIn(ResultPlace.Programs).SelectMany(c => c.Column.Fields);

    private static IEnumerable<Dictionary<string, string>> Records(ResultTable table) => table.Rows.Select(row => table.ColumnsIn(ResultPlace.Programs)
        .SelectMany(c => c.Column.Fields.Select((field, i) => (field, Value: ValueOf(row[c.Index], i))))
        .ToDictionary(v => v.field, v => Written(v.Value)));

    private static object? ValueOf(ResultCell cell, int field) =>
        cell.Values.Count == 0 && field == 0 ? cell.Text : cell.Values.ElementAtOrDefault(field);

    private static string Written(object? value) => value switch
    {
        null or double.NaN or double.PositiveInfinity or double.NegativeInfinity or float.NaN or float.PositiveInfinity or float.NegativeInfinity => "",
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static string Lines(IEnumerable<IEnumerable<string>> records, string end) =>
        string.Concat(records.Select(record => string.Join(',', record.Select(Quoted)) + end));

    private static string Quoted(string field) =>
        field.AsSpan().IndexOfAny(",\"\r\n") < 0 ? field : $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
