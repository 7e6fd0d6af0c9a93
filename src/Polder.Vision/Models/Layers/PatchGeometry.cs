namespace Polder.Vision.Models;

/// <summary>Which pixels of a map a convolution's outputs see. Maps lie with their channels last: batch x height x width x channels.</summary>
/// <param name="Batch">Images.</param>
/// <param name="Channels">Channels of the input.</param>
/// <param name="Input">Height and width of the input.</param>
/// <param name="Output">Height and width of the output.</param>
/// <param name="Kernel">Taps down and across.</param>
/// <param name="Stride">Steps between outputs.</param>
/// <param name="Padding">Zeros around the input.</param>
/// <param name="Dilation">Steps between taps.</param>
internal sealed record PatchGeometry(
    int Batch, int Channels, (int Height, int Width) Input, (int Height, int Width) Output, (int Height, int Width) Kernel,
    (int Height, int Width) Stride, (int Height, int Width) Padding, (int Height, int Width) Dilation)
{
    /// <summary>Taps of the kernel.</summary>
    public int Taps => Kernel.Height * Kernel.Width;

    /// <summary>Numbers in an image's rows.</summary>
    public int RowsLength => Output.Height * Output.Width * Channels * Taps;

    /// <summary>Numbers in an image.</summary>
    public int ImageLength => Input.Height * Input.Width * Channels;

    /// <summary>The geometry of a layer whose padding is given in numbers.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="input">Its input, batch x channels x height x width.</param>
    public static PatchGeometry Of(Conv2d layer, Tensor input)
    {
        (int, int) Pair(Func<int, long> side) => ((int)side(0), (int)side(1));
        return new(
            (int)input.shape[0], (int)input.shape[1], Pair(i => input.shape[2 + i]), Pair(i => OutputSide(layer, input, i)),
            Pair(i => layer.weight.shape[2 + i]), Pair(i => layer.stride[i]), Pair(i => layer.padding![i]), Pair(i => layer.dilation[i]));
    }

    /// <summary>Height (0) or width (1) of a layer's output.</summary>
    public static long OutputSide(Conv2d layer, Tensor input, int side)
    {
        long reach = layer.dilation[side] * (layer.weight.shape[2 + side] - 1) + 1;
        return (input.shape[2 + side] + 2 * layer.padding![side] - reach) / layer.stride[side] + 1;
    }

    /// <summary>
    /// Where the first channel of the pixel under a tap of an output lies in its image, in numbers; negative: in the padding. The same for every image.
    /// </summary>
    /// <returns>An entry an output and tap, the outputs row by row.</returns>
    public int[] Offsets => field ??= Places();

    /// <summary>
    /// Where the first channel of a pixel stands in its image's rows, in numbers: once for each output that sees it. The other channels follow in steps of
    /// <see cref="Taps"/>.
    /// </summary>
    /// <returns>An entry a pixel, row by row.</returns>
    public int[][] Sources()
    {
        var sources = new List<int>[Input.Height * Input.Width];
        for (int i = 0; i < sources.Length; i++)
            sources[i] = [];
        int[] offsets = Offsets;
        for (int i = 0; i < offsets.Length; i++)
            if (offsets[i] >= 0)
                sources[offsets[i] / Channels].Add(i / Taps * Taps * Channels + i % Taps);
        return [.. sources.Select(s => s.ToArray())];
    }

    private int[] Places()
    {
        var offsets = new int[Output.Height * Output.Width * Taps];
        int next = 0;
        for (int y = 0; y < Output.Height; y++)
            for (int x = 0; x < Output.Width; x++)
                for (int i = 0; i < Kernel.Height; i++)
                    for (int j = 0; j < Kernel.Width; j++)
                    {
                        int row = y * Stride.Height - Padding.Height + i * Dilation.Height, column = x * Stride.Width - Padding.Width + j * Dilation.Width;
                        bool inside = row >= 0 && row < Input.Height && column >= 0 && column < Input.Width;
                        offsets[next++] = inside ? (row * Input.Width + column) * Channels : -1;
                    }
        return offsets;
    }
}
