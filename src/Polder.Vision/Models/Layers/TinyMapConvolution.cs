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

    // With instructions for tiles of bf16 the convolution's values are fast over larger maps, and its gradient of the weights stays as slow as without:
    // it takes a time that goes with the weights, the product's patches one that goes with channels in, taps and pixels.
    private const long MostPixelsWithTiles = 16, LeastWeightsWithTiles = 1 << 17, ChannelsPerPixel = 8;

    /// <summary>Whether the product is the faster form here.</summary>
    /// <param name="convolution">The convolution.</param>
    /// <param name="input">Its input, batch x channels x height x width.</param>
    public static bool Suits(Conv2d convolution, Tensor input)
    {
        Tensor weight = convolution.weight;
        long weights = weight.numel();
        if (weights < LeastWeightsWithTiles || convolution.groups != 1 || convolution.padding is not { Length: 2 } || !Patches.CanHave(input))
            return false;
        long pixels = PatchGeometry.OutputSide(convolution, input, 0) * PatchGeometry.OutputSide(convolution, input, 1);
        if (input.dtype != ScalarType.BFloat16 || !ProcessorFacts.HasBFloat16Tiles)
            return weights >= LeastWeights && pixels <= MostPixels;
        bool learns = is_grad_enabled() && weight.requires_grad;
        return learns ? pixels * ChannelsPerPixel <= weight.shape[0] : weights >= LeastWeights && pixels <= MostPixelsWithTiles;
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
        PatchGeometry geometry = PatchGeometry.Of(convolution, input);
        Tensor rows = Patches.Rows(input, geometry);
        Tensor output = functional.linear(rows, weight.reshape(weight.shape[0], -1), bias)
            .view(-1, geometry.Output.Height, geometry.Output.Width, weight.shape[0]).permute(0, 3, 1, 2);
        return (input.is_contiguous() ? output.contiguous() : output).MoveToOuterDisposeScope();
    }
}
