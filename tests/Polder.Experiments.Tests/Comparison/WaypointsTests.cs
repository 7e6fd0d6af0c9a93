using Polder.Experiments.Comparison;
using Polder.Vision.Recipes;
using Polder.Vision.Training;

namespace Polder.Experiments.Tests.Comparison;

/// <summary>What is looked at on the way of a training is what a training that ends there has, and takes nothing from the one that goes on.</summary>
public class WaypointsTests(DigitsFixture fixture) : IClassFixture<DigitsFixture>
{
    private static readonly TrainingOptions Training = new() { LearningRate = 0.2, Epochs = 8, BatchSize = 10, ValidateEvery = 1 };

    private static readonly MethodChoice[] Methods = [MethodChoice.Create("base"), MethodChoice.Create("nso").With("sigma", 0.02)];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void The_best_epoch_beside_the_last_is_the_one_that_a_training_would_keep()
    {
        IReadOnlyList<MethodRuns> best = Compare(Training), last = Compare(Training with { Keep = KeptWeights.Last });
        foreach ((MethodRun kept, MethodRun beside) in best.SelectMany(m => m.Runs).Zip(last.SelectMany(m => m.Runs)))
        {
            Assert.Null(kept.AtBestEpoch);
            Assert.Equal(Training.Epochs, beside.BestEpoch);
            Assert.Equal((kept.BestEpoch, kept.TestAccuracy), (beside.AtBestEpoch!.Epoch, beside.AtBestEpoch.TestAccuracy));
            Assert.Equal(kept.TrainLoss, beside.TrainLoss);
        }
        Assert.Contains(best.SelectMany(m => m.Runs), run => run.BestEpoch < Training.Epochs);
    }

    [Fact]
    public void At_a_loss_the_curvature_is_that_of_weights_on_the_way_which_have_it()
    {
        TrainingOptions training = Training with { Keep = KeptWeights.Last, Schedule = LearningRateSchedule.Constant };
        var curvature = new WeightCurvatureOptions { RelativeError = 0.2, Tolerance = 0.01, AtLoss = 0.3 };
        IReadOnlyList<MethodRuns> plain = Compare(training, curvature with { AtLoss = null }), looking = Compare(training, curvature);
        foreach ((MethodRun without, MethodRun run, MethodChoice method) in plain.Zip(looking,
            Methods).Select(p => (p.First.Runs[0], p.Second.Runs[0], p.Third)))
        {
            Assert.Null(without.AtLoss);
            Assert.Equal((without.TestLoss, without.TrainLoss, without.Curvature!.Trace.Value), (run.TestLoss, run.TrainLoss, run.Curvature!.Trace.Value));
            MatchedCurvature matched = run.AtLoss!;
            Assert.Equal(0.3, matched.Loss);
            Assert.InRange(matched.Curvature.Loss, 0.3 * 0.98999, 0.3 * 1.01001);
            Assert.InRange(matched.Epoch, 2, Training.Epochs - 1);
            // The epoch before was not there yet.
            Assert.True(Run(method, training with { Epochs = matched.Epoch - 1 }, curvature with { AtLoss = null }).Curvature!.Loss > 0.3);
        }
    }

    [Fact]
    public void A_loss_that_is_never_reached_is_left_out() =>
        Assert.Null(Run(Methods[0], Training with { Epochs = 1 }, new WeightCurvatureOptions { RelativeError = 0.5, AtLoss = 1e-6 }).AtLoss);

    private MethodRun Run(MethodChoice method, TrainingOptions training, WeightCurvatureOptions curvature) =>
        new ComparisonStudy(fixture.Task, [method], training) { Curvature = curvature }.Execute([3], Cancellation).Methods[0].Runs[0];

    private IReadOnlyList<MethodRuns> Compare(TrainingOptions training, WeightCurvatureOptions? curvature = null) =>
        new ComparisonStudy(fixture.Task, Methods, training) { Curvature = curvature }.Execute([3], Cancellation).Methods;
}
