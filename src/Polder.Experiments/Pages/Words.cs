using System.Globalization;
using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>Numbers and names as pages say them.</summary>
internal static class Words
{
    /// <summary>A share in percent, such as 82.5 %.</summary>
    public static string Percent(double share) => double.IsFinite(share) ? Invariant($"{100 * share:0.0} %") : "unknown";

    /// <summary>An interval of shares, such as 79.1 to 85.5 %.</summary>
    public static string Percent(double low, double high) => Invariant($"{100 * low:0.0} to {100 * high:0.0} %");

    /// <summary>A share and Wilson's interval, for a cell.</summary>
    public static string Percent(ProportionInterval interval) =>
        Invariant($"{100 * interval.Share:0.0} % ({100 * interval.Low:0.0} to {100 * interval.High:0.0})");

    /// <summary>A difference of shares in points, such as +2.1.</summary>
    public static string Points(double difference) => Invariant($"{100 * difference:+0.0;-0.0;0.0}");

    /// <summary>A p value after the letter: 0.031, or below 0.001.</summary>
    public static string Probability(double p) => p < 0.001 ? "below 0.001" : Invariant($"{p:0.000}");

    /// <summary>A number to some digits; long ones with an exponent.</summary>
    public static string Number(double value, int digits = 4) => !double.IsFinite(value) ? "unknown"
        : value != 0 && Math.Abs(value) is < 1e-3 or >= 1e7 ? value.ToString($"0.{new string('#', digits - 1)}e0", CultureInfo.InvariantCulture)
        : double.Parse(value.ToString($"G{digits}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)
            .ToString("#,0.#######", CultureInfo.InvariantCulture);

    /// <summary>A number with its standard error.</summary>
    public static string Number(double value, double error) => double.IsFinite(error) ? $"{Number(value)} ± {Number(error, 2)}" : Number(value);

    /// <summary>A whole number with its thousands apart.</summary>
    public static string Count(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>Seconds, minutes or hours.</summary>
    public static string Duration(double seconds) => seconds switch
    {
        < 100 => Invariant($"{seconds:0.0} s"),
        < 6000 => Invariant($"{seconds / 60:0.0} min"),
        _ => Invariant($"{seconds / 3600:0.0} h"),
    };

    /// <summary>A method as people say it: the base optimizer by its name, others in capitals.</summary>
    public static string Method(string name, string optimizer) => name == "base" ? optimizer.ToUpperInvariant() : name.ToUpperInvariant();

    /// <summary>"1 image", "2 images".</summary>
    public static string Of(long count, string one, string? many = null) => $"{Count(count)} {(count == 1 ? one : many ?? one + "s")}";

    /// <summary>A command line that can be pasted into a shell.</summary>
    public static string CommandLine(IEnumerable<string> arguments) => string.Join(' ', arguments.Prepend("polder").Select(Quoted));

    private static string Quoted(string argument) => argument.Length > 0 && argument.All(c => char.IsAsciiLetterOrDigit(c) || "-_./,:+=@%".Contains(c))
        ? argument : "'" + argument.Replace("'", "'\\''") + "'";
}
