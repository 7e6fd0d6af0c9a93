using Polder.Testing;
using Polder.Vision.Models;
using Polder.Vision.Tests.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Models;

/// <summary>
/// The patches of a convolution against libtorch's unfold and, as their derivative, fold. Alone in the process: its threads and its live tensors are counted.
/// </summary>
[Collection(typeof(AloneWithRandomNumbers))]
public class PatchesTests
{
    // Channels, sides, taps, strides, padding, dilation: unequal in both directions.
    private static readonly (int, int, int, (int, int), (int, int), (int, int), (int, int))[] Cases =
    [
        (3, 5, 7, (3, 3), (1, 1), (1, 1), (1, 1)), (2, 6, 4, (3, 2), (2, 1), (1, 0), (1, 2)), (4, 3, 3, (1, 1), (2, 2), (0, 0), (1, 1)),
        (1, 1, 1, (3, 3), (1, 1), (1, 1), (1, 1)),
    ];

    public static TheoryData<int, ScalarType, bool, int> Every()
    {
        var all = new TheoryData<int, ScalarType, bool, int>();
        for (int number = 0; number < Cases.Length; number++)
            foreach (ScalarType type in (ReadOnlySpan<ScalarType>)[ScalarType.Float64, ScalarType.Float32, ScalarType.BFloat16])
                foreach (bool channelsLast in (ReadOnlySpan<bool>)[false, true])
                    foreach (int threads in (ReadOnlySpan<int>)[1, 2])
                        all.Add(number, type, channelsLast, threads);
        return all;
    }

    [Theory]
    [MemberData(nameof(Every))]
    public void They_are_those_of_unfold_and_their_derivative_is_fold(int number, ScalarType type, bool channelsLast, int threads)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(7);
        (int channels, int height, int width, (int, int) taps, (int, int) stride, (int, int) padding, (int, int) dilation) = Cases[number];
        using Conv2d layer = nn.Conv2d(channels, 2, taps, stride, padding, dilation);
        Tensor images = randn([3, channels, height, width], generator: generator).to(type);
        if (channelsLast)
            images = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
        images.requires_grad_(true);
        int before = get_num_threads();
        set_num_threads(threads);
        try
        {
            Tensor rows = Patches.Rows(images, PatchGeometry.Of(layer, images));
            Tensor unfolded = nn.functional.unfold(images, taps, dilation, padding, stride).transpose(1, 2).reshape(-1, rows.shape[1]);
            Assert.True(unfolded.equal(rows).all().item<bool>());

            Tensor direction = randn(rows.shape, generator: generator).to(type);
            Tensor found = autograd.grad([rows], [images], [direction])[0];
            // libtorch's sum in bf16 rounds after every term; this one once, so that it is that of float64, rounded.
            Tensor exact = images.detach().to(ScalarType.Float64).requires_grad_(true);
            Tensor again = nn.functional.unfold(exact, taps, dilation, padding, stride).transpose(1, 2).reshape(-1, rows.shape[1]);
            Tensor expected = autograd.grad([again], [exact], [direction.to(ScalarType.Float64)])[0];
            Assert.Equal(images.shape, found.shape);
            double error = (expected - found.to(ScalarType.Float64)).abs().max().item<double>(), largest = expected.abs().max().item<double>();
            Assert.True(error <= largest * type switch { ScalarType.Float64 => 1e-15, ScalarType.Float32 => 1e-6, _ => 1.0 / 256 }, $"{error} of {largest}");
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void What_is_no_number_stays_so_in_bf16()
    {
        using DisposeScope scope = NewDisposeScope();
        using Conv2d layer = nn.Conv2d(1, 1, 1);
        Tensor images = zeros(1, 1, 1, 4, ScalarType.BFloat16).requires_grad_(true);
        Tensor gradient = tensor(new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity, -3f }).to(ScalarType.BFloat16);
        Tensor rows = Patches.Rows(images, PatchGeometry.Of(layer, images));
        Tensor found = autograd.grad([rows], [images], [gradient.view(4, 1)])[0].to(ScalarType.Float32).view(-1);
        Assert.Equal([float.NaN, float.PositiveInfinity, float.NegativeInfinity, -3f], found.data<float>().ToArray());
    }

    [Fact]
    public void Nothing_is_left_in_memory()
    {
        using Conv2d layer = nn.Conv2d(4, 4, 3, padding: 1);
        using Tensor images = ones(2, 4, 3, 3).requires_grad_(true);
        LiveTensors.AssertSteady(() =>
        {
            using var scope = NewDisposeScope();
            Tensor rows = Patches.Rows(images, PatchGeometry.Of(layer, images));
            _ = autograd.grad([rows.square().sum()], [images], create_graph: true)[0];
        });
    }
}
