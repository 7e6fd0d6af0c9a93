using Polder.Vision.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>A convolution's values and gradients over a map of few pixels: libtorch's convolution and one product of matrices.</summary>
internal static class TinyMapBenchmark
{
    // Channels in and out, side, batch, stride: the last stages of ResNet-18 and ResNet-50 at 64 and 128 pixels, and those on either side of the rule.
    private static readonly (int From, int To, int Side, int Batch, int Stride)[] Shapes =
    [
        (512, 512, 2, 32, 1), (256, 512, 4, 32, 2), (512, 512, 1, 32, 1), (256, 256, 2, 32, 1),
        (512, 512, 3, 32, 1), (512, 512, 4, 32, 1), (256, 256, 4, 32, 1),
    ];

    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(arguments, "--rounds", "--threads");
        set_num_threads(options.Count("--threads", get_num_threads()));
        foreach (ScalarType type in new[] { ScalarType.Float32, ScalarType.BFloat16 })
        {
            foreach ((int from, int to, int side, int batch, int stride) in Shapes)
            {
                using var scope = NewDisposeScope();
                Conv2d layer = nn.Conv2d(from, to, 3, stride: stride, padding: 1, bias: false);
                Tensor images = randn(batch, from, side, side, dtype: type);
                if (type == ScalarType.BFloat16)
                    images = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2); // as bf16 lies
                images.requires_grad = true;

                Action Pass(Func<Tensor, Tensor> convolve) => () =>
                {
                    using var pass = NewDisposeScope();
                    Tensor output = convolve(layer.weight.to(type));
                    _ = autograd.grad([output], [layer.weight, images], [ones_like(output)]);
                };

                string name = type == ScalarType.Float32 ? "float32" : "bf16";
                Interleaved.Compare($"{from} to {to} channels, {side} x {side}, stride {stride}, batch {batch}, {name}",
                [
                    ("convolution", Pass(weight => nn.functional.conv2d(images, weight, null, layer.stride, layer.padding, layer.dilation, 1))),
                    ("product", Pass(weight => TinyMapConvolution.Convolve(layer, images, weight, null))),
                ], options.Count("--rounds", 10), repeats: 4, processorTime: get_num_threads() == 1);
            }
        }
    }
}
