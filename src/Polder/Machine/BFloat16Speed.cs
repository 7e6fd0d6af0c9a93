using System.Diagnostics;

namespace Polder.Machine;

/// <summary>Whether bf16 is worth its lost bits on this machine: that depends on the processor more than on its list of instructions.</summary>
public static class BFloat16Speed
{
    private const int Rounds = 7;

    private static readonly ConvolutionShape Shape = ConvolutionShape.Square(64, 64);

    /// <summary>
    /// The time of a bf16 convolution over that of a float32 one, forward and backward, channels last against the usual layout: 64 channels, 3x3,
    /// 16 images of 16 pixels on the threads at hand. The median of rounds in which both take turns; below 1 bf16 is faster. Takes about 0.2 s.
    /// </summary>
    public static double MeasureRatio()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(1);
        InputForm bf16 = InputForm.Of(Precision.BF16);
        Tensor images = randn([16, Shape.InChannels, 16, 16], generator: generator), cast = bf16.Of(images);
        Tensor weight = randn([Shape.OutChannels, Shape.InChannels, 3, 3], generator: generator).requires_grad_(true);
        double[] ratios = [.. Enumerable.Range(0, Rounds + 1).Select(_ => Time(cast) / Time(images)).Skip(1).Order()];
        return ratios[Rounds / 2];

        double Time(Tensor input)
        {
            using DisposeScope pass = NewDisposeScope();
            using IDisposable mode = enable_grad();
            long start = Stopwatch.GetTimestamp();
            Tensor output = ConvolutionCheck.Run(input.detach().requires_grad_(true), weight, Shape);
            output.backward([output.detach()]);
            weight.grad = null;
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    /// <summary>One sentence on what bf16 costs here; null where it gains.</summary>
    /// <param name="ratio">What <see cref="MeasureRatio"/> gave.</param>
    public static string? Caution(double ratio) => ratio < 1 ? null
        : $"bf16 does not pay on this processor, which has {(ProcessorFacts.HasBFloat16 ? "" : "no ")}bf16 instructions: "
            + FormattableString.Invariant($"a convolution takes {ratio:F1} times as long as in float32");
}
