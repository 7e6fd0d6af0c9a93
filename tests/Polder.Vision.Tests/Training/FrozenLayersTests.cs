using Polder.Methods;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Polder.Vision.Tests.Training;

/// <summary>A frozen layer is computed once a run, and the training is the one that computes it every time.</summary>
[Collection(typeof(AloneWithRandomNumbers))]
public sealed class FrozenLayersTests : IDisposable
{
    private static readonly DataSplits Splits = Digits.Upper().Split(new SplitOptions { PerClass = 4, TestFraction = 0.6 });

    // 20 images in batches of 8: three steps an epoch, the last batch smaller.
    private static readonly TrainingOptions Short = new() { Epochs = 4, BatchSize = 8, LearningRate = 0.05 };

    // conv1 and bn1 are frozen and lead; bn3 is frozen, and what feeds it is not.
    private static readonly TrainingOptions Leading = Short with { Freeze = ["conv1.*", "bn1.*", "bn3.*"] };

    private static readonly TrainingOptions[] Trainings =
    [
        Short with { FreezeBody = true, ClassWeights = ClassWeights.Balanced, LabelSmoothing = 0.1 },
        Short with { FreezeBody = true, Accumulate = 2, Sampling = Sampling.Balanced, Averaging = new() },
        Leading,
        Leading with { Averaging = new() { Kind = AveragingKind.Swa, Start = 0.4 }, Distance = new() { Penalty = 0.1, Radius = 0.3 } },
        Leading with { HeadEpochs = 2, LayerDecay = 0.5 },
        // 13 steps, of which the 6 of two of four epochs are the head's: it thaws at the end of an epoch; then in the middle of one.
        Leading with { HeadEpochs = 2, Steps = 13 },
        Leading with { HeadEpochs = 2, Steps = 8, Averaging = new() },
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-frozen-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<int, int> Cases()
    {
        var cases = new TheoryData<int, int>();
        for (int i = 0; i < Trainings.Length; i++)
            cases.Add(i, i % 2 == 0 ? 1 : 2);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Keeping_their_output_changes_nothing(int training, int parts)
    {
        var method = new NoiseStability { Sigma = 0.02, Passes = parts == 1 ? Passes.Full : Passes.Split };
        var (expected, weights) = Train(new Uncut(), Trainings[training], method);
        var (found, again) = Train(new SmallConvNet(5), Trainings[training], method);
        // A convolution's sums may come in another order in a batch of another size, so the last places may differ.
        Assert.Equal(expected.Epochs.Select(e => e.TrainLoss), found.Epochs.Select(e => e.TrainLoss), (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.Equal(expected.Epochs.Select(e => e.ValidationLoss), found.Epochs.Select(e => e.ValidationLoss), (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.Equal(weights, again, (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.Equal(expected.GradientEvaluations, found.GradientEvaluations);
    }

    [Theory] // The images that go through conv1 and conv3: 20 to train with and V to validate with.
    [InlineData("body", 1, 1)]
    [InlineData("leading", 1, 8)]
    [InlineData("flipped", 8, 8)]
    [InlineData("mixed", 8, 8)]
    public void Every_image_goes_through_a_frozen_layer_once(string kind, int first, int third)
    {
        TrainingOptions options = kind switch
        {
            "body" => Short with { FreezeBody = true },
            "leading" => Leading,
            "flipped" => Short with { FreezeBody = true, Augmentation = Augmentation.Flip },
            _ => Short with { FreezeBody = true, Mixup = 0.2 },
        };
        long[] seen = [0, 0];
        using var model = new SmallConvNet(5);
        model.Initialize(1);
        model.named_modules().Where(m => m.name == "conv1").Select(m => m.module).OfType<Conv2d>().Single()
            .register_forward_hook((_, _, output) => Count(0, output));
        model.named_modules().Where(m => m.name == "conv3").Select(m => m.module).OfType<Conv2d>().Single()
            .register_forward_hook((_, _, output) => Count(1, output));
        var notes = new List<string>();
        new Trainer(options, new NoiseStability { Sigma = 0.02 }) { Note = new Relay<string>(notes.Add) }
            .Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        // Two gradients a step. The validation images stay as they are, so the frozen layers see them once in any case.
        int train = Splits.Train.Count, validation = Splits.Validation.Count, lone = 1; // SingleValues looks at one image first
        Assert.Equal((first * train) + validation + lone, seen[0]);
        Assert.Equal((third * train) + (kind == "leading" ? 4 : 1) * validation + lone, seen[1]);
        Assert.Equal(first == 1 ? 1 : 0, notes.Count);
        Assert.All(notes, note => Assert.Matches("^the frozen layers' output is computed once: [0-9]+ kB for 20 training images, in memory$", note));

        Tensor Count(int layer, Tensor output)
        {
            seen[layer] += output.shape[0];
            return output;
        }
    }

    [Fact]
    public void A_head_is_fitted_on_what_the_frozen_layers_have_made_for_the_training()
    {
        TrainingOptions options = Leading with { HeadSolver = HeadSolver.Lbfgs };
        long seen = 0;
        using var model = new SmallConvNet(5);
        using var cached = new SmallConvNet(5);
        model.Initialize(1);
        cached.Initialize(1);
        model.named_modules().Where(m => m.name == "conv1").Select(m => m.module).OfType<Conv2d>().Single().register_forward_hook((_, _, output) =>
        {
            seen += output.shape[0];
            return output;
        });
        TrainingResult alone = new Trainer(options, new Plain()).Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        Assert.Equal(Splits.Train.Count + Splits.Validation.Count + 1, seen); // SingleValues looks at one image first

        // Trainings that share what they compute keep the whole body's output beside it, with the same bits.
        using var cache = new FeatureCache();
        TrainingResult shared = new Trainer(options, new Plain()) { Features = cache }
            .Run(cached, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        Assert.Equal(alone.Epochs.Select(e => e with { Seconds = 0, Curvature = null }), shared.Epochs.Select(e => e with { Seconds = 0, Curvature = null }));
        Assert.Equal(model.parameters().Select(p => p.bytes.ToArray()), cached.parameters().Select(p => p.bytes.ToArray()));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(6)]
    public void A_stopped_training_goes_on_bit_for_bit(int training)
    {
        var method = new NoiseStability { Sigma = 0.02 };
        string file = Path.Combine(_folder, "state.safetensors");
        var (expected, weights) = Train(new SmallConvNet(5), Trainings[training], method);
        foreach (int stop in (int[])[2, 3, 4, 7])
            Assert.ThrowsAny<OperationCanceledException>(() => Train(new SmallConvNet(5), Trainings[training], method, file, stop));
        var (found, again) = Train(new SmallConvNet(5), Trainings[training], method, file);
        Assert.Equal(expected.Epochs.Select(e => e with { Seconds = 0, Curvature = null }), found.Epochs.Select(e => e with { Seconds = 0, Curvature = null }));
        Assert.Equal(weights, again);
    }

    [Fact]
    public void A_file_keeps_the_same_bits_as_memory_and_goes_with_its_store()
    {
        using var scope = NewDisposeScope();
        Tensor features = rand(7, 3, 2);
        string? name;
        using (FeatureStore memory = FeatureStore.For(7, features[..2]), file = FeatureStore.For(7, features[..2], mostInMemory: 100))
        {
            Assert.Equal((7 * 6 * 4L, null), (memory.Bytes, memory.File));
            name = file.File;
            Assert.True(File.Exists(name));
            foreach (FeatureStore store in (FeatureStore[])[memory, file])
            {
                store.Add(features[..4]);
                store.Add(features[4..]);
                using Tensor taken = store.Take([6, 0, 3, 0]);
                Assert.Equal([4, 3, 2], taken.shape);
                Assert.Equal(features.index_select(0, tensor(new long[] { 6, 0, 3, 0 })).data<float>().ToArray(), taken.data<float>().ToArray());
            }
        }
        Assert.False(File.Exists(name));
        // More than any disk has.
        Assert.Contains("MB free", Assert.Throws<DataException>(() => FeatureStore.For(int.MaxValue, zeros(1, 1 << 20).expand(1, 1 << 20))).Message);
    }

    [Fact]
    public void No_tensor_is_left()
    {
        using var model = new SmallConvNet(5);
        model.Initialize(1);
        var loader = new Loader(Splits.Train, new LoaderOptions { BatchSize = 8, Normalization = Normalization.ImageNetGray });
        Polder.Testing.LiveTensors.AssertSteady(() =>
        {
            using var features = new FeatureLoader(model, loader, _ => { });
            foreach (int stages in (int[])[2, 2, 4, 0, 1])
                Assert.Equal(stages == 2 ? 1 : 3, features.Epoch(0, .., stages, default).Take(stages == 2 ? 1 : 3).Count(batch => batch.Stages == stages));
        });
    }

    private static (TrainingResult Result, float[] Weights) Train(
        ImageClassifier network, TrainingOptions options, IGradientMethod method, string? file = null, int stop = 0)
    {
        using ImageClassifier model = network;
        model.Initialize(1);
        using var cancel = new CancellationTokenSource();
        var trainer = new Trainer(options, method)
        {
            ResumeFile = file,
            Progress = new Relay<TrainingProgress>(p =>
            {
                if (p.Step == stop)
                    cancel.Cancel();
            }),
        };
        TrainingResult result = trainer.Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray, cancellation: cancel.Token);
        using var scope = NewDisposeScope();
        return (result, [.. model.state_dict().Values.Where(t => t.is_floating_point()).SelectMany(t => t.detach().data<float>().ToArray())]);
    }

    /// <summary>The small network as one piece: the same layers by name, of which no training knows where to cut.</summary>
    internal sealed class Uncut : ImageClassifier
    {
        private readonly Conv2d[] _convolutions =
        [
            Conv2d(1, 32, 3, padding: 1, bias: false), Conv2d(32, 64, 3, stride: 2, padding: 1, bias: false), Conv2d(64, 64, 3, padding: 1, bias: false),
        ];

        private readonly BatchNorm2d[] _norms = [BatchNorm2d(32), BatchNorm2d(64), BatchNorm2d(64)];

        public Uncut()
            : base("uncut", 1, 64, 5, "fc")
        {
            for (int i = 0; i < 3; i++)
            {
                register_module($"conv{i + 1}", _convolutions[i]);
                register_module($"bn{i + 1}", _norms[i]);
            }
            RegisterHead();
        }

        public override Tensor Features(Tensor images) =>
            _convolutions.Zip(_norms).Aggregate(images, (hidden, layer) => layer.Second.call(layer.First.call(hidden)).relu()).mean([2, 3]);
    }
}
