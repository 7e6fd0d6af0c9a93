using Polder.Machine;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Tests.Numerics;

/// <summary>The machine may be one whose float32 convolutions are wrong, so nothing here trusts them: the convolutions are given.</summary>
public class ConvolutionCheckTests
{
    private static readonly ConvolutionShape Shape = ConvolutionShape.Square(6, 4);

    public static TheoryData<ConvolutionShape> Geometries => new(
        ConvolutionShape.Square(3, 5),
        ConvolutionShape.Square(4, 6, kernel: 1, stride: 2),
        ConvolutionShape.Square(6, 4, stride: 2) with { Groups = 2 },
        new ConvolutionShape { InChannels = 4, OutChannels = 4, Kernel = (3, 2), Stride = (1, 2), Padding = (0, 1), Dilation = (2, 1), Groups = 4 });

    [Theory]
    [MemberData(nameof(Geometries))]
    public void The_trusted_form_equals_the_sum_written_as_loops(ConvolutionShape shape)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor input = randn([2, shape.InChannels, 7, 8], float64, generator: generator);
        Tensor weight = randn([shape.OutChannels, shape.InChannels / shape.Groups, shape.Kernel.Height, shape.Kernel.Width], float64, generator: generator);

        Tensor found = TrustedConvolution.Run(input, weight, shape);

