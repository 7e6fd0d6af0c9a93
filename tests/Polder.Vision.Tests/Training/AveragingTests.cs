using Polder.Averaging;
using Polder.Methods;
using Polder.Regularization;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;

namespace Polder.Vision.Tests.Training;

public class AveragingTests
{
    private static readonly DataSplits Splits = Digits.Upper().Split(new SplitOptions { PerClass = 4, TestFraction = 0.6 });
    private static readonly TrainingOptions Short = new() { Epochs = 4, BatchSize = 8, LearningRate = 0.05 };

    [Fact]
    public void An_average_is_evaluated_and_the_training_goes_on_from_the_weights_themselves()
    {
        var (plain, _) = Train(Short);
        var (averaged, _) = Train(Short with { Averaging = new AveragingOptions { Decay = 0.9 } });
        Assert.Equal(plain.Epochs.Select(e => e.TrainLoss), averaged.Epochs.Select(e => e.TrainLoss));
        Assert.NotEqual(plain.Epochs.Select(e => e.ValidationLoss), averaged.Epochs.Select(e => e.ValidationLoss));
    }

    [Fact]
    public void Swa_gives_the_mean_of_the_epochs_weights()
    {
        // The weights that the mean takes in are those of a training with the same learning rates that ends there.
        var weights = new List<float[]>();
        TrainingOptions constant = Short with { Schedule = LearningRateSchedule.Constant };
        foreach (int epochs in new[] { 3, 4 })
        {
            var (result, last) = Train(constant with { Epochs = epochs }, lastEpoch: true);
            Assert.Equal(epochs, result.Epochs.Count);
            weights.Add(last);
        }
        var (swa, mean) = Train(
            constant with { Averaging = new AveragingOptions { Kind = AveragingKind.Swa, Start = 0.5, LearningRate = constant.LearningRate } },
            lastEpoch: true);
        Assert.All(swa.Epochs, e => Assert.Equal(constant.LearningRate, e.LearningRate, 1e-15));
        Assert.Equal(weights[0].Zip(weights[1], (a, b) => (a + b) / 2), mean, (a, b) => Math.Abs(a - b) < 1e-6);
    }

    [Fact]
    public void The_learning_rate_of_the_phase_is_annealed_or_cycles()
    {
        var annealed = Train(Short with { Epochs = 10, Averaging = new AveragingOptions { Kind = AveragingKind.Swa, Start = 0.5 } }).Result;
        Assert.Equal(0.5 * 0.05 * (1 + Math.Cos(Math.PI * 14 / 30)), annealed.Epochs[4].LearningRate, 1e-12);
        Assert.All(annealed.Epochs.Skip(6), e => Assert.Equal(0.025, e.LearningRate, 1e-12));
        var cycles = new AveragingOptions { Kind = AveragingKind.Swa, Start = 0.5, CycleEpochs = 2, LearningRate = 0.01 };
        var cyclic = Train(Short with { Epochs = 8, Averaging = cycles }).Result;
        Assert.Equal([0.03, 0.01, 0.03, 0.01], cyclic.Epochs.Skip(4).Select(e => e.LearningRate), (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Fact]
    public void BatchNorm_of_the_average_has_the_statistics_of_a_pass_over_the_training_images()
    {
        using var model = new SmallConvNet(5);
        model.Initialize(1);
        var norms = new List<float>();
        Train(model, Short with { Epochs = 1, Averaging = new AveragingOptions { Decay = 0 } }, _ => norms.Add(Norm(model)));
        float stored = Norm(model);
        Assert.Equal(stored, norms.Single());
        // A decay of 0 averages nothing: the weights are the last ones, so the same pass gives the same statistics again.
        var loader = new Loader(Splits.Train, new LoaderOptions { BatchSize = Short.BatchSize, Normalization = Normalization.ImageNetGray });
        BatchNormStatistics.Refresh(model, loader.Epoch(0).Select(b => b.Images));
        Assert.Equal(stored, Norm(model));
        using var other = new SmallConvNet(5);
        other.Initialize(1);
        Train(other, Short with { Epochs = 1 });
        Assert.Equal(Flat(other), Flat(model));
        Assert.NotEqual(Norm(other), stored);

        static float Norm(SmallConvNet model) => model.get_buffer("bn1.running_mean")!.abs().sum().item<float>();
    }

    [Fact]
    public void The_distance_to_the_start_stays_within_its_radius_and_a_penalty_shortens_it()
    {
        using var free = new SmallConvNet(5);
        using StartWeights start = StartOf(free);
        Train(free, Short);
        double far = start.Distances().Max(d => d.Value);
        using var held = new SmallConvNet(5);
        using StartWeights heldStart = StartOf(held);
        Train(held, Short with { Distance = new DistanceOptions { Radius = far / 4, HeadRadius = 1 } });
        foreach (var (name, distance) in heldStart.Distances())
            Assert.InRange(distance, 0, (name.StartsWith(held.HeadName + ".", StringComparison.Ordinal) ? 1 : far / 4) * (1 + 1e-5));
        using var pulled = new SmallConvNet(5);
        using StartWeights pulledStart = StartOf(pulled);
        Train(pulled, Short with { Distance = new DistanceOptions { Penalty = 2 } });
        Assert.InRange(pulledStart.Distances().Max(d => d.Value), 0, far * 0.9);
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => (Short with { Averaging = new AveragingOptions { Decay = 1 } }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => (Short with { Averaging = new AveragingOptions { Start = 1 } }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => (Short with { Averaging = new AveragingOptions { LearningRate = 0 } }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => (Short with { Distance = new DistanceOptions { Penalty = -1 } }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => (Short with { Distance = new DistanceOptions { Radius = double.NaN } }).Validate());
        (Short with { Averaging = new AveragingOptions(), Distance = new DistanceOptions() }).Validate();
    }

    private static StartWeights StartOf(SmallConvNet model)
    {
        model.Initialize(1);
        return StartWeights.Of(model, name => name.StartsWith(model.HeadName + ".", StringComparison.Ordinal));
    }

    private static TrainingResult Train(ImageClassifier model, TrainingOptions options, Action<EpochReport>? epoch = null) =>
        new Trainer(options, new NoiseStability { Sigma = 0.01 }) { Epoch = epoch is null ? null : new Collect(epoch) }
            .Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);

    private static (TrainingResult Result, float[] Weights) Train(TrainingOptions options, bool lastEpoch = false)
    {
        using var model = new SmallConvNet(5);
        model.Initialize(1);
        float[] weights = [];
        TrainingResult result = Train(model, options, _ => weights = Flat(model));
        return (result, lastEpoch ? weights : Flat(model));
    }

    private static float[] Flat(ImageClassifier model) => [.. model.parameters().SelectMany(p => p.detach().data<float>().ToArray())];

    private sealed class Collect(Action<EpochReport> action) : IProgress<EpochReport>
    {
        public void Report(EpochReport value) => action(value);
    }
}
