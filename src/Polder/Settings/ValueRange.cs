using System.Globalization;

namespace Polder.Settings;

/// <summary>The values that a numeric setting takes, with the words for them in help pages and error messages.</summary>
public sealed class ValueRange
{
    private readonly Func<double, bool> _contains;
    private readonly string _words;

    private ValueRange(string words, Func<double, bool> contains)
    {
        _words = words;
        _contains = contains;
    }

    /// <summary>Every finite number.</summary>
    public static ValueRange Any { get; } = new("", _ => true);

    /// <summary>low &lt;= x.</summary>
    public static ValueRange AtLeast(double low) => new($" >= {Text(low)}", x => x >= low);

    /// <summary>low &lt; x.</summary>
    public static ValueRange Above(double low) => new($" > {Text(low)}", x => x > low);

    /// <summary>low &lt; x &lt;= high, as a share asks for.</summary>
    public static ValueRange AboveUpTo(double low, double high) => new($" > {Text(low)} and <= {Text(high)}", x => x > low && x <= high);

    /// <summary>low &lt;= x &lt;= high.</summary>
    public static ValueRange Between(double low, double high) => new($" between {Text(low)} and {Text(high)}", x => x >= low && x <= high);

    /// <summary>low &lt; x &lt; high, as a probability asks for.</summary>
    public static ValueRange Inside(double low, double high) => new($" > {Text(low)} and < {Text(high)}", x => x > low && x < high);

    /// <summary>low &lt;= x &lt; high, as a momentum asks for.</summary>
    public static ValueRange HalfOpen(double low, double high) => new($" >= {Text(low)} and < {Text(high)}", x => x >= low && x < high);

    /// <summary>Whether the value is finite and inside.</summary>
    public bool Contains(double value) => double.IsFinite(value) && _contains(value);

    /// <summary>For example "a number >= 0".</summary>
    public string Describe(string kind) => kind + _words;

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
