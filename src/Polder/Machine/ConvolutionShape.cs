namespace Polder.Machine;

/// <summary>What chooses the kernel that computes a two-dimensional convolution: its channels and its geometry. Pairs are (height, width).</summary>
public sealed record ConvolutionShape
{
    /// <summary>Channels of the input, at least 1 and a multiple of <see cref="Groups"/>.</summary>
    public required long InChannels { get; init; }

    /// <summary>Channels of the output, at least 1 and a multiple of <see cref="Groups"/>.</summary>
    public required long OutChannels { get; init; }

    /// <summary>Size of the kernel in pixels.</summary>
    public (long Height, long Width) Kernel { get; init; } = (3, 3);

    /// <summary>Step of the kernel in pixels.</summary>
    public (long Height, long Width) Stride { get; init; } = (1, 1);

    /// <summary>Zeros added on each side, in pixels.</summary>
    public (long Height, long Width) Padding { get; init; } = (0, 0);

    /// <summary>Distance of the kernel's taps in pixels.</summary>
    public (long Height, long Width) Dilation { get; init; } = (1, 1);

    /// <summary>Groups of channels that do not see each other.</summary>
    public long Groups { get; init; } = 1;

    /// <summary>Whether training needs the gradient of the input: not for the first layer, and not behind frozen ones.</summary>
    public bool NeedsInputGradient { get; init; } = true;

    /// <summary>Numbers in the weight.</summary>
    public long WeightCount => OutChannels * (InChannels / Groups) * Kernel.Height * Kernel.Width;

    /// <summary>A square convolution that keeps the size of the image at stride 1.</summary>
    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="outChannels">Channels of the output.</param>
    /// <param name="kernel">Side of the kernel in pixels, odd.</param>
    /// <param name="stride">Step in pixels.</param>
    public static ConvolutionShape Square(long inChannels, long outChannels, long kernel = 3, long stride = 1) => new()
    {
        InChannels = inChannels,
        OutChannels = outChannels,
        Kernel = (kernel, kernel),
        Stride = (stride, stride),
        Padding = (kernel / 2, kernel / 2),
    };

    /// <summary>For example "3x3 convolution 64->128, stride 2".</summary>
    public override string ToString()
    {
        string text = $"{Kernel.Height}x{Kernel.Width} convolution {InChannels}->{OutChannels}";
        if (Stride != (1, 1))
            text += Stride.Height == Stride.Width ? $", stride {Stride.Height}" : $", stride {Stride.Height}x{Stride.Width}";
        if (Dilation != (1, 1))
            text += $", dilation {Dilation.Height}x{Dilation.Width}";
        return Groups == 1 ? text : text + $", {Groups} groups";
    }
}
