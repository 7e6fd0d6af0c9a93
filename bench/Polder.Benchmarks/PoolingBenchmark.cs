using Polder.Vision.Models;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>The largest of each window where no gradient is asked for: libtorch's pooling, and the largest of the rows and then of the columns.</summary>
internal static class PoolingBenchmark
{
    // Images, channels, side, window, stride, padding: a ResNet's stem at 224 and 112 pixels and for one image, an Inception block, a VGG stage.
    private static readonly (int Images, int Channels, int Side, int Window, int Stride, int Padding)[] Shapes =
    [
        (64, 64, 112, 3, 2, 1), (64, 64, 56, 3, 2, 1), (1, 64, 112, 3, 2, 1), (1, 64, 16, 3, 2, 1), (16, 256, 28, 3, 1, 1), (16, 128, 112, 2, 2, 0),
    ];

    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(arguments, "--rounds", "--threads");
        set_num_threads(options.Count("--threads", get_num_threads()));
        int rounds = options.Count("--rounds", 10);
        using var noGrad = no_grad();
        foreach ((int images, int channels, int side, int window, int stride, int padding) in Shapes)
        {
            using var scope = NewDisposeScope();
            Tensor map = randn(images, channels, side, side).relu_();
            Compare($"{images} x {channels} x {side} x {side}, window {window}, stride {stride}", rounds,
                ("libtorch's", () => nn.functional.max_pool2d(map, window, stride, padding)),
                ("rows and columns", () => MaxPooling.Of(map, window, stride, padding)));
        }
        using ResNet network = ResNet.ResNet18();
        network.eval();
        foreach (int side in new[] { 224, 112 })
        {
            using var scope = NewDisposeScope();
            Tensor photos = randn(16, 3, side, side), map = randn(16, 64, side / 2, side / 2).relu_();
            Compare($"a part of ResNet-18: 16 images of {side} pixels", rounds,
                ("the network up to its head", () => network.Features(photos)),
                ("its pooling, libtorch's", () => nn.functional.max_pool2d(map, 3, 2, 1)),
                ("its pooling, rows and columns", () => MaxPooling.Of(map, 3, 2, 1)));
        }
    }

    private static void Compare(string title, int rounds, params (string Name, Func<Tensor> Pool)[] forms) =>
        Interleaved.Compare(title, [.. forms.Select(form => (form.Name, Once(form.Pool)))], rounds, repeats: 3, processorTime: get_num_threads() == 1);

    private static Action Once(Func<Tensor> pool) => () =>
    {
        using var scope = NewDisposeScope();
        pool();
    };
}
