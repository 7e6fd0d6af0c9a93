using Polder.Machine;
using Polder.Methods;
using Polder.Optimization;
using Polder.Testing;
using Polder.Tests.Methods;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Training;

/// <summary>bf16 where it computes, float32 in everything that is kept, given on or measured.</summary>
[Collection(typeof(AloneWithRandomNumbers))]
public sealed class PrecisionTests : IDisposable
{
    // The unit roundoff of 8 bits.
    private const double Roundoff = 1.0 / 256;

    private static readonly DataSplits Splits = Digits.Upper().Split(new SplitOptions { PerClass = 4, TestFraction = 0.6 });

    private static readonly TrainingOptions Options =
        new() { Epochs = 2, BatchSize = 8, LearningRate = 0.05, Mixup = 0.2, Precision = Precision.BF16 };

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-precision-").FullName;

    public static TheoryData<int> Methods => [.. Enumerable.Range(0, MethodList.All.Count)];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void At_zero_noise_a_step_is_that_of_the_base_optimizer_bit_for_bit()
    {
        (_, byte[] expected) = Train(Options, new Plain());
        Assert.Equal(expected, Train(Options, new NoiseStability { Sigma = 0 }).Weights);
        Assert.Equal(expected, Train(Options, new WeightPerturbation { Sigma = 0 }).Weights);
        Assert.NotEqual(expected, Train(Options with { Precision = Precision.F32 }, new Plain()).Weights);
    }

