using System.Text.RegularExpressions;

namespace Polder.Vision.Recipes;

/// <summary>The words of enumerations in settings: those of the value's name (OneCycle is one-cycle), or shorter ones.</summary>
internal static partial class SettingWords
{
    private static readonly Dictionary<Enum, string> Short = new()
    {
        [BaseOptimizer.AdamW] = "adamw",
        [Augmentation.ResizedCropFlip] = "resized-crop",
        [BatchNormPolicy.OncePerStep] = "once",
        [BatchNormPolicy.FirstProbe] = "first",
        [BatchNormPolicy.EveryProbe] = "every",
        [BatchNormPolicy.CleanForward] = "clean",
    };

    /// <summary>The word of a value.</summary>
    public static string Of(Enum value) => Short.GetValueOrDefault(value) ?? Border().Replace(value.ToString(), "-").ToLowerInvariant();

    /// <summary>The value of a word that one of its values has.</summary>
    public static T Named<T>(string word)
        where T : struct, Enum => Enum.GetValues<T>().First(value => Of(value) == word);

    [GeneratedRegex("(?<=[a-z])(?=[A-Z])")]
    private static partial Regex Border();
}
