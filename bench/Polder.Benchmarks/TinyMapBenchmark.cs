using Polder.Vision.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>A convolution's values and gradients over a map of few pixels: libtorch's convolution and one product of matrices.</summary>
internal static class TinyMapBenchmark
{
    // Channels in and out, side, stride, taps: late stages of ResNet-18 and ResNet-50 at 64 to 224 pixels, and layers on either side of the rule.
    private static readonly (int From, int To, int Side, int Stride, int Taps)[] Shapes =
    [
        (512, 512, 2, 1, 3), (256, 512, 4, 2, 3), (512, 512, 1, 1, 3), (256, 256, 2, 1, 3), (512, 512, 3, 1, 3), (512, 512, 4, 1, 3), (256, 256, 4, 1, 3),
        (256, 512, 7, 2, 3), (512, 512, 7, 1, 3), (256, 512, 14, 2, 3), (256, 256, 7, 1, 3), (128, 128, 4, 1, 3), (128, 128, 8, 1, 3),
        (256, 512, 7, 2, 1), (512, 2048, 4, 1, 1), (2048, 512, 4, 1, 1), (1024, 2048, 7, 2, 1), (512, 2048, 7, 1, 1), (256, 1024, 4, 1, 1),
    ];

    private const int BatchSize = 32;

    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(arguments, "--rounds", "--threads");
        set_num_threads(options.Count("--threads", get_num_threads()));
        foreach (ScalarType type in new[] { ScalarType.Float32, ScalarType.BFloat16 })
        {
            foreach ((int from, int to, int side, int stride, int taps) in Shapes)
            {
                using var scope = NewDisposeScope();
                Conv2d layer = nn.Conv2d(from, to, taps, stride: stride, padding: taps / 2, bias: false);
                Tensor images = randn(BatchSize, from, side, side, dtype: type);
                if (type == ScalarType.BFloat16)
                    images = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2); // as bf16 lies
                images.requires_grad = true;

                Action Pass(Func<Tensor, Tensor> convolve) => () =>
                {
                    using var pass = NewDisposeScope();
                    Tensor output = convolve(layer.weight.to(type));
                    _ = autograd.grad([output], [layer.weight, images], [ones_like(output)]);
                };

                Action Values(Func<Tensor, Tensor> convolve) => () =>
                {
                    using var pass = NewDisposeScope();
                    using var noGrad = no_grad();
                    convolve(layer.weight.to(type));
                };

                (string, Func<Tensor, Tensor>)[] forms =
                [
                    ("convolution", weight => nn.functional.conv2d(images, weight, null, layer.stride, layer.padding, layer.dilation, 1)),
                    ("product of unfolded", weight => Unfolded(layer, images, weight)),
                    ("product", weight => TinyMapConvolution.Convolve(layer, images, weight, null)),
                ];
                string form = type == ScalarType.Float32 ? "float32" : "bf16";
                string name = $"{from} to {to} channels, {taps} x {taps}, map {side} x {side}, stride {stride}, {form}";
                bool alone = get_num_threads() == 1;
                Interleaved.Compare(
                    $"{name}, values and gradients", [.. forms.Select(f => (f.Item1, Pass(f.Item2)))], options.Count("--rounds", 10), repeats: 4,
                    processorTime: alone);
                Interleaved.Compare(
                    $"{name}, values", [.. forms.Select(f => (f.Item1, Values(f.Item2)))], options.Count("--rounds", 10), repeats: 4, processorTime: alone);
            }
        }
    }

    // The product with libtorch's own patches.
    private static Tensor Unfolded(Conv2d layer, Tensor images, Tensor weight)
    {
        (long taps, long stride, long padding) = (layer.weight.shape[2], layer.stride[0], layer.padding![0]);
        Tensor patches = nn.functional.unfold(images, (taps, taps), (1, 1), (padding, padding), (stride, stride));
        Tensor rows = patches.transpose(1, 2).reshape(-1, patches.shape[1]);
        long side = (images.shape[2] - 1) / stride + 1;
        return nn.functional.linear(rows, weight.reshape(weight.shape[0], -1)).view(-1, side, side, weight.shape[0]).permute(0, 3, 1, 2);
    }
}
