using System.Runtime.CompilerServices;

namespace Polder.Methods;

/// <summary>Checks of options whose messages name the option, what was found and what is allowed.</summary>
internal static class OptionRange
{
    public static void AtLeast(int value, int least, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (value < least)
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be an integer of at least {least}");
    }

    public static void NotNegative(double value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (!double.IsFinite(value) || value < 0)
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be a finite number of at least 0");
    }

    public static void Share(double value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (!(value is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be between 0 and 1");
    }
}