    [Fact]
    public void A_stopped_training_goes_on_bit_for_bit()
    {
        var method = new NoiseStability { Sigma = 0.02 };
        string file = Path.Combine(_folder, "state.safetensors");
        (TrainingResult expected, byte[] weights) = Train(Options, method);
        foreach (int stop in (int[])[2, 3, 4])
            Assert.ThrowsAny<OperationCanceledException>(() => Train(Options, method, file, stop));
        (TrainingResult found, byte[] again) = Train(Options, method, file);
        Assert.Equal(weights, again);
        Assert.Equal(expected.Epochs.Select(e => (e.TrainLoss, e.ValidationLoss, e.Curvature)), found.Epochs.Select(e => (e.TrainLoss, e.ValidationLoss,
            e.Curvature)));
        Assert.Throws<DataException>(() => Train(Options with { Precision = Precision.F32 }, method, file));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Every_method_takes_steps(int number)
    {
        IGradientMethod method = MethodList.All[number];
        using SmallConvNet model = Model();
        TrainingOptions options = For(method) with { Epochs = 1 };
        byte[] before = Bytes(model);
        TrainingResult result = new Trainer(options, method).Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        Assert.True(double.IsFinite(result.TrainLoss));
        Assert.NotEqual(before, Bytes(model));
        Assert.All(model.parameters(), p => Assert.Equal(ScalarType.Float32, p.dtype));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_stopped_training_of_every_method_goes_on_bit_for_bit(int number)
    {
        IGradientMethod method = MethodList.All[number];
        string file = Path.Combine(_folder, "state.safetensors");
        (_, byte[] weights) = Train(For(method), method);
        Assert.ThrowsAny<OperationCanceledException>(() => Train(For(method), method, file, 4));
        Assert.Equal(weights, Train(For(method), method, file).Weights);
    }

    // BSAM and IVON make their own update, on plain SGD.
    private static TrainingOptions For(IGradientMethod method) =>
        MethodList.MakesItsUpdate(method) ? Options with { Momentum = 0, WeightDecay = 0 } : Options;

    [Theory]
    [InlineData(Passes.Full, 3)]
    [InlineData(Passes.Split, 1)]
    public void Pieces_and_parts_of_a_batch_train_too(Passes passes, int pieces)
    {
        var method = new NoiseStability { Sigma = 0.01, Passes = passes };
        (TrainingResult found, _) = Train(Options with { Accumulate = pieces }, method);
        (TrainingResult single, _) = Train(Options with { Accumulate = pieces, Precision = Precision.F32 }, method);
        Assert.Equal(single.GradientEvaluations, found.GradientEvaluations);
        Assert.InRange(found.TrainLoss, 0.5 * single.TrainLoss, 2 * single.TrainLoss);
    }

    [Fact]
    public void What_rounding_shifts_of_the_curvature_is_not_reported()
    {
        var method = new NoiseStability { Sigma = 0.02, CleanWeight = 0.1 };
        (TrainingResult half, _) = Train(Options, method);
        (TrainingResult single, _) = Train(Options with { Precision = Precision.F32 }, method);
        Assert.All(single.Epochs, e => Assert.True(e.Curvature is { LossTrace: not null, FrobeniusNorm: not null }));
        Assert.All(half.Epochs, e => Assert.True(e.Curvature is { LossTrace: null, LossTraceStandardError: null, FrobeniusNorm: null }));
        Assert.All(half.Epochs, e => Assert.True(double.IsFinite(e.Curvature!.Trace)));
    }

    [Fact]
    public void The_loss_of_an_epoch_is_that_of_a_float32_evaluation()
    {
        using SmallConvNet model = Model();
        var found = new List<(double Reported, double Loss)>();
        new Trainer(Options, new NoiseStability { Sigma = 0.01 })
        {
            Epoch = new Call(report => found.Add((report.ValidationLoss, EvaluationResult.Of(model, Evaluation(default)).Loss))),
        }.Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        Assert.Equal(2, found.Count);
        Assert.All(found, pair => Assert.Equal(pair.Loss, pair.Reported));
        // And a bf16 evaluation is another one, close by.
        double single = EvaluationResult.Of(model, Evaluation(default)).Loss, half = EvaluationResult.Of(model, Evaluation(Bf16)).Loss;
        Assert.NotEqual(single, half);
        Assert.Equal(single, half, 0.05 * single);
    }

    /// <summary>
    /// Rounding enters a layer with weights six times: weight, output and normalized output on the way forward, the gradients of the normalized
    /// output, of the output and of the weight on the way back; each is off by at most the unit roundoff of itself. To first order they add.
    /// </summary>
    [Fact]
    public void Gradients_are_those_of_float32_to_the_roundings_of_bf16()
    {
        using SmallConvNet model = Model();
        using var scope = NewDisposeScope();
        using Batch batch = Evaluation(default).Epoch(0).Select(b => b.Take()).First();
        Tensor[] Gradients(InputForm form)
        {
            model.train();
            nn.functional.cross_entropy(model.call(form.Of(batch.Images)), batch.Labels).backward();
            Tensor[] gradients = [.. model.parameters().Select(p => p.grad!.clone())];
            foreach (Parameter parameter in model.parameters())
                parameter.grad = null;
            return gradients;
        }
        Tensor[] exact = Gradients(default), found = Gradients(Bf16);
        Assert.All(found, g => Assert.Equal(ScalarType.Float32, g.dtype));
        double error = Math.Sqrt(exact.Zip(found, (a, b) => (a - b).square().sum().ToDouble()).Sum() / exact.Sum(a => a.square().sum().ToDouble()));
        const int layers = 4;
        Assert.InRange(error, 1e-4, 6 * layers * Roundoff);
    }

    [Fact]
    public void BatchNorm_keeps_its_statistics_in_float32_and_takes_them_there()
    {
        using SmallConvNet model = Model(), single = Model();
        using var scope = NewDisposeScope();
        using Batch batch = Evaluation(default).Epoch(0).Select(b => b.Take()).First();
        model.train();
        single.train();
        using (no_grad())
        {
            model.call(Bf16.Of(batch.Images));
            single.call(batch.Images);
        }
        foreach (var (found, exact) in model.modules().OfType<BatchNorm2d>().Zip(single.modules().OfType<BatchNorm2d>()))
        {
            Assert.Equal(ScalarType.Float32, found.running_var!.dtype);
            // Were they kept in bf16, their last 16 bits would be zero.
            Assert.Contains(found.running_mean!.data<float>().ToArray(), x => (BitConverter.SingleToInt32Bits(x) & 0xFFFF) != 0);
            Assert.True((found.running_var - exact.running_var!).abs().max().ToDouble() < 0.05 * exact.running_var!.max().ToDouble());
        }
    }

    [Fact]
    public void A_convolution_rounds_its_operands_and_its_output_and_nothing_else()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        using Conv2d convolution = nn.Conv2d(32, 16, 3, padding: 1, bias: false);
        Tensor images = randn([4, 32, 6, 6], generator: generator);
        Tensor found = Layers.Convolve(convolution, Bf16.Of(images));
        Assert.Equal(ScalarType.BFloat16, found.dtype);
        Tensor x = images.to(ScalarType.Float64), w = convolution.weight.detach().to(ScalarType.Float64);
        Tensor exact = nn.functional.conv2d(x, w, padding: [1, 1]), sizes = nn.functional.conv2d(x.abs(), w.abs(), padding: [1, 1]);
        // (1 + u)^2 - 1 of each product, u of the sum, and the float32 sum of 288 products beside which it vanishes.
        Tensor bound = (sizes * (2.01 * Roundoff)) + (exact.abs() * (1.01 * Roundoff));
        Assert.True((found.to(ScalarType.Float64) - exact).abs().le(bound).all().item<bool>());
    }

    [Theory]
    [InlineData("resnet20", 32)]
    [InlineData("resnet18", 64)]
    [InlineData("resnext50_32x4d", 64)]
    public void The_layout_of_the_input_holds_to_the_end_and_changes_results_by_rounding_only(string architecture, int side)
    {
        using ImageClassifier model = Architectures.Get(architecture).Build(10, 0);
        model.eval();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(2);
        Tensor images = randn([16, 3, side, side], generator: generator), moved = new InputForm(Layout: MemoryLayout.ChannelsLast).Of(images);
        Assert.False(moved.is_contiguous());
        Assert.Equal(images, moved);
        Tensor exact = model.Features(images);
        Assert.True((model.Features(moved) - exact).abs().max().ToDouble() < 1e-4 * exact.abs().max().ToDouble());
        Tensor half = model.Features(Bf16.Of(images));
        Assert.Equal(ScalarType.BFloat16, half.dtype);
        Assert.Equal(ScalarType.Float32, model.Logits(half).dtype);
    }

    [Fact]
    public void No_tensor_stays_behind()
    {
        using SmallConvNet model = Model();
        using SGD sgd = optim.SGD(model.parameters(), 0.01, 0.9);
        using var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability { Sigma = 0.01 }, model);
        using Batch batch = Evaluation(default).Epoch(0).Select(b => b.Take()).First();
        model.train();
        int step = 0;
        LiveTensors.AssertSteady(() =>
        {
            using var loss = new TrainingLoss(model, batch.Images, batch.Labels, Options, step++);
            optimizer.Step(loss.Compute);
        });
    }

