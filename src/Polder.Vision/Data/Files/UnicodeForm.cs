using System.Collections.Frozen;
using System.Reflection;

namespace Polder.Vision.Data.Files;

/// <summary>Names in one Unicode form: macOS writes é as e and an accent (NFD), other systems as one letter (NFC).</summary>
/// <remarks><see cref="string.Normalize()"/> leaves names as they are in programs with invariant globalization, such as ours.</remarks>
internal static class UnicodeForm
{
    // The pairs of Unicode 15 that compose, each as the pair and the letter.
    private static readonly Lazy<FrozenDictionary<(char, char), char>> Pairs = new(() =>
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream("Polder.Vision.compositions.txt")!);
        return reader.ReadToEnd().Chunk(3).ToFrozenDictionary(triple => (triple[0], triple[1]), triple => triple[2]);
    });

    /// <summary>The name with letters and the marks that follow them composed (NFC, for marks in canonical order).</summary>
    public static string Composed(string name)
    {
        if (name.All(char.IsAscii))
            return name;
        var composed = new List<char>(name.Length);
        foreach (char c in name)
        {
            if (composed.Count > 0 && Together(composed[^1], c) is char letter)
                composed[^1] = letter;
            else
                composed.Add(c);
        }
        return new string([.. composed]);
    }

    private static char? Together(char first, char second)
    {
        // Korean syllables by rule (Unicode 3.12): a leading consonant and a vowel, then a trailing consonant.
        if (first is >= '\u1100' and <= '\u1112' && second is >= '\u1161' and <= '\u1175')
            return (char)(0xAC00 + ((first - 0x1100) * 21 + second - 0x1161) * 28);
        if (first is >= '\uAC00' and <= '\uD7A3' && (first - 0xAC00) % 28 == 0 && second is > '\u11A7' and <= '\u11C2')
            return (char)(first + second - 0x11A7);
        return Pairs.Value.TryGetValue((first, second), out char letter) ? letter : null;
    }
}
