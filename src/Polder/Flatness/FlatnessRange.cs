using System.Runtime.CompilerServices;

namespace Polder.Flatness;

/// <summary>Checks of options whose messages name the option, what was found and what is allowed.</summary>
internal static class FlatnessRange
{
    public static void AtLeast(int value, int least, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (value < least)
            throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it must be an integer of at least {least}");
    }

    public static void Positive(double value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (!(value > 0) || !double.IsFinite(value))
            throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it must be a finite number above 0");
    }

    /// <summary>A grid of noise scales: distinct, above 0, at least one.</summary>
    public static void Grid(IReadOnlyList<double> values, [CallerArgumentExpression(nameof(values))] string name = "")
    {
        ArgumentNullException.ThrowIfNull(values, name);
        if (values.Count == 0 || values.Any(v => !(v > 0) || !double.IsFinite(v)) || values.Distinct().Count() < values.Count)
            throw new ArgumentException($"{name} is {(values.Count == 0 ? "empty" : string.Join(", ", values))}; it must be distinct finite numbers above 0", name);
    }
}
