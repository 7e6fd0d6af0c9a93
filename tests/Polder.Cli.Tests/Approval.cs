using System.Globalization;

namespace Polder.Cli.Tests;

/// <summary>Compares what the program writes with the approved files, so that no change of it goes unseen.</summary>
internal static class Approval
{
    /// <summary>
    /// Cultures in which a number reads differently. The program and its tests run with invariant globalization, which has no data of real
    /// cultures: these have the signs of the named ones.
    /// </summary>
    private static readonly CultureInfo[] Cultures =
    [
        Culture("en-US", ".", ",", "-"), Culture("de-DE", ",", ".", "-"), Culture("tr-TR", ",", ".", "-"), Culture("ar-SA", "\u066b", "\u066c", "\u061c-"),
    ];

    /// <summary>Fails where a text is not the approved one in every culture; the message says how to approve it.</summary>
    public static void Check(string name, Func<string> text)
    {
        string approved = Path.Combine(AppContext.BaseDirectory, "Approved", name + ".txt"),
            received = Path.Combine(AppContext.BaseDirectory, "Received", name + ".txt");
        string expected = File.Exists(approved) ? File.ReadAllText(approved).ReplaceLineEndings("\n") : "";
        Directory.CreateDirectory(Path.GetDirectoryName(received)!);
        File.Delete(received);
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            foreach (CultureInfo culture in Cultures)
            {
                CultureInfo.CurrentCulture = culture;
                string found = text().ReplaceLineEndings("\n");
                if (found == expected)
                    continue;
                File.WriteAllText(received, found);
                Assert.Fail(
                    $"{name} is not as approved (with the signs of {culture.NumberFormat.CurrencySymbol}), at line {FirstDifference(expected, found)}. "
                        + "Look at the difference, and approve all that was received with\n"
                    + $"cp {Path.Combine(AppContext.BaseDirectory, "Received")}/*.txt tests/Polder.Cli.Tests/Approved/");
            }
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private static string FirstDifference(string expected, string found)
    {
        string[] a = expected.Split('\n'), b = found.Split('\n');
        int i = a.Zip(b).TakeWhile(pair => pair.First == pair.Second).Count();
        return $"{i + 1}: approved \"{a.ElementAtOrDefault(i)}\", found \"{b.ElementAtOrDefault(i)}\"";
    }

    private static CultureInfo Culture(string name, string point, string group, string minus)
    {
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        culture.NumberFormat = new NumberFormatInfo
        {
            CurrencySymbol = name,
            NumberDecimalSeparator = point,
            PercentDecimalSeparator = point,
            NumberGroupSeparator = group,
            NegativeSign = minus,
            PercentPositivePattern = 1,
        };
        return culture;
    }
}
