using Polder.Checkpoints;
using Polder.Methods;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Recipes;
using Polder.Vision.Training;
using Polder.Vision.Training.Metrics;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Training;

/// <summary>A run of ivon or bsam keeps its posterior, and networks drawn from it are averaged; two batches a step are two.</summary>
public sealed class PosteriorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-posterior-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("ivon"), InlineData("bsam")]
    public void A_run_keeps_its_posterior_and_probabilities_are_means_over_draws(string method)
    {
        string path = Path.Combine(_folder, method);
        using FineTuningResult trained = Run(method, path);
        RunFolder run = RunFolder.Open(path);
        Assert.Equal(method == "ivon", trained.Training.Epochs.All(e => e.PosteriorTrace is { } trace && double.IsFinite(trace)));
        using TrainedClassifier classifier = TrainedClassifier.Open(run);
        using Checkpoint deviations = Checkpoint.Load(run.Posterior);
        Assert.Equal(classifier.Network.named_parameters().Select(p => p.name).Order(), deviations.Tensors.Keys.Order());
        Assert.All(deviations.Tensors.Values, d => Assert.True(d.gt(0).all().ToBoolean()));

        byte[][] before = [.. classifier.Network.parameters().Select(p => p.bytes.ToArray())];
        using WeightPosterior posterior = WeightPosterior.Open(run, classifier.Network);
        ImageSet test = trained.Splits.Test.Subset([.. Enumerable.Range(0, 40)]);
        double[][] mean = posterior.MeanProbabilities(classifier.LoaderOf(test, 16), 3, cancellation: Cancellation);
        double[][] byHand = new double[40][];
        for (int draw = 0; draw < 3; draw++)
        {
            using IDisposable moved = posterior.At(draw);
            Assert.NotEqual(before[0], classifier.Network.parameters().First().bytes.ToArray());
            foreach (Batch batch in classifier.LoaderOf(test, 40).Epoch(0, Cancellation))
            {
                using var scope = NewDisposeScope();
                using var noGrad = no_grad();
                double[] p = [.. nn.functional.softmax(classifier.Network.call(batch.Images).to(ScalarType.Float64), 1).flatten().data<double>()];
                for (int i = 0; i < 40; i++)
                    byHand[i] = [.. Enumerable.Range(0, 5).Select(c => (byHand[i]?[c] ?? 0) + (p[(5 * i) + c] / 3))];
            }
        }
        foreach ((double[] one, double[] other) in mean.Zip(byHand))
            Assert.All(one.Zip(other), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
        Assert.All(mean, row => Assert.Equal(1, row.Sum(), 1e-9));
        // The weights are back, bit for bit.
        Assert.Equal(before, classifier.Network.parameters().Select(p => p.bytes.ToArray()));

        ClassificationMetrics metrics = classifier.Measure(test, posterior, 3, cancellation: Cancellation);
        double loss = mean.Select((row, i) => -Math.Log(row[test.Labels[i]])).Average();
        Assert.Equal(loss, metrics.Loss, 1e-5);
        Assert.Equal(mean.Select((row, i) => Array.IndexOf(row, row.Max()) == test.Labels[i] ? 1.0 : 0).Average(), metrics.Accuracy, 1e-12);
    }

    [Fact]
    public void A_run_without_a_posterior_is_refused_by_name()
    {
        string path = Path.Combine(_folder, "nso");
        Run("nso", path).Dispose();
        RunFolder run = RunFolder.Open(path);
        using TrainedClassifier classifier = TrainedClassifier.Open(run);
        Assert.Contains("has no posterior.safetensors: only runs of ivon and bsam keep a posterior",
            Assert.Throws<DataException>(() => WeightPosterior.Open(run, classifier.Network)).Message);
    }

    [Fact]
    public void A_posterior_of_another_network_is_refused()
    {
        string path = Path.Combine(_folder, "other");
        Run("ivon", path).Dispose();
        using ImageClassifier network = Architectures.Get("digits-cnn").Build(7, 1);
        Assert.Contains("does not belong to the network", Assert.Throws<DataException>(() => WeightPosterior.Open(RunFolder.Open(path), network)).Message);
    }

    [Fact]
    public void Two_batches_a_step_are_seen_and_a_resumed_training_ends_bit_for_bit_alike()
    {
        DataSplits splits = DigitsDemo.Splits(5, 0);
        var options = new TrainingOptions { Epochs = 4, BatchSize = 10, LearningRate = 0.1, Mixup = 0.2 };
        byte[][] Train(StepBatches batches, string? file, int? stopAfter, out long images)
        {
            using ImageClassifier model = Architectures.Get("digits-cnn").Build(5, 1);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            var trainer = new Trainer(options, new RandomWeightPerturbation { Batches = batches })
            {
                ResumeFile = file,
                Progress = new Relay<TrainingProgress>(p =>
                {
                    if (p.Step == stopAfter)
                        stop.Cancel();
                }),
            };
            try
            {
                images = trainer.Run(model, splits.Train, splits.Validation, Normalization.ImageNetGray, cancellation: stop.Token).Images;
            }
            catch (OperationCanceledException) when (stopAfter is not null)
            {
                images = 0;
            }
            return [.. model.parameters().Select(p => p.bytes.ToArray())];
        }
        byte[][] one = Train(StepBatches.Same, null, null, out long seen), two = Train(StepBatches.Two, null, null, out long seenTwice);
        Assert.Equal((4 * 25, 8 * 25), (seen, seenTwice));
        Assert.NotEqual(one, two);
        string state = Path.Combine(_folder, "state.safetensors");
        Train(StepBatches.Two, state, 7, out _);
        Assert.Equal(two, Train(StepBatches.Two, state, null, out long all));
        Assert.Equal(8 * 25, all);
    }

    private static FineTuningResult Run(string method, string folder) => new Recipe
    {
        Method = MethodChoice.Create(method),
        Training = new TrainingOptions { Epochs = 2 },
    }.Run(folder, cancellation: Cancellation);
}
