namespace Polder.Machine;

/// <summary>The type of number that convolutions and linear layers compute in; parameters, statistics and losses are float32 in either case.</summary>
public enum Precision
{
    /// <summary>float32: 24 bits.</summary>
    F32,

    /// <summary>bfloat16: the range of float32 with 8 bits, in half the memory.</summary>
    BF16,
}

/// <summary>The order in which the numbers of a batch of images lie in memory.</summary>
public enum MemoryLayout
{
    /// <summary>Channel by channel, as the shape N x C x H x W says.</summary>
    Contiguous,

    /// <summary>Pixel by pixel, the channels of one side by side.</summary>
    ChannelsLast,
}

/// <summary>
/// The form in which images enter a network. The built-in networks compute in the form of their input: convolutions and linear layers cast their
/// float32 weights to its type, and what lies channels last stays so.
/// </summary>
/// <param name="Precision">The type.</param>
/// <param name="Layout">The layout.</param>
public readonly record struct InputForm(Precision Precision = Precision.F32, MemoryLayout Layout = MemoryLayout.Contiguous)
{
    /// <summary>The form of a precision where nothing else is asked for: bf16 lies channels last, which is faster for it.</summary>
    /// <param name="precision">The precision.</param>
    public static InputForm Of(Precision precision) =>
        new(precision, precision == Precision.BF16 ? MemoryLayout.ChannelsLast : MemoryLayout.Contiguous);

    /// <summary>The tensor library's name of the type.</summary>
    public ScalarType Type => Precision == Precision.BF16 ? ScalarType.BFloat16 : ScalarType.Float32;

    /// <summary>A batch in this form.</summary>
    /// <param name="images">Float32, batch x channels x height x width, or anything else, which has no layout; gradients pass through.</param>
    /// <returns>The batch itself where it has the form already, else a new tensor.</returns>
    public Tensor Of(Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        bool moves = Layout == MemoryLayout.ChannelsLast && images.dim() == 4;
        if (Precision == Precision.F32)
            return moves ? ConvolutionCheck.ToChannelsLast(images) : images;
        if (!moves)
            return images.to(Type);
        using Tensor cast = images.to(Type);
        return ConvolutionCheck.ToChannelsLast(cast);
    }

    /// <summary>In words: <c>float32</c>, <c>bf16, channels last</c>.</summary>
    public override string ToString() => (Precision == Precision.BF16 ? "bf16" : "float32") + (Layout == MemoryLayout.ChannelsLast ? ", channels last" : "");
}
