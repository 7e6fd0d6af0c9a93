namespace Polder.Vision.Models;

/// <summary>What a file of another program does not say of itself.</summary>
/// <param name="HeadOutput">The value that has the logits; null: found out.</param>
/// <param name="Features">The value that has the features, behind which a new head comes; null: found out.</param>
/// <param name="Channels">Which color the network takes first, <c>rgb</c> or <c>bgr</c>; null: as the file says, else red.</param>
public sealed record ForeignOptions(string? HeadOutput = null, string? Features = null, string? Channels = null);

/// <summary>Files that hold a network whole, weights and computation: what reads them. <c>Polder.Onnx</c> has the one for ONNX.</summary>
public interface IForeignFormat
{
    /// <summary>Whether a file is a network of its own, and no checkpoint of a built-in architecture.</summary>
    /// <param name="path">An ONNX file, by its beginning or its name.</param>
    /// <exception cref="CheckpointException">The file cannot be read.</exception>
    bool Reads(string path);

    /// <summary>
    /// Translates a file into a checkpoint as Polder writes it: parameters under the names of the network, and metadata with its graph
    /// (<see cref="ImageClassifier.Graph"/>), image size, normalization and classes.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What it does not say of itself.</param>
    /// <param name="imageSize">The side of the images, in pixels; null: as the file says.</param>
    /// <exception cref="CheckpointException">The file cannot be read, or is no network that classifies images.</exception>
    Checkpoint Import(string path, ForeignOptions options, int? imageSize);

    /// <summary>The architecture of a graph.</summary>
    /// <param name="path">Where the text was, for messages.</param>
    /// <param name="graph">The text in the metadata of a checkpoint.</param>
    /// <param name="usual">What of it does not depend on the graph.</param>
    /// <exception cref="CheckpointException">It is damaged.</exception>
    Architecture Restore(string path, string graph, Architecture usual);
}

/// <summary>Networks that other programs made: how their files come in, once a format is registered.</summary>
public static class ForeignNetworks
{
    /// <summary>The name of their architecture.</summary>
    public const string Name = "onnx";

    /// <summary>The entries of metadata that say what a file did not: the names of its classes, and how pixels become inputs.</summary>
    public const string AssumedClasses = "assumedClasses", AssumedNormalization = "assumedNormalization";

    /// <summary>What a program calls at its start that has not.</summary>
    internal const string Line = "Polder.Onnx.OnnxNetworks.Register()";

    /// <summary>What reads them; null where nothing does.</summary>
    internal static IForeignFormat? Format { get; private set; }

    /// <summary>What such a network is trained with, whatever its graph: the rate that suits BatchNorm kept and folded (docs/results/onnx-in.md).</summary>
    internal static Architecture Usual { get; } = new(
        Name, "the network of an ONNX file", 224, 3, Normalization.ImageNet, new LearningRates(FineTuning: 0.003, Head: 0.1, Scratch: 0.01, Adaptive: 0.0003),
        "head", _ => throw new SettingException("arch", Name, "with weights: an ONNX file, or what was trained from one"));

    /// <summary>Makes a format known to everything that opens weights, in this process. The last one counts.</summary>
    /// <param name="format">The format.</param>
    public static void Register(IForeignFormat format) => Format = format ?? throw new ArgumentNullException(nameof(format));

    /// <summary>The architecture of a graph that metadata has.</summary>
    internal static Architecture Restore(string path, string graph, int imageSize, Normalization normalization) =>
        (Format ?? throw new DataException(path, $"came from an ONNX file, for which a program calls {Line} at its start (package Polder.Onnx)"))
            .Restore(path, graph, Usual with { ImageSize = imageSize, Normalization = normalization });
}
