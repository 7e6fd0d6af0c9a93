using Polder.Curvature;
using Polder.Experiments.Comparison;
using Polder.Generalization;
using Polder.Parameters;
using Polder.Vision.Recipes;
using Polder.Vision.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Experiments.Tests.Comparison;

/// <summary>The bound of a run is the one that its parts give by hand, from the weights that the training began with.</summary>
public class RunBoundTests(DigitsFixture fixture) : IClassFixture<DigitsFixture>
{
    private static readonly TrainingOptions Training = new() { LearningRate = 0.05, Epochs = 2, BatchSize = 10, Seed = 3 };

    private static readonly RunBoundOptions Options = new() { Sigmas = [0.05, 0.3], Draws = 4, Products = 40, BatchSize = 32 };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_run_has_the_bound_of_its_weights(bool frozen)
    {
        using var scope = NewDisposeScope();
        using FineTuningStart start = fixture.Task.Prepare(3);
        string first = start.Classifier.Network.named_parameters().First().name.Split('.')[0];
        TrainingOptions training = Training with { Freeze = frozen ? [first + ".*"] : [] };
        using var begin = new TrainingStart(start.Classifier.Network);
        Tensor[] before = [.. start.Classifier.Network.parameters().Select(p => p.detach().clone())];
        Tensor[] statistics = [.. start.Classifier.Network.buffers().Select(b => b.clone())];
        new Trainer(training, MethodChoice.Create("base").For(start, training)).Run(
            start.Classifier.Network, start.Splits.Train, start.Splits.Validation, start.Classifier.Normalization, start.Classifier.ImageSize, Cancellation);
        Tensor[] after = [.. start.Classifier.Network.parameters().Concat(start.Classifier.Network.buffers()).Select(p => p.detach().clone())];
        using var features = new FeatureCache();
        RunBound found = Options.Measure(start.Classifier, begin, start.Splits.Train, 3, features, Cancellation);
        double? body = begin.BodyDistance();
        Assert.Equal(frozen, start.Classifier.Network.parameters().Any(p => !p.requires_grad));
        // Weights and statistics are back.
        Assert.All(
            after.Zip(start.Classifier.Network.parameters().Concat(start.Classifier.Network.buffers())),
            p => Assert.True(p.First.equal(p.Second).all().ToBoolean()));

        using var noGrad = no_grad();
        foreach (var (buffer, value) in start.Classifier.Network.buffers().Zip(statistics))
            buffer.copy_(value);
        var moved = start.Classifier.Network.named_parameters()
            .Zip(before, (p, old) => (p.name, Squares: p.parameter.sub(old).square().sum().ToDouble())).ToArray();
        Assert.Equal(Math.Sqrt(moved.Sum(m => m.Squares)), found.Distance, 1e-4);
        string head = start.Classifier.Network.HeadName;
        Assert.Equal(Math.Sqrt(moved.Where(m => !m.name.StartsWith(head, StringComparison.Ordinal)).Sum(m => m.Squares)), body!.Value, 1e-4);
        var loss = new BoundedCrossEntropy(start.Classifier.Network.Classes);
        ParameterSpace space = ParameterSpace.Of(start.Classifier.Network.parameters());
        using ParameterVector origin = WeightDistance.StartOf(
            space, [.. start.Classifier.Network.parameters().Zip(before).Where(p => p.First.requires_grad).Select(p => p.Second)]);
        BoundResult bound = BoundEstimator.Estimate(
            space, origin,
            new BoundSample(start.Splits.Train.Count, loss.Classes, loss.LargestLoss, () => start.Classifier.BoundedLosses(start.Splits.Train, loss)),
            new BoundOptions { Sigmas = Options.Sigmas, Draws = Options.Draws }, 3, cancellation: Cancellation);
        Assert.Equal(bound.Best!.Sigma, found.Sigma);
        Assert.Equal(bound.Value, found.ErrorBound, 1e-6);
        Assert.Equal(bound.Best.Measured!.Error.Value, found.NoisyError, 1e-6);
        Assert.Equal(0.8, found.GuessError, 1e-12);
        double trace = Hessian.Of(
            start.Classifier.Network, start.Classifier.LoaderOf(start.Splits.Train, 32), (logits, labels) => loss.Of(logits.to(ScalarType.Float64), labels))
            .Trace(new TraceEstimationOptions { MaxProducts = 40, Seed = 3 }, Cancellation).Value;
        Assert.Equal(trace, found.Trace, 1e-3 * Math.Abs(trace));
        double main = HessianBound.MainTerm(Math.Max(0, trace), bound.Distance, start.Splits.Train.Count, 0.5, loss.LargestLoss);
        Assert.Equal(main, found.MainTerm, 1e-3 * main);
    }

    [Fact]
    public void A_head_alone_has_no_distance_of_its_body()
    {
        using FineTuningStart start = fixture.Task.Prepare(3);
        start.Classifier.Network.FreezeBody();
        using var begin = new TrainingStart(start.Classifier.Network);
        Assert.Null(begin.BodyDistance());
    }
}
