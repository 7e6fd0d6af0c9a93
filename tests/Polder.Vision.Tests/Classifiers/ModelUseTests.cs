using Polder.Curvature;
using Polder.Flatness;
using Polder.Generalization;
using Polder.Methods;
using Polder.Noise;
using Polder.Objectives;
using Polder.Optimization;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Tests.Data;
using Polder.Vision.Training;
using Polder.Vision.Training.Metrics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Classifiers;

/// <summary>A model is not changed by being asked: by several threads, by sequences that are read by turns or given up, by work that fails.</summary>
public sealed class ModelUseTests : IDisposable
{
    private const int Side = 16;
    private static readonly string[] Classes = ["cat", "dog", "newt"];
    private readonly TemporaryFolder _folder = new();
    private readonly TrainedClassifier _classifier = new(Architectures.Get("resnet20").Build(3, 1), "resnet20", Side, Normalization.ImageNet, Classes);
    private readonly string[] _files;

    public ModelUseTests()
    {
        for (int i = 0; i < 6; i++)
            _folder.Image($"{i}.png", 20, 18, (uint)((40 * i << 16) + 0x8000 + 255 - 40 * i));
        _files = [.. Predictor.Files([_folder.Path])];
        Model.train();
    }

    private ImageClassifier Model => _classifier.Network;

    private ImageSet Images => new([.. _files.Select(f => ImageDecoder.Decode(f, Side))], [0, 1, 2, 0, 1, 2], Classes, 3, Side, Side);

