using Polder.Vision.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Models;

/// <summary>The product of matrices against libtorch's convolution in float64: values, gradients, products with the Hessian.</summary>
public class TinyMapConvolutionTests
{
    [Theory]
    [InlineData(3, 1, 1, 1, 2)]
    [InlineData(3, 1, 2, 1, 4)]
    [InlineData(3, 0, 1, 1, 4)]
    [InlineData(3, 2, 1, 2, 2)]
    [InlineData(1, 0, 2, 1, 3)]
    public void It_is_the_convolution_and_so_are_its_derivatives(int kernel, int padding, int stride, int dilation, int side)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(3);
        using Conv2d layer = nn.Conv2d(5, 7, kernel, stride: stride, padding: padding, dilation: dilation, dtype: ScalarType.Float64);
        Tensor images = randn([3, 5, side, side], ScalarType.Float64, generator: generator).requires_grad_(true);
        Tensor weight = layer.weight, direction = randn(weight.shape, ScalarType.Float64, generator: generator);

        Tensor[] Derivatives(Tensor output)
        {
            Tensor loss = output.tanh().square().sum();
            IList<Tensor> first = autograd.grad([loss], [weight, images], retain_graph: true, create_graph: true);
            IList<Tensor> second = autograd.grad([(first[0] * direction).sum()], [weight, images]);
            return [output, .. first, .. second];
        }

        Tensor[] expected = Derivatives(layer.call(images));
        Tensor[] found = Derivatives(TinyMapConvolution.Convolve(layer, images, weight, layer.bias));
        foreach ((Tensor e, Tensor f) in expected.Zip(found))
        {
            Assert.Equal(e.shape, f.shape);
            Assert.True((e - f).abs().max().item<double>() <= 1e-12 * Math.Max(1, e.abs().max().item<double>()));
        }
    }

    [Fact]
    public void The_output_lies_as_the_input_does()
    {
        using DisposeScope scope = NewDisposeScope();
        using Conv2d layer = nn.Conv2d(4, 6, 3, padding: 1);
        Tensor images = ones(2, 4, 2, 2), last = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
        Assert.True(TinyMapConvolution.Convolve(layer, images, layer.weight, null).is_contiguous());
        Assert.True(TinyMapConvolution.Convolve(layer, last, layer.weight, null).permute(0, 2, 3, 1).is_contiguous());
    }

    [Theory]
    [InlineData(512, 1, 1, 2, true)]
    [InlineData(512, 1, 2, 4, true)]
    [InlineData(512, 1, 1, 3, false)]
    [InlineData(128, 1, 1, 2, false)]
    [InlineData(512, 2, 1, 2, false)]
    public void It_is_taken_for_many_weights_over_few_pixels(int channels, int groups, int stride, int side, bool suits)
    {
        using Conv2d layer = nn.Conv2d(channels, 512, 3, stride: stride, padding: 1, groups: groups);
        using Tensor images = zeros(1, channels, side, side);
        Assert.Equal(suits, TinyMapConvolution.Suits(layer, images));
    }

    [Theory]
    [InlineData(512, 4, true, true)]
    [InlineData(512, 8, true, false)]
    [InlineData(512, 9, false, false)]
    [InlineData(128, 4, true, false)]
    [InlineData(128, 5, false, false)]
    [InlineData(64, 2, false, false)]
    public void In_bf16_it_is_taken_for_larger_maps_where_the_processor_has_tiles_and_for_still_larger_ones_where_the_weights_learn(
        int channels, int side, bool learning, bool fixedWeights)
    {
        bool tiles = Polder.Machine.ProcessorFacts.HasBFloat16Tiles;
        using Conv2d layer = nn.Conv2d(channels, channels, 3, padding: 1);
        using Tensor images = zeros(1, channels, side, side, ScalarType.BFloat16);
        bool small = channels == 512 && side <= 2;
        Assert.Equal(small || (tiles && learning), TinyMapConvolution.Suits(layer, images));
        using (no_grad())
            Assert.Equal(small || (tiles && fixedWeights), TinyMapConvolution.Suits(layer, images));
        layer.weight.requires_grad = false;
        Assert.Equal(small || (tiles && fixedWeights), TinyMapConvolution.Suits(layer, images));
    }
}
