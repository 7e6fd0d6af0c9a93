using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Polder.Onnx.Exporting;

/// <summary>What an exported file says beside the graph: for Polder, for Ultralytics' readers, and ONNX's own words for images.</summary>
internal static class ExportMetadata
{
    /// <summary>The entries.</summary>
    public static Dictionary<string, string> Of(TrainedClassifier classifier, ExportOptions options)
    {
        Dictionary<string, string> entries = classifier.Metadata.ToEntries();
        // The file has it itself.
        entries.Remove("graph");
        entries["std"] = entries["standardDeviation"];
        entries["task"] = "classify";
        entries["names"] = Names(classifier.Classes);
        entries["imgsz"] = string.Create(CultureInfo.InvariantCulture, $"[{classifier.ImageSize}, {classifier.ImageSize}]");
        entries["channels"] = classifier.Network.Channels.ToString(CultureInfo.InvariantCulture);
        entries["input"] = JsonNamingPolicy.KebabCaseLower.ConvertName($"{options.Input}");
        entries["headOutput"] = "logits";
        entries["Image.BitmapPixelFormat"] = classifier.Network.Channels == 3 ? "Rgb8" : "Gray8";
        entries["Image.ColorSpaceGamma"] = "SRGB";
        if (options.Input != ImageInput.Normalized)
            entries["Image.NominalPixelRange"] = options.Input == ImageInput.Pixels01 ? "Normalized_0_1" : "NominalRange_0_255";
        entries["polder"] = Version;
        return entries;
    }

    /// <summary>The library's version, without the commit that the build appends.</summary>
    public static string Version { get; } = typeof(ExportMetadata).Assembly.GetName().Version!.ToString(3);

    /// <summary>Names of classes as a literal of Python, which Ultralytics writes and reads: {0: 'cat', 1: 'it\'s'}.</summary>
    internal static string Names(IReadOnlyList<string> classes)
    {
        var text = new StringBuilder("{");
        for (int i = 0; i < classes.Count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{(i > 0 ? ", " : "")}{i}: '");
            foreach (char letter in classes[i])
            {
                if (letter is '\'' or '\\')
                    text.Append('\\').Append(letter);
                else if (char.IsControl(letter))
                    text.Append(CultureInfo.InvariantCulture, $"\\x{(int)letter:x2}");
                else
                    text.Append(letter);
            }
            text.Append('\'');
        }
        return text.Append('}').ToString();
    }
}
