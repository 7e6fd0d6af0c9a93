namespace Polder.Machine;

/// <summary>
/// Finds convolutions that the installed libtorch computes wrongly on this machine. Some versions do so for some channel counts on
/// some processors, without a word: a network then trains on wrong gradients or meets NaN. What trains somebody's network asks first.
/// </summary>
public static class ConvolutionCheck
{
    /// <summary>
    /// The largest relative error of a right result. Rounding leaves 1e-7 to 3e-6 (measured over shapes up to 512 channels, with
    /// the Winograd forms that oneDNN chooses at the upper end), while a single product missed in a sum of 4608 (512 channels, 3x3)
    /// shows as about 4e-3 of the largest output, and an unset lane as 0.1 or NaN. The tolerance lies between, a factor 30 from both.
    /// </summary>
    public const double Tolerance = 1e-4;

    /// <summary>
    /// The same in bf16, whose 8 bits round a right result by up to 2^-8 = 3.9e-3 of itself; twice that allows for a partial sum that is rounded, too.
    /// A product missed in a large sum hides below it; an unset lane does not.
    /// </summary>
    public const double BFloat16Tolerance = 1.0 / 128;

    /// <summary>Repetitions of one shape: what goes wrong depends on what lies in unset memory, so that one trial can miss it.</summary>
    private const int Draws = 20;

    /// <summary>Weights above this many numbers are tried on one size of image, not three, to keep the check of a ResNet-18 below a second.</summary>
    private const long BigShape = 300_000;

    /// <summary>
    /// Batches and sides of the trial images. The channels decide the kernel, so small images do; but a batch of 1 takes another way
    /// through libtorch, which hides the fault. The sizes differ since which unset memory a trial meets depends on them.
    /// </summary>
    private static readonly (long Batch, long Outputs)[] Sizes = [(2, 4), (2, 8), (4, 5)];

    /// <summary>Computes a convolution; the tests give broken ones.</summary>
    /// <param name="input">batch x channels x height x width.</param>
    /// <param name="weight">out x in / groups x kernel height x kernel width.</param>
    /// <param name="shape">The rest.</param>
    internal delegate Tensor Convolution(Tensor input, Tensor weight, ConvolutionShape shape);

    /// <summary>
    /// Checks every distinct convolution of a model: output, and the gradients that training needs, in float32 against float64.
    /// The model is run once on zeros in evaluation mode to see its data flow, and is left as it was. Takes some tens of milliseconds
    /// a shape. Convolutions whose weights are of a type other than float32 are taken as right.
    /// </summary>
    /// <param name="model">The model; its convolutions are found among its modules.</param>
    /// <param name="inputShape">Shape of its input: batch x channels x height x width. The batch is not used.</param>
    /// <exception cref="ArgumentException">The input shape has not four positive numbers.</exception>
    public static ConvolutionReport Of(nn.Module<Tensor, Tensor> model, params ReadOnlySpan<long> inputShape) => Of(model, default, inputShape);

    /// <summary>The same for a model that is trained in another form of its input, and measured in float32 as it lies.</summary>
    /// <param name="model">The model; its convolutions are found among its modules.</param>
    /// <param name="form">The form that it is trained in.</param>
    /// <param name="inputShape">Shape of its input: batch x channels x height x width. The batch is not used.</param>
    /// <exception cref="ArgumentException">The input shape has not four positive numbers.</exception>
    public static ConvolutionReport Of(nn.Module<Tensor, Tensor> model, InputForm form, params ReadOnlySpan<long> inputShape) =>
        Of(ConvolutionShapes.Of(model, inputShape), Run, form);

    /// <summary>Checks one shape, in both layouts of the input and in bf16 (channels last).</summary>
    /// <param name="shape">The convolution.</param>
    /// <exception cref="ArgumentOutOfRangeException">The shape has a number that is no size, or channels that the groups do not divide.</exception>
    public static ConvolutionVerdict Of(ConvolutionShape shape) =>
        Of(shape, [], Run, bothLayouts: true) with { BFloat16 = Errors(shape, Run, InputForm.Of(Precision.BF16)) };