    public void Dispose()
    {
        _classifier.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Eight_tasks_on_a_model_in_training_mode_get_what_one_gets()
    {
        var predictor = new Predictor(_classifier) { BatchSize = 4, Top = 3 };
        byte[][] images = [.. _files.Select(File.ReadAllBytes)];
        var loss = new BoundedCrossEntropy(3, 0.01);
        string before = State();
        string[] Answers(int task) => (task % 4) switch
        {
            0 or 1 => [.. predictor.Predict(_files).Select(Words)],
            2 => [.. images.Zip(_files, predictor.Predict).Select(Words)],
            _ => [$"{_classifier.Evaluate(Images)} {_classifier.Measure(Images).Loss:R} {_classifier.BoundedLosses(Images, loss)}"],
        };
        string[][] serial = [.. Enumerable.Range(0, 4).Select(Answers)];
        using var start = new Barrier(8);
        string[][][] found = await Task.WhenAll(Enumerable.Range(0, 8).Select(task => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait(Cancellation);
                return Enumerable.Range(0, 12).Select(_ => Answers(task)).ToArray();
            }, Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        for (int task = 0; task < 8; task++)
            Assert.All(found[task], answers => Assert.Equal(serial[task % 4], answers));
        Assert.Equal(before, State());
    }

    [Fact]
    public void Sequences_that_are_read_by_turns_or_given_up_leave_every_mode_as_it_was()
    {
        BatchNorm frozen = Model.modules().OfType<BatchNorm>().First();
        frozen.eval(); // a model whose parts are in different modes
        string before = State();
        string[] alone = [.. new Predictor(_classifier) { BatchSize = 2 }.Predict(_files).Select(Words)];
        using IEnumerator<Prediction> a = new Predictor(_classifier) { BatchSize = 2 }.Predict(_files).GetEnumerator();
        using IEnumerator<Prediction> b = new Predictor(_classifier) { BatchSize = 2 }.Predict(_files).GetEnumerator();
        var turns = new List<string>();
        while (a.MoveNext())
        {
            if (turns.Count < 3)
                b.MoveNext(); // and b is given up half way
            turns.Add(Words(a.Current));
            Assert.Equal(before, State());
        }
        Assert.Equal(alone, turns);
        Model.train(); // and may be trained while b is still open
        Assert.True(frozen.training);
    }

    [Fact]
    public void Work_that_fails_leaves_the_model_as_it_was()
    {
        Model.modules().OfType<BatchNorm>().First().eval();
        using (Tensor gradient = ones_like(Model.Head.weight!))
            Model.Head.weight!.grad = gradient.alias();
        string before = State();
        int looks = 0;
        var failing = new Relay<int>(_ => throw new InvalidDataException("stop"));
        Assert.Throws<InvalidDataException>(() => ModelMetrics.Of(Model, _classifier.LoaderOf(Images, 2), progress: failing, cancellation: Cancellation));
        EmpiricalLoss loss = EmpiricalLoss.Of(
            Model, _classifier.LoaderOf(Images), (y, t) => ++looks == 4 ? throw new InvalidDataException("stop") : nn.functional.cross_entropy(y, t));
        Assert.Throws<InvalidDataException>(() => NoiseGap.Measure(loss.Space, loss, new PhiloxNoise(0), cancellation: Cancellation));
        looks = -100;
        using (Tensor vector = zeros([1, loss.Space.Dimension]))
            new Hessian(loss).Multiply(vector, Cancellation).Dispose();
        Assert.Equal(before, State());
    }

    [Fact]
    public async Task What_moves_a_model_has_it_alone_and_whoever_comes_meanwhile_is_told()
    {
        using var inside = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        EmpiricalLoss loss = _classifier.CrossEntropy(Images);
        string before = State(), answer = Words(_classifier.Predict(_files).First());
        var waiting = new Relay<NoiseGapResult>(_ =>
        {
            inside.Set();
            go.Wait(Cancellation);
        });
        Task<NoiseGapResult> moving = Task.Run(
            () => NoiseGap.Measure(loss.Space, loss, new PhiloxNoise(0), new NoiseGapOptions { Draws = 2, Sigmas = [0.1] }, waiting, Cancellation),
            Cancellation);
        inside.Wait(Cancellation);
        Action[] others =
        [
            () => _ = _classifier.Predict(_files).ToArray(),
            () => _classifier.Evaluate(Images),
            () => _classifier.CrossEntropy(Images).Value(Cancellation),
            () => NoiseGap.Measure(loss.Space, loss, new PhiloxNoise(0), cancellation: Cancellation),
            Train,
        ];
        Assert.All(others, other => Assert.Contains("measured or trained by another thread", Assert.Throws<InvalidOperationException>(other).Message));
        go.Set();
        await moving;
        Assert.Equal(before, State());
        Assert.Equal(answer, Words(_classifier.Predict(_files).First()));

        // The other way round: it is not moved while it is asked.
        using (ModelUse.Ask(Model))
        {
            await Task.Run(() => Assert.Contains("is being asked by another thread", Assert.Throws<InvalidOperationException>(Train).Message), Cancellation);
            Assert.Equal(answer, await Task.Run(() => Words(_classifier.Predict(_files).First()), Cancellation));
        }
        Assert.Equal(before, State());
        Train();
        Assert.NotEqual(before, State());

        void Train()
        {
            using var sgd = optim.SGD(Model.parameters(), 0.1);
            using var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability { Sigma = 0.01, Pairs = 1 }, Model);
            foreach (var (images, labels) in _classifier.LoaderOf(Images))
                optimizer.step(() => nn.functional.cross_entropy(Model.call(images), labels)).Dispose();
        }
    }

    [Fact]
    public void A_training_is_not_disturbed_by_its_own_evaluations_and_refuses_those_of_others()
    {
        var options = new TrainingOptions { Epochs = 1, BatchSize = 3, LearningRate = 0.01 };
        var refused = new List<string>();
        var trainer = new Trainer(options, new NoiseStability { Sigma = 0.01, Pairs = 1 })
        {
            Progress = new Relay<TrainingProgress>(_ =>
            {
                // A thread and no task: a task that is waited for may run on the thread that waits.
                var other = new Thread(() => refused.Add(Assert.Throws<InvalidOperationException>(() => _classifier.Evaluate(Images)).Message));
                other.Start();
                other.Join();
            }),
        };
        trainer.Run(Model, Images, Images, Normalization.ImageNet, cancellation: Cancellation);
        Assert.Equal(2, refused.Count);
        Assert.All(refused, words => Assert.Contains("trained by another thread", words));
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static string Words(Prediction p) => string.Join(' ', p.Top.Select(t => $"{Path.GetFileName(p.Path)} {t.Class} {t.Probability:R}"));

    // Modes, weights, statistics and gradients, all digits of them.
    private string State()
    {
        using var scope = NewDisposeScope();
        IEnumerable<Tensor> tensors = [.. Model.parameters(), .. Model.buffers(), .. Model.parameters().Where(p => p.grad is not null).Select(p => p.grad!)];
        return string.Concat(Model.modules().Prepend(Model).Select(m => m.training ? '1' : '0'))
            + string.Join(' ', tensors.Select(t =>
                $"{string.Join('x', t.shape)}:{Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(t.detach().contiguous().bytes))}"));
    }
}
