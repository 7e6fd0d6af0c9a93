using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Polder;

/// <summary>Checks of options and arguments: the one way in which the library says that a value is out of range.</summary>
public static class Require
{
    /// <summary>Any condition.</summary>
    /// <param name="isAllowed">Whether the value is allowed.</param>
    /// <param name="value">What was found.</param>
    /// <param name="allowed">What is allowed, in words that follow "must be".</param>
    /// <param name="name">The name of the value.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not; the message is "name must be allowed", the value is in the exception.</exception>
    public static void That([DoesNotReturnIf(false)] bool isAllowed, object? value, string allowed, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (!isAllowed)
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be {allowed}");
    }

    /// <summary>The value of a property that is being set, where it is allowed.</summary>
    /// <inheritdoc cref="That"/>
    public static T Value<T>(T value, bool isAllowed, string allowed, [CallerMemberName] string name = "")
    {
        That(isAllowed, value, allowed, name);
        return value;
    }

    /// <summary>An integer of at least <paramref name="least"/>; null stands for "not given" and is allowed.</summary>
    /// <inheritdoc cref="That"/>
    public static void AtLeast<T>(T value, T least, [CallerArgumentExpression(nameof(value))] string name = "") where T : IBinaryInteger<T> =>
        That(value >= least, value, value >= least ? "" : $"an integer of at least {least}", name);

    /// <inheritdoc cref="AtLeast{T}(T, T, string)"/>
    public static void AtLeast<T>(T? value, T least, [CallerArgumentExpression(nameof(value))] string name = "") where T : struct, IBinaryInteger<T> =>
        AtLeast(value ?? least, least, name);

    /// <summary>A finite number above 0; null stands for "not given" and is allowed.</summary>
    /// <inheritdoc cref="That"/>
    public static void Positive(double? value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value is null or (> 0 and < double.PositiveInfinity), value, "a finite number above 0", name);

    /// <summary>A finite number of at least 0; null stands for "not given" and is allowed.</summary>
    /// <inheritdoc cref="That"/>
    public static void NotNegative(double? value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value is null or (>= 0 and < double.PositiveInfinity), value, "a finite number of at least 0", name);

    /// <summary>A number of at least 0, infinity included.</summary>
    /// <inheritdoc cref="That"/>
    public static void NotNegativeOrInfinite(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value >= 0, value, "a number of at least 0", name);

    /// <summary>A finite number.</summary>
    /// <inheritdoc cref="That"/>
    public static void Finite(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(double.IsFinite(value), value, "a finite number", name);

    /// <summary>A number from 0 to 1.</summary>
    /// <inheritdoc cref="That"/>
    public static void Share(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value is >= 0 and <= 1, value, "between 0 and 1", name);

    /// <summary>A number of at least 0 and below 1.</summary>
    /// <inheritdoc cref="That"/>
    public static void BelowOne(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value is >= 0 and < 1, value, "a number of at least 0 and below 1", name);

    /// <summary>A number between 0 and 1; null stands for "not given" and is allowed.</summary>
    /// <inheritdoc cref="That"/>
    public static void Inside(double? value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value is null or (> 0 and < 1), value, "between 0 and 1, both excluded", name);

    /// <summary>A value that its enumeration has.</summary>
    /// <inheritdoc cref="That"/>
    public static void Known<T>(T value, [CallerArgumentExpression(nameof(value))] string name = "") where T : struct, Enum =>
        That(Enum.IsDefined(value), value, $"one of {string.Join(", ", Enum.GetNames<T>())}", name);

    /// <summary>A grid of scales: distinct finite numbers above 0, at least one.</summary>
    /// <inheritdoc cref="That"/>
    public static void Grid(IReadOnlyList<double> value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        ArgumentNullException.ThrowIfNull(value, name);
        bool isGrid = value.Count > 0 && value.All(v => v is > 0 and < double.PositiveInfinity) && value.Distinct().Count() == value.Count;
        That(isGrid, value.Count == 0 ? "none" : string.Join(", ", value), "distinct finite numbers above 0", name);
    }
}