    /// <summary>A copy of a batch of images (batch x channels x height x width) whose memory runs over the channels first.</summary>
    /// <param name="images">The batch; gradients pass through.</param>
    public static Tensor ToChannelsLast(Tensor images)
    {
        using Tensor permuted = images.permute(0, 2, 3, 1);
        using Tensor copy = permuted.contiguous();
        return copy.permute(0, 3, 1, 2);
    }

    internal static ConvolutionReport Of(
        IReadOnlyList<(ConvolutionShape Shape, IReadOnlyList<string> Layers)> shapes, Convolution convolution, InputForm form = default)
    {
        bool both = form is { Precision: Precision.F32, Layout: MemoryLayout.ChannelsLast };
        ConvolutionVerdict Verdict(ConvolutionShape shape, IReadOnlyList<string> layers) => Of(shape, layers, convolution, both) with
        {
            BFloat16 = form.Precision == Precision.BF16 ? Errors(shape, convolution, form) : null,
        };
        return new ConvolutionReport([.. shapes.Select(s => Verdict(s.Shape, s.Layers))]) { Form = form };
    }

    internal static ConvolutionVerdict Of(ConvolutionShape shape, IReadOnlyList<string> layers, Convolution convolution, bool bothLayouts)
    {
        Validate(shape);
        ConvolutionErrors contiguous = Errors(shape, convolution, default);
        bool second = bothLayouts || !IsRight(contiguous, shape);
        return new ConvolutionVerdict(
            shape, layers, contiguous, second ? Errors(shape, convolution, new InputForm(Layout: MemoryLayout.ChannelsLast)) : null);
    }

    internal static bool IsRight(ConvolutionErrors errors, ConvolutionShape shape, double tolerance = Tolerance) =>
        errors.Largest(shape.NeedsInputGradient) <= tolerance; // false for NaN

    /// <summary>The convolution as libtorch computes it, in the type of its input.</summary>
    internal static Tensor Run(Tensor input, Tensor weight, ConvolutionShape shape) => nn.functional.conv2d(
        input,
        weight.to(input.dtype),
        null,
        [shape.Stride.Height, shape.Stride.Width],
        [shape.Padding.Height, shape.Padding.Width],
        [shape.Dilation.Height, shape.Dilation.Width],
        shape.Groups);