        Tensor expected = Loops(input, weight, shape, found.shape);
        Assert.True(found.sub(expected).abs().max().item<double>() < 1e-13);
    }

    [Fact]
    public void A_right_convolution_passes_in_float32()
    {
        ConvolutionVerdict verdict = ConvolutionCheck.Of(Shape, [], TrustedConvolution.Run, bothLayouts: true);

        Assert.True(verdict.IsRight && verdict.IsRightChannelsLast, verdict.ToString());
        // The rounding of float32 over sums of at most 54 products, far below the tolerance.
        Assert.True(verdict.Contiguous.Largest(needsInputGradient: true) < 5e-6);
    }

    [Fact]
    public void One_wrong_lane_of_the_output_is_found()
    {
        ConvolutionVerdict verdict = ConvolutionCheck.Of(Shape, ["conv"], (x, w, s) =>
        {
            Tensor right = TrustedConvolution.Run(x, w, s);
            return right.add(IsFloat(x) ? Spike(right, 1e-2) : 0);
        }, bothLayouts: false);

        Assert.False(verdict.IsRight);
        Assert.Equal("3x3 convolution 6->4 (conv): wrong output", verdict.ToString());
    }

    [Fact]
    public void A_wrong_input_gradient_is_found_and_does_not_matter_where_training_needs_none()
    {
        // Scales what flows back, not the output.
        static Tensor Broken(Tensor x, Tensor w, ConvolutionShape s) =>
            TrustedConvolution.Run(IsFloat(x) ? x.mul(1.01).sub(x.detach().mul(0.01)) : x, w, s);

        Assert.False(ConvolutionCheck.Of(Shape, [], Broken, bothLayouts: false).IsRight);
        Assert.True(ConvolutionCheck.Of(Shape with { NeedsInputGradient = false }, [], Broken, bothLayouts: false).IsRight);
    }

    [Fact]
    public void A_fault_in_one_trial_of_ten_and_NaN_are_found()
    {
        int calls = 0;
        ConvolutionVerdict verdict = ConvolutionCheck.Of(Shape, [], (x, w, s) =>
        {
            Tensor right = TrustedConvolution.Run(x, w, s);
            return IsFloat(x) && ++calls % 10 == 0 ? right.mul(float.NaN) : right;
        }, bothLayouts: false);

        Assert.False(verdict.IsRight);
        Assert.Equal(double.PositiveInfinity, verdict.Contiguous.Output);
    }

    [Fact]
    public void A_fault_of_the_usual_layout_only_is_remedied_by_channels_last()
    {
        static Tensor Broken(Tensor x, Tensor w, ConvolutionShape s) =>
            TrustedConvolution.Run(x, w, s).mul(IsFloat(x) && x.is_contiguous() ? 2 : 1);

        ConvolutionReport report = ConvolutionCheck.Of([(Shape, (IReadOnlyList<string>)["a", "b"])], Broken);

        Assert.True(report.CanUseChannelsLast);
        Assert.Contains("3x3 convolution 6->4 (a, b)", report.Describe());
        Assert.Contains("channels last", report.Remedy);
    }

    [Fact]
    public void A_fault_of_both_layouts_has_no_such_remedy()
    {
        ConvolutionReport report = ConvolutionCheck.Of(
            [(Shape, (IReadOnlyList<string>)[])], (x, w, s) => TrustedConvolution.Run(x, w, s).mul(IsFloat(x) ? 2 : 1));

        Assert.False(report.CanUseChannelsLast);
        Assert.DoesNotContain("channels last", report.Remedy);
    }

    [Fact]
    public void Bf16_may_round_its_results_and_nothing_else()
    {
        // Computed in float32, the output and what flows back rounded to 8 bits.
        static Tensor Rounded(Tensor x, Tensor w, ConvolutionShape s) => TrustedConvolution.Run(x.to(ScalarType.Float32), w, s).to(x.dtype);
        // One number in ten is off by two per cent, in bf16 only.
        static Tensor Broken(Tensor x, Tensor w, ConvolutionShape s) => Rounded(x, w, s) is var y && x.dtype == ScalarType.BFloat16
            ? y.add(Spike(y, 2e-2)) : y;

        InputForm form = InputForm.Of(Precision.BF16);
        ConvolutionReport right = ConvolutionCheck.Of([(Shape, (IReadOnlyList<string>)[])], Rounded, form);
        ConvolutionReport wrong = ConvolutionCheck.Of([(Shape, (IReadOnlyList<string>)["conv"])], Broken, form);

        Assert.True(right.IsRight, right.Describe());
        // Half a unit in the last of 8 bits, and not less.
        Assert.InRange(right.Verdicts[0].BFloat16!.Value.Largest(needsInputGradient: true), 1.0 / 1024, 1.0 / 256);
        Assert.True(wrong.Verdicts[0].IsRight);
        Assert.False(wrong.IsRight);
        Assert.Equal(
            "bf16, channels last convolutions are wrong on this machine: 3x3 convolution 6->4 (conv): wrong output: use float32 in the usual memory layout",
            wrong.Describe());
    }

    [Fact]
    public void A_layout_that_is_trained_in_is_checked_too()
    {
        static Tensor Broken(Tensor x, Tensor w, ConvolutionShape s) =>
            TrustedConvolution.Run(x, w, s).mul(IsFloat(x) && !x.is_contiguous() ? 2 : 1);

        Assert.True(ConvolutionCheck.Of([(Shape, (IReadOnlyList<string>)[])], Broken).IsRight);
        Assert.False(ConvolutionCheck.Of([(Shape, (IReadOnlyList<string>)[])], Broken, new InputForm(Layout: MemoryLayout.ChannelsLast)).IsRight);
    }

    [Fact]
    public void Shapes_of_a_model_are_distinct_named_and_know_the_first_layer()
    {
        TorchSharp.Modules.BatchNorm2d norm = nn.BatchNorm2d(16);
        using var model = nn.Sequential(
            ("first", nn.Conv2d(3, 16, 3, padding: 1)), ("norm", norm), ("second", nn.Conv2d(16, 16, 3, padding: 1)),
            ("third", nn.Conv2d(16, 16, 3, padding: 1)));
        norm.eval();

        var shapes = ConvolutionShapes.Of(model, [8, 3, 12, 12]);

        Assert.Equal(2, shapes.Count);
        Assert.Equal(["first"], shapes[0].Layers);
        Assert.False(shapes[0].Shape.NeedsInputGradient);
        Assert.Equal(["second", "third"], shapes[1].Layers);
        Assert.True(shapes[1].Shape.NeedsInputGradient);
        Assert.True(model.training);
        Assert.False(norm.training);
    }

    [Fact]
    public void The_check_leaves_no_tensor_behind()
    {
        ConvolutionCheck.Of(Shape);
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        ConvolutionCheck.Of(Shape);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void An_input_shape_that_is_none_is_refused()
    {
        using var model = nn.Conv2d(3, 16, 3);
        ArgumentException error = Assert.Throws<ArgumentException>(() => ConvolutionCheck.Of(model, 3, 12, 12));
        Assert.Contains("[3, 12, 12]", error.Message);
    }

    private static bool IsFloat(Tensor x) => x.dtype == ScalarType.Float32;

    private static Tensor Spike(Tensor like, double relative)
    {
        Tensor spike = zeros_like(like);
        spike[0, 0, 0, 0] = like.detach().abs().max() * relative;
        return spike;
    }

    private static Tensor Loops(Tensor input, Tensor weight, ConvolutionShape s, long[] size)
    {
        Tensor result = zeros(size, float64);
        var (x, w, y) = (input.data<double>(), weight.data<double>(), result.data<double>());
        long inPerGroup = s.InChannels / s.Groups, outPerGroup = s.OutChannels / s.Groups;
        for (long n = 0; n < size[0]; n++)
            for (long o = 0; o < size[1]; o++)
                for (long i = 0; i < size[2]; i++)
                    for (long j = 0; j < size[3]; j++)
                    {
                        double sum = 0;
                        for (long c = 0; c < inPerGroup; c++)
                            for (long a = 0; a < s.Kernel.Height; a++)
                                for (long b = 0; b < s.Kernel.Width; b++)
                                {
                                    long row = (i * s.Stride.Height) + (a * s.Dilation.Height) - s.Padding.Height;
                                    long column = (j * s.Stride.Width) + (b * s.Dilation.Width) - s.Padding.Width;
                                    if (row >= 0 && row < input.shape[2] && column >= 0 && column < input.shape[3])
                                        sum += x[n, (o / outPerGroup * inPerGroup) + c, row, column] * w[o, c, a, b];
                                }
                        y[n, o, i, j] = sum;
                    }
        return result;
    }
}
