using Polder.Checkpoints;
using Polder.Methods;
using Polder.Objectives;
using Polder.Optimization;
using Polder.Probes;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Training;

/// <summary>torch's random generator belongs to the process: other tests must not draw from it meanwhile.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class AloneWithRandomNumbers;

/// <summary>A training that is stopped and goes on in new objects ends as if it had never stopped, bit for bit.</summary>
[Collection(typeof(AloneWithRandomNumbers))]
public sealed class ResumeTests : IDisposable
{
    private static readonly DataSplits Splits = Digits.Upper().Split(new SplitOptions { PerClass = 4, TestFraction = 0.6 });

    // 20 images in batches of 8: three steps an epoch, the last batch smaller.
    private static readonly TrainingOptions Options =
        new() { Epochs = 3, BatchSize = 8, LearningRate = 0.05, Augmentation = Augmentation.CropFlip, Mixup = 0.2, ClipNorm = 5 };

    private static readonly IGradientMethod[] Methods =
        [new NoiseStability { Sigma = 0.02, Pairs = 2 }, new LookSharpnessAware { Rho = 0.1, Every = 2 }, new Plain()];

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-resume-").FullName;

    private string ResumeFile => Path.Combine(_folder, "state.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(0, BaseOptimizer.Sgd)]
    [InlineData(0, BaseOptimizer.AdamW)]
    [InlineData(1, BaseOptimizer.Sgd)]
    [InlineData(2, BaseOptimizer.Adam)]
    public void A_training_stopped_at_any_step_ends_alike(int method, BaseOptimizer optimizer)
    {
        TrainingOptions options = Options with { Optimizer = optimizer, LearningRate = optimizer == BaseOptimizer.Sgd ? 0.05 : 0.005 };
        var (expected, weights) = Train(options, Methods[method], null, 0);
        // Within an epoch, at its last step, right after it, and within the last one; each stop goes on from the one before.
        foreach (int stop in (int[])[2, 3, 4, 8])
            Assert.ThrowsAny<OperationCanceledException>(() => Train(options, Methods[method], ResumeFile, stop));
        var (found, again) = Train(options, Methods[method], ResumeFile, 0);
        AssertSame(expected, found);
        Assert.Equal(weights, again);

        // A finished training has nothing left to do.
        (found, again) = Train(options, Methods[method], ResumeFile, 1);
        AssertSame(expected, found);
        Assert.Equal(weights, again);
    }

    [Theory]
    [InlineData(AveragingKind.Ema)]
    [InlineData(AveragingKind.Swa)]
    public void Averages_and_the_distance_to_the_start_go_on_too(AveragingKind kind)
    {
        TrainingOptions options = Options with
        {
            Averaging = new AveragingOptions { Kind = kind, Start = 0.4 },
            Distance = new DistanceOptions { Penalty = 0.1, Radius = 0.3 },
        };
        var (expected, weights) = Train(options, Methods[0], null, 0);
        foreach (int stop in (int[])[3, 5, 6])
            Assert.ThrowsAny<OperationCanceledException>(() => Train(options, Methods[0], ResumeFile, stop));
        var (found, again) = Train(options, Methods[0], ResumeFile, 0);
        AssertSame(expected, found);
        Assert.Equal(weights, again);
    }

    [Theory]
    [InlineData(0, BaseOptimizer.Sgd)]
    [InlineData(1, BaseOptimizer.AdamW)]
    public void The_head_phase_and_rates_by_layer_go_on_too(int method, BaseOptimizer optimizer)
    {
        TrainingOptions options = Options with
        {
            Optimizer = optimizer,
            LearningRate = optimizer == BaseOptimizer.Sgd ? 0.05 : 0.005,
            HeadEpochs = 1,
            LayerDecay = 0.6,
            Averaging = new AveragingOptions(),
        };
        var (expected, weights) = Train(options, Methods[method], null, 0);
        // In the phase, at its last step, at the first of all of the network.
        foreach (int stop in (int[])[2, 3, 4])
            Assert.ThrowsAny<OperationCanceledException>(() => Train(options, Methods[method], ResumeFile, stop));
        var (found, again) = Train(options, Methods[method], ResumeFile, 0);
        AssertSame(expected, found);
        Assert.Equal(weights, again);

        // Between the phase and the rest.
        File.Delete(ResumeFile);
        using (SmallConvNet model = Model(1))
        {
            var dying = new Trainer(options, Methods[method])
            {
                ResumeFile = ResumeFile,
                Saved = new Call<IReadOnlyList<EpochReport>>(epochs => _ = epochs.Count == 1 ? throw new TimeoutException() : 0),
            };
            Assert.Throws<TimeoutException>(() => dying.Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray));
        }
        (found, again) = Train(options, Methods[method], ResumeFile, 0);
        AssertSame(expected, found);
        Assert.Equal(weights, again);
    }