    private static ConvolutionErrors Errors(ConvolutionShape shape, Convolution convolution, InputForm form)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(1);
        Trial[] trials = [.. Sizes.Take(shape.WeightCount > BigShape ? 1 : Sizes.Length).Select(size => Trial.Of(shape, size, form, generator))];
        ConvolutionErrors worst = default;
        for (int draw = 0; draw < Draws; draw++)
        {
            Trial trial = trials[draw % trials.Length];
            if (draw % 2 == 1)
                FillFreedMemory(shape, trial);
            worst = worst.Max(trial.ErrorsOf(convolution));
        }
        return worst;
    }

    /// <summary>
    /// Leaves NaN in memory that the next allocations of the same sizes are likely to get, so that reading unset memory shows. oneDNN
    /// rounds the channels up to 8 or 16.
    /// </summary>
    private static void FillFreedMemory(ConvolutionShape shape, Trial trial)
    {
        using DisposeScope scope = NewDisposeScope();
        HashSet<long> sizes = []; // mostly the same for the three blocks: filling each once halves the time of large weights
        foreach (long block in (ReadOnlySpan<long>)[1, 8, 16])
        {
            long inChannels = RoundUp(shape.InChannels, block), outChannels = RoundUp(shape.OutChannels, block);
            sizes.Add(inChannels * trial.InputSize);
            sizes.Add(outChannels * trial.OutputSize);
            sizes.Add(inChannels * outChannels * shape.Kernel.Height * shape.Kernel.Width);
        }
        foreach (long size in sizes)
            full(size, Number(float.NaN), dtype: trial.Input.dtype);
    }

    private static long RoundUp(long value, long block) => (value + block - 1) / block * block;

    private static void Validate(ConvolutionShape shape)
    {
        Require.That(shape.Groups >= 1, shape.Groups, "at least 1", nameof(shape.Groups));
        Require.That(shape.InChannels >= 1 && shape.InChannels % shape.Groups == 0, shape.InChannels,
            $"at least 1 and a multiple of the {shape.Groups} groups", nameof(shape.InChannels));
        Require.That(shape.OutChannels >= 1 && shape.OutChannels % shape.Groups == 0, shape.OutChannels,
            $"at least 1 and a multiple of the {shape.Groups} groups", nameof(shape.OutChannels));
        Require.That(shape.Kernel is ( >= 1, >= 1), shape.Kernel, "at least 1", nameof(shape.Kernel));
        Require.That(shape.Stride is ( >= 1, >= 1), shape.Stride, "at least 1", nameof(shape.Stride));
        Require.That(shape.Padding is ( >= 0, >= 0), shape.Padding, "at least 0", nameof(shape.Padding));
        Require.That(shape.Dilation is ( >= 1, >= 1), shape.Dilation, "at least 1", nameof(shape.Dilation));
    }

    /// <summary>One set of random numbers with its right results.</summary>
    private sealed record Trial(ConvolutionShape Shape, Tensor Input, Tensor Weight, Tensor Direction, Right Output, Right InputGradient, Right WeightGradient)
    {
        /// <summary>Numbers in a channel of the input, over the batch.</summary>
        public long InputSize => Input.numel() / Shape.InChannels;

        /// <summary>Numbers in a channel of the output, over the batch.</summary>
        public long OutputSize => Direction.numel() / Shape.OutChannels;

        public static Trial Of(ConvolutionShape shape, (long Batch, long Outputs) size, InputForm form, Generator generator)
        {
            // The smallest image that gives so many outputs, but never less than the padding leaves room for.
            long height = Math.Max(
                1, ((size.Outputs - 1) * shape.Stride.Height) + (shape.Dilation.Height * (shape.Kernel.Height - 1)) + 1 - (2 * shape.Padding.Height));
            long width = Math.Max(
                1, ((size.Outputs - 1) * shape.Stride.Width) + (shape.Dilation.Width * (shape.Kernel.Width - 1)) + 1 - (2 * shape.Padding.Width));
            Tensor input = Draw(size.Batch, shape.InChannels, height, width);
            Tensor weight = Draw(shape.OutChannels, shape.InChannels / shape.Groups, shape.Kernel.Height, shape.Kernel.Width);
            using Tensor probe = TrustedConvolution.Run(input, weight, shape);
            Tensor direction = Draw(probe.shape);

            (Tensor output, Tensor inputGradient, Tensor weightGradient) = Differentiate(
                TrustedConvolution.Run, input.to(float64), weight.to(float64), direction.to(float64), shape);
            return new Trial(shape, form.Of(input), weight, form.Of(direction), Right.Of(output), Right.Of(inputGradient), Right.Of(weightGradient));

            // Numbers that the form holds exactly: what is left is the error of the convolution.
            Tensor Draw(params long[] sizes) => randn(sizes, generator: generator).to(form.Type).to(float32);
        }

        public ConvolutionErrors ErrorsOf(Convolution convolution)
        {
            using DisposeScope scope = NewDisposeScope();
            (Tensor output, Tensor inputGradient, Tensor weightGradient) = Differentiate(convolution, Input, Weight, Direction, Shape);
            return new ConvolutionErrors(Output.Error(output), InputGradient.Error(inputGradient), WeightGradient.Error(weightGradient));
        }

        private static (Tensor Output, Tensor InputGradient, Tensor WeightGradient) Differentiate(
            Convolution convolution, Tensor input, Tensor weight, Tensor direction, ConvolutionShape shape)
        {
            using IDisposable mode = enable_grad();
            Tensor x = input.detach().requires_grad_(true), w = weight.detach().requires_grad_(true);
            Tensor y = convolution(x, w, shape);
            y.backward([direction]);
            return (y.detach(), x.grad!, w.grad!);
        }
    }

    /// <summary>A right result in float32, and its largest absolute value, taken once for all draws.</summary>
    private sealed record Right(Tensor Value, double Scale)
    {
        public static Right Of(Tensor exact)
        {
            Tensor value = exact.to(float32);
            using Tensor largest = value.abs().max();
            return new Right(value, Math.Max(largest.item<float>(), float.Epsilon));
        }

        public double Error(Tensor found)
        {
            using Tensor largest = found.sub(Value).abs_().max();
            double error = largest.item<float>() / Scale;
            return double.IsFinite(error) ? error : double.PositiveInfinity;
        }
    }
}
