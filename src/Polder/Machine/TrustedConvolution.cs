namespace Polder.Machine;

/// <summary>
/// A convolution that does not pass through the convolution code of libtorch: patches as columns, then a matrix product. Its derivative
/// is that of the two. Slow, and as exact as the type of its input.
/// </summary>
internal static class TrustedConvolution
{
    /// <returns>batch x out channels x height x width.</returns>
    public static Tensor Run(Tensor input, Tensor weight, ConvolutionShape shape)
    {
        long batch = input.shape[0], height = Outputs(input.shape[2], shape.Kernel.Height, shape.Stride.Height, shape.Padding.Height, shape.Dilation.Height);
        long width = Outputs(input.shape[3], shape.Kernel.Width, shape.Stride.Width, shape.Padding.Width, shape.Dilation.Width);
        // batch x (in channels * taps) x positions: the columns of a group follow one another.
        Tensor columns = nn.functional.unfold(input, shape.Kernel, shape.Dilation, shape.Padding, shape.Stride)
            .reshape(batch, shape.Groups, -1, height * width);
        Tensor rows = weight.reshape(1, shape.Groups, shape.OutChannels / shape.Groups, -1);
        return rows.matmul(columns).reshape(batch, shape.OutChannels, height, width);
    }

    private static long Outputs(long size, long kernel, long stride, long padding, long dilation) =>
        ((size + (2 * padding) - (dilation * (kernel - 1)) - 1) / stride) + 1;
}