    [Fact]
    public void A_training_that_dies_goes_on_from_the_last_checkpoint()
    {
        var (expected, weights) = Train(Options, Methods[0], null, 0);
        using (SmallConvNet model = Model(1))
        {
            int lastSaved = 0;
            var dying = new Trainer(Options, Methods[0])
            {
                ResumeFile = ResumeFile,
                CheckpointEvery = 2,
                Progress = new Call<TrainingProgress>(p => _ = p.Step == 6 ? throw new TimeoutException() : 0),
                Saved = new Call<IReadOnlyList<EpochReport>>(epochs => lastSaved = epochs.Count),
            };
            Assert.Throws<TimeoutException>(() => dying.Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray));
            Assert.Equal(1, lastSaved);
        }
        long first = 0;
        var (found, again) = Train(Options, Methods[0], ResumeFile, 0, step => first = first == 0 ? step : first);
        // Steps 5 and 6 were not kept.
        Assert.Equal(5, first);
        AssertSame(expected, found);
        Assert.Equal(weights, again);
    }

    [Fact]
    public void The_random_numbers_of_dropout_go_on_too()
    {
        byte[] Next()
        {
            using Tensor numbers = rand(4);
            return numbers.bytes.ToArray();
        }
        random.manual_seed(3);
        Train(Options with { Epochs = 1 }, Methods[0], null, 0);
        byte[] expected = Next();
        random.manual_seed(3);
        Assert.ThrowsAny<OperationCanceledException>(() => Train(Options with { Epochs = 1 }, Methods[0], ResumeFile, 2));
        random.manual_seed(99);
        Train(Options with { Epochs = 1 }, Methods[0], ResumeFile, 0);
        Assert.Equal(expected, Next());
    }

    [Fact]
    public void Another_training_is_refused_by_what_differs()
    {
        Assert.ThrowsAny<OperationCanceledException>(() => Train(Options, Methods[0], ResumeFile, 2));
        foreach ((TrainingOptions options, IGradientMethod method, string words) in new (TrainingOptions, IGradientMethod, string)[]
        {
            (Options with { LearningRate = 0.06 }, Methods[0], "LearningRate 0.05; this one has 0.06"),
            (Options with { Epochs = 4 }, Methods[0], "Epochs 3; this one has 4"),
            (Options, new NoiseStability { Sigma = 0.03, Pairs = 2 }, "Method"),
        })
        {
            var e = Assert.Throws<DataException>(() => Train(options, method, ResumeFile, 0));
            Assert.StartsWith(ResumeFile, e.Message);
            Assert.Contains(words, e.Message);
        }
    }

    [Fact]
    public void A_state_of_version_0_1_0_whose_options_were_kept_in_another_form_is_gone_on_from()
    {
        Assert.ThrowsAny<OperationCanceledException>(() => Train(Options, Methods[0], ResumeFile, 2));
        using (Checkpoint saved = Checkpoint.Load(ResumeFile))
        {
            Dictionary<string, string> metadata = saved.Metadata.ToDictionary(
                e => e.Key.Replace("setting.", "option.", StringComparison.Ordinal), e => e.Key.StartsWith("setting.", StringComparison.Ordinal)
                    ? "Of { Then = 1 }" : e.Value);
            Assert.NotEqual(saved.Metadata, metadata);
            Safetensors.Write(ResumeFile, [.. saved.Tensors.Where(e => e.Key != "optimizer.names").Select(e => (e.Key, e.Value))], metadata);
        }
        Train(Options, Methods[0], ResumeFile, 0);
    }

    [Fact]
    public void Skipped_steps_are_counted_and_leave_the_mean_loss_alone()
    {
        using SmallConvNet model = Model(1);
        var reports = new List<EpochReport>();
        TrainingResult result = new Trainer(Options with { NonFinite = NonFinitePolicy.Skip }, new Spoiled(4)) { Epoch = new Call<EpochReport>(reports.Add) }
            .Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        Assert.Equal(1, result.SkippedSteps);
        Assert.Equal([0, 1, 0], reports.Select(r => r.SkippedSteps));
        Assert.All(reports, r => Assert.True(double.IsFinite(r.TrainLoss)));
        var e = Assert.Throws<TrainingDivergedException>(() =>
            new Trainer(Options, new Spoiled(4)).Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray));
        Assert.StartsWith("epoch 2, step 4", e.Message);
    }

    [Fact]
    public void A_clipped_gradient_moves_the_weights_by_no_more_than_the_limit()
    {
        using SmallConvNet model = Model(1), start = Model(1);
        var options = new TrainingOptions { Epochs = 1, BatchSize = 20, LearningRate = 0.5, Momentum = 0, WeightDecay = 0, ClipNorm = 1e-2 };
        new Trainer(options, new Plain()).Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        double square = model.parameters().Zip(start.parameters()).Sum(p => (p.First - p.Second).pow(2).sum().item<float>());
        Assert.Equal(0.5 * 1e-2, Math.Sqrt(square), 1e-6);
    }

    [Theory]
    [InlineData(BatchNormPolicy.OncePerStep, 1, 3)]
    [InlineData(BatchNormPolicy.EveryProbe, 1, 12)]
    [InlineData(BatchNormPolicy.Frozen, 1, 0)]
    [InlineData(BatchNormPolicy.CleanForward, 1, 3)]
    [InlineData(BatchNormPolicy.OncePerStep, 4, 12)] // each piece is a forward pass of its own
    public void BatchNorm_counts_batches_as_its_policy_says(BatchNormPolicy policy, int accumulate, long count)
    {
        using SmallConvNet model = Model(1);
        new Trainer(Options with { Epochs = 1, BatchNorm = policy, Accumulate = accumulate }, Methods[0])
            .Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        Assert.All(model.buffers().Where(b => !b.is_floating_point()), b => Assert.Equal(count, b.item<long>()));
    }

    // A training that stops itself at a step; 0 lets it end.
    private static (TrainingResult Result, byte[][] Weights) Train(TrainingOptions options, IGradientMethod method, string? file, int stop,
        Action<long>? onStep = null)
    {
        using var cancel = new CancellationTokenSource();
        // The weights of a resumed training come from the file, unless a distance is measured from the start.
        using SmallConvNet model = Model(file is null || !File.Exists(file) || options.Distance is not null ? 1 : 2);
        var trainer = new Trainer(options, method)
        {
            ResumeFile = file,
            Progress = new Call<TrainingProgress>(p =>
            {
                onStep?.Invoke(p.Step);
                if (p.Step == stop)
                    cancel.Cancel();
            }),
        };
        TrainingResult result = trainer.Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray, cancellation: cancel.Token);
        return (result, [.. model.parameters().Cast<Tensor>().Concat(model.buffers()).Select(t => t.bytes.ToArray())]);
    }

    private static SmallConvNet Model(int seed)
    {
        var model = new SmallConvNet(5);
        model.Initialize(seed);
        return model;
    }

    private static void AssertSame(TrainingResult expected, TrainingResult found)
    {
        Assert.Equal(expected.Epochs.Select(e => e with { Seconds = 0 }), found.Epochs.Select(e => e with { Seconds = 0 }));
        Assert.Equal((expected.Steps, expected.GradientEvaluations, expected.SkippedSteps), (found.Steps, found.GradientEvaluations, found.SkippedSteps));
    }

    /// <summary>The base optimizer, with a gradient that is no number at one step.</summary>
    private sealed record Spoiled(long At) : IGradientMethod
    {
        public string Name => "spoiled";

        public int GradientEvaluations => 1;

        public void Validate()
        {
        }

        public void ComputeGradient(MethodContext context) => context.Run(Probe.Centre(context.Step == At ? double.NaN : 1));
    }

    private sealed class Call<T>(Action<T> call) : IProgress<T>
    {
        public void Report(T value) => call(value);
    }
}
