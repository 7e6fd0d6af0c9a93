using Polder.Machine;
using Polder.Vision.Models;

namespace Polder.Benchmarks;

/// <summary>What the check before a training costs.</summary>
internal static class ConvolutionCheckBenchmark
{
    public static void Run()
    {
        using ImageClassifier small = Architectures.Get("resnet20").Build(10, 0), large = Architectures.Get("resnet18").Build(10, 0);
        Interleaved.Compare("The check of a network's convolutions",
        [
            ("ResNet-20, 32 px", () => ConvolutionCheck.Of(small, 1, 3, 32, 32)),
            ("ResNet-18, 64 px", () => ConvolutionCheck.Of(large, 1, 3, 64, 64)),
        ], rounds: 5, warmup: 1);
    }
}
