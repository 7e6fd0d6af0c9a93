using static TorchSharp.torch.nn;

namespace Polder.Vision.Models;

/// <summary>
/// A convolution with many weights over a map of few pixels, as one product of matrices: rows of patches times the weights as they lie. The
/// convolutions of oneDNN are made for large maps. Over 2 x 2 pixels they spend most of their time on moving the weights about and on the gradient of
/// the weights; measured in bench/RESULTS.md ("Convolutions over a few pixels").
/// </summary>
internal static class TinyMapConvolution
{
    // From 512 x 256 x 3 x 3 weights on the product is faster for maps of up to 2 x 2, in float32 and in bf16, on a Xeon with AMX and with AMX hidden.
    private const long LeastWeights = 1 << 20, MostPixels = 4;

    // With instructions for tiles of bf16, where the convolution's gradient of the weights stays as slow as without.
    private const long MostPixelsWithTiles = 16;

    /// <summary>Whether the product is the faster form here.</summary>
    /// <param name="convolution">The convolution.</param>
    /// <param name="input">Its input, batch x channels x height x width.</param>
    public static bool Suits(Conv2d convolution, Tensor input)
    {
        Tensor weight = convolution.weight;
        if (weight.numel() < LeastWeights || convolution.groups != 1 || convolution.padding is not { Length: 2 })
            return false;
        long most = input.dtype == ScalarType.BFloat16 && ProcessorFacts.HasBFloat16Tiles ? MostPixelsWithTiles : MostPixels;
        return OutputSide(convolution, input, 0) * OutputSide(convolution, input, 1) <= most;
    }

    /// <summary>
    /// The convolution, whose padding is given in numbers. It can be differentiated as often as the layer's own form, and its output lies as the input does.
    /// </summary>
    /// <param name="convolution">The convolution: its geometry.</param>
    /// <param name="input">Batch x channels x height x width.</param>
    /// <param name="weight">The weights, of the input's type.</param>
    /// <param name="bias">The bias, of the input's type, or null.</param>
    /// <returns>Batch x channels x height x width.</returns>
    public static Tensor Convolve(Conv2d convolution, Tensor input, Tensor weight, Tensor? bias)
    {
        using DisposeScope scope = NewDisposeScope();
        (long height, long width, long channels) = (OutputSide(convolution, input, 0), OutputSide(convolution, input, 1), weight.shape[0]);
        (long, long) Pair(long[] values) => (values[0], values[1]);
        Tensor patches = functional.unfold(input, (weight.shape[2], weight.shape[3]), Pair(convolution.dilation), Pair(convolution.padding!),
            Pair(convolution.stride));
        Tensor rows = patches.transpose(1, 2).reshape(-1, patches.shape[1]);
        Tensor output = functional.linear(rows, weight.reshape(channels, -1), bias).view(-1, height, width, channels).permute(0, 3, 1, 2);
        return (input.is_contiguous() ? output.contiguous() : output).MoveToOuterDisposeScope();
    }

    private static long OutputSide(Conv2d convolution, Tensor input, int side)
    {
        long reach = convolution.dilation[side] * (convolution.weight.shape[2 + side] - 1) + 1;
        return (input.shape[2 + side] + 2 * convolution.padding![side] - reach) / convolution.stride[side] + 1;
    }
}
