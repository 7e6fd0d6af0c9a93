namespace Polder.Onnx;

/// <summary>What an exported network is fed with. Whatever it is, images are squares of the network's size, prepared by its <see cref="ImageFit"/>.</summary>
public enum ImageInput
{
    /// <summary>N x channels x height x width, normalized by whoever calls: the file has no preprocessing.</summary>
    Normalized,

    /// <summary>N x channels x height x width, pixels between 0 and 1, red first.</summary>
    Pixels01,

    /// <summary>N x channels x height x width, pixels between 0 and 255 as floats, red first: what ML.NET's <c>ExtractPixels</c> gives.</summary>
    Pixels255,

    /// <summary>N x height x width x channels, bytes, red first: pixels as decoders give them.</summary>
    BytesNhwc,
}

/// <summary>How a network becomes an ONNX file.</summary>
public sealed record ExportOptions
{
    /// <summary>The oldest and the newest version of the operators that can be written.</summary>
    public const int FirstOpset = 13, LastOpset = 22;

    /// <summary>What the file's input is; normalization is part of the graph where it is not <see cref="ImageInput.Normalized"/>, the default.</summary>
    public ImageInput Input { get; init; }

    /// <summary>Whether there is an output <c>probabilities</c> beside <c>logits</c>. Default: yes.</summary>
    public bool Softmax { get; init; } = true;

    /// <summary>
    /// Whether BatchNorm becomes part of the convolution before it: a smaller graph, but other parameters. Default: no, so that the file holds
    /// the network's parameters as they are, under their names.
    /// </summary>
    public bool Fold { get; init; }

    /// <summary>The version of the operators, 13 to 22. Default 17.</summary>
    public int Opset
    {
        get;
        init => field = Require.Value(value, value is >= FirstOpset and <= LastOpset, $"{FirstOpset} to {LastOpset}");
    } = 17;

    /// <summary>Images of a batch, 1 or more; null (default): any number, as the caller chooses.</summary>
    public int? Batch { get; init => field = Require.Value(value, value is null or > 0, "1 or more"); }

    /// <summary>
    /// Whether parameters and computation are floats of 16 bits: half the size, logits to about three digits. Input and outputs stay of 32 bits.
    /// Default: no.
    /// </summary>
    public bool Half { get; init; }

    /// <summary>
    /// Whether config.json and preprocessor_config.json come beside the file, and its input is called <c>pixel_values</c>, so that Transformers.js and
    /// Optimum can use it. Default: no.
    /// </summary>
    public bool HuggingFace { get; init; }

    internal string InputName => HuggingFace ? "pixel_values" : "input";
}

/// <summary>What was exported, as it was read back.</summary>
/// <param name="File">The ONNX file.</param>
/// <param name="Labels">The file with the names of the classes, one a line.</param>
/// <param name="Inputs">The file's inputs.</param>
/// <param name="Outputs">The file's outputs.</param>
/// <param name="Opset">The version of its operators.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="EqualParameters">How many tensors of the network are in it bit for bit; 0 where they were folded or rounded.</param>
/// <param name="MaxError">
/// The largest difference between the logits that the file gives, computed by the library's own reader, and the network's, over the network's largest.
/// </param>
public sealed record ExportReport(
    string File, string Labels, IReadOnlyList<OnnxValue> Inputs, IReadOnlyList<OnnxValue> Outputs, int Opset, long Bytes, int EqualParameters, double MaxError)
{
    /// <summary>The files for Hugging Face's programs (<see cref="ExportOptions.HuggingFace"/>); empty where they were not asked for.</summary>
    public IReadOnlyList<string> HuggingFace { get; init; } = [];
}