    private static InputForm Bf16 => InputForm.Of(Precision.BF16);

    private static Loader Evaluation(InputForm form) =>
        new Loader(Splits.Validation, new LoaderOptions { BatchSize = 8, Normalization = Normalization.ImageNetGray, Form = form }).ForEvaluation();

    private static SmallConvNet Model()
    {
        var model = new SmallConvNet(5);
        model.Initialize(1);
        return model;
    }

    private static (TrainingResult Result, byte[] Weights) Train(TrainingOptions options, IGradientMethod method, string? file = null, int stop = 0)
    {
        using SmallConvNet model = Model();
        using var source = new CancellationTokenSource();
        TrainingResult result = new Trainer(options, method)
        {
            ResumeFile = file,
            Progress = new Steps(step =>
            {
                if (step == stop)
                    source.Cancel();
            }),
        }.Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray, cancellation: source.Token);
        return (result, Bytes(model));
    }

    private static byte[] Bytes(SmallConvNet model) => [.. model.state_dict().Values.SelectMany(t => t.bytes.ToArray())];

    private sealed class Call(Action<EpochReport> call) : IProgress<EpochReport>
    {
        public void Report(EpochReport value) => call(value);
    }

    private sealed class Steps(Action<long> call) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => call(value.Step);
    }
}
