using System.Text.Json;

namespace Polder.Onnx.Exporting;

/// <summary>
/// The two files that Transformers.js and Optimum read beside an ONNX file: what the classes are called, and how a picture becomes the input. Their
/// resizing (PIL's bilinear, smoothed by the reduction) is the library's.
/// </summary>
internal static class HuggingFaceFiles
{
    private const int Bilinear = 2;
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>The files' names, in the order of <see cref="Of"/>.</summary>
    public static IReadOnlyList<string> Names { get; } = ["config.json", "preprocessor_config.json"];

    /// <summary>Their contents.</summary>
    /// <param name="path">The ONNX file, for messages.</param>
    /// <param name="classifier">The classifier.</param>
    /// <param name="options">How it is written.</param>
    /// <exception cref="OnnxException">Their image processors cannot make this input.</exception>
    public static IReadOnlyList<string> Of(string path, TrainedClassifier classifier, ExportOptions options)
    {
        string? reason = options.Input == ImageInput.BytesNhwc ? "an input of bytes-nhwc, allowed: normalized, pixels01, pixels255"
            : classifier.Network.Channels != 3 ? $"images of {classifier.Network.Channels} channel(s), allowed: 3"
            : classifier.Fit == ImageFit.Letterbox ? "pictures fitted by letterbox, allowed: crop, stretch" : null;
        if (reason is not null)
            throw new OnnxException(path, $"is not written: Hugging Face's image processors do not make {reason}");
        return [JsonSerializer.Serialize(Configuration(classifier), Format) + "\n", JsonSerializer.Serialize(Processor(classifier, options), Format) + "\n"];
    }

    private static Dictionary<string, object> Configuration(TrainedClassifier classifier) => new()
    {
        // Theirs has the same name and shape of inputs and outputs; of the layers they read nothing where the graph is an ONNX file.
        ["architectures"] = (string[])["ResNetForImageClassification"],
        ["model_type"] = "resnet",
        ["num_channels"] = classifier.Network.Channels,
        ["image_size"] = classifier.ImageSize,
        ["id2label"] = classifier.Classes.Index().ToDictionary(c => $"{c.Index}", c => c.Item),
        ["label2id"] = classifier.Classes.Index().ToDictionary(c => c.Item, c => c.Index),
    };

    private static Dictionary<string, object> Processor(TrainedClassifier classifier, ExportOptions options)
    {
        bool crops = classifier.Fit == ImageFit.Crop;
        var square = new Dictionary<string, int> { ["height"] = classifier.ImageSize, ["width"] = classifier.ImageSize };
        var processor = new Dictionary<string, object>
        {
            ["image_processor_type"] = crops ? "CLIPImageProcessor" : "ViTImageProcessor",
            ["do_convert_rgb"] = true,
            ["do_resize"] = true,
            ["size"] = crops ? new Dictionary<string, int> { ["shortest_edge"] = classifier.ImageSize } : square,
            ["resample"] = Bilinear,
            ["do_center_crop"] = crops,
            ["do_rescale"] = options.Input != ImageInput.Pixels255,
            ["rescale_factor"] = 1.0 / 255,
            ["do_normalize"] = options.Input == ImageInput.Normalized,
            ["image_mean"] = classifier.Normalization.Mean,
            ["image_std"] = classifier.Normalization.StandardDeviation,
        };
        if (crops)
            processor["crop_size"] = square;
        return processor;
    }
}
