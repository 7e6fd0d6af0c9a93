using System.Runtime.CompilerServices;

namespace Polder.Generalization;

/// <summary>Checks of the arguments of bounds; a message names the argument and what is allowed.</summary>
internal static class GeneralizationRange
{
    public static void Rate(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Require(value is >= 0 and <= 1, value, name, "between 0 and 1");

    public static void Inside(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Require(value is > 0 and < 1, value, name, "between 0 and 1, both excluded");

    public static void AtLeastZero(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Require(value >= 0, value, name, "a number of at least 0");

    public static void Positive(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Require(value > 0 && double.IsFinite(value), value, name, "a finite number above 0");

    public static void Finite(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Require(double.IsFinite(value), value, name, "a finite number");

    public static void Count(long value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Require(value >= 1, value, name, "1 or more");

    public static void Require(bool allowed, object found, string name, string range)
    {
        if (!allowed)
            throw new ArgumentOutOfRangeException(name, found, $"{name} is {found}; it must be {range}");
    }
}
