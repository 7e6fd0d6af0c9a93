using Polder.Methods;
using Polder.Optimization;
using Polder.Regularization;
using Polder.Tests.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Regularization;

public class DistanceTests
{
    private static readonly double[,] Start = { { 1, 2 }, { 3, -1 } }, Moved = { { 1.5, 2 }, { 5, -4 } }; // difference 0.5 0 / 2 -3

    [Fact]
    public void The_squared_penalty_pulls_with_strength_times_the_distance_and_adds_half_the_strength_times_its_square()
    {
        using var scope = NewDisposeScope();
        Linear layer = Layer(Start);
        using StartWeights start = StartWeights.Of(layer);
        Set(layer, Moved);
        var penalty = new DistancePenalty(start, 0.4);
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(layer.parameters(), 1), new Plain());
        StepResult step = optimizer.Step(penalty.On(() => layer.weight!.sum()));
        Assert.Equal(3.5 + 2 - 1 + (0.2 * (0.25 + 4 + 9)), step.Loss, 1e-13);
        Assert.Equal([1.5 - 1 - (0.4 * 0.5), 2 - 1, 5 - 1 - (0.4 * 2), -4 - 1 + (0.4 * 3)], Values(layer), (a, b) => Math.Abs(a - b) < 1e-13);
    }

    [Fact]
    public void The_row_sum_penalty_pulls_at_the_largest_row_only()
    {
        using var scope = NewDisposeScope();
        Linear layer = Layer(Start);
        using StartWeights start = StartWeights.Of(layer);
        Set(layer, Moved);
        var penalty = new DistancePenalty(start, 0.4, DistanceNorm.MaxRowSum);
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(layer.parameters(), 1), new Plain());
        StepResult step = optimizer.Step(penalty.On(() => layer.weight!.sum() * 0));
        Assert.Equal(0.4 * 5, step.Loss, 1e-13);
        Assert.Equal([1.5, 2, 5 - 0.4, -4 + 0.4], Values(layer), (a, b) => Math.Abs(a - b) < 1e-13);
    }

    [Fact]
    public void The_penalty_of_a_network_has_the_gradient_that_autograd_gives_it()
    {
        using var scope = NewDisposeScope();
        Network ours = new(ScalarType.Float64), theirs = new(ScalarType.Float64);
        using StartWeights start = StartWeights.Of(ours.Module, name => name == "last.weight");
        Tensor first = theirs.Module.parameters().First().detach().clone();
        var penalty = new DistancePenalty(start, name => name == "last.weight" ? 0.3 : 0.2);
        using var a = new FlatMinimaOptimizer(optim.SGD(ours.Module.parameters(), 0.5), new NoiseStability { Sigma = 0.1 }, ours.Module, seed: 4);
        using var b = new FlatMinimaOptimizer(optim.SGD(theirs.Module.parameters(), 0.5), new NoiseStability { Sigma = 0.1 }, theirs.Module, seed: 4);
        for (int step = 0; step < 3; step++)
        {
            StepResult left = a.Step(penalty.On(() => ours.Loss(step)));
            StepResult right = b.Step(() => theirs.Loss(step)
                + (0.1 * (theirs.Module.named_parameters().First().parameter - first).pow(2).sum())
                + (0.15 * theirs.Module.named_parameters().Single(p => p.name == "last.weight").parameter.pow(2).sum()));
            Assert.Equal(right.Loss, left.Loss, 1e-12);
        }
        foreach (var (left, right) in ours.Module.parameters().Zip(theirs.Module.parameters()))
            Assert.True(allclose(left, right, 1e-12, 1e-13));
    }

    [Fact]
    public void A_split_batch_has_the_whole_penalty()
    {
        using var scope = NewDisposeScope();
        Linear layer = Layer(Start);
        using StartWeights start = StartWeights.Of(layer);
        Set(layer, Moved);
        var penalty = new DistancePenalty(start, 0.4);
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(layer.parameters(), 1), new NoiseStability { Sigma = 0.5, Passes = Passes.Split });
        // A loss without curvature whose two rows pull apart: half the batch each, and the penalty's gradient once.
        optimizer.Step(penalty.On(new Polder.Objectives.SlicedClosureObjective(2, rows => layer.weight!.sum() * (rows.Start.Value == 0 ? 3 : 1))));
        Assert.Equal([1.5 - 2 - (0.4 * 0.5), 2 - 2, 5 - 2 - (0.4 * 2), -4 - 2 + (0.4 * 3)], Values(layer), (a, b) => Math.Abs(a - b) < 1e-13);
    }

    [Fact]
    public void A_projection_leaves_a_layer_inside_alone_and_brings_one_outside_back_to_the_nearest_point()
    {
        using var scope = NewDisposeScope();
        Linear layer = Layer(Start);
        using StartWeights start = StartWeights.Of(layer);
        Set(layer, Moved);
        double length = Math.Sqrt(13.25);
        Apply(new DistanceProjection(start, length + 1e-9), layer);
        Assert.Equal(Moved.Cast<double>(), Values(layer));
        var projection = new DistanceProjection(start, 2);
        Apply(projection, layer);
        Assert.Equal(1, projection.LastProjected);
        Assert.Equal([1 + (0.5 * 2 / length), 2, 3 + (2 * 2 / length), -1 - (3 * 2 / length)], Values(layer), (a, b) => Math.Abs(a - b) < 1e-13);
        Assert.Equal(2, start.Distances()["weight"], 1e-13);
        Apply(new DistanceProjection(start, 0), layer);
        Assert.Equal(Start.Cast<double>(), Values(layer));
    }

    [Fact]
    public void A_row_sum_projection_shortens_the_rows_that_are_too_long()
    {
        using var scope = NewDisposeScope();
        Linear layer = Layer(Start);
        using StartWeights start = StartWeights.Of(layer);
        Set(layer, Moved);
        Apply(new DistanceProjection(start, 1, DistanceNorm.MaxRowSum), layer);
        Assert.Equal([1.5, 2, 3 + (2.0 / 5), -1 - (3.0 / 5)], Values(layer), (a, b) => Math.Abs(a - b) < 1e-13);
        Assert.Equal(1, start.Distances(DistanceNorm.MaxRowSum)["weight"], 1e-13);
    }

    [Fact]
    public void The_rows_of_a_convolution_are_its_filters()
    {
        using var scope = NewDisposeScope();
        var convolution = nn.Conv2d(2, 3, 3, bias: false);
        using StartWeights start = StartWeights.Of(convolution);
        using (no_grad())
            convolution.weight!.add_(full_like(convolution.weight, 0.5));
        Assert.Equal(0.5 * 18, start.Distances(DistanceNorm.MaxRowSum)["weight"], 1e-4);
        Apply(new DistanceProjection(start, 3, DistanceNorm.MaxRowSum), convolution);
        Assert.Equal(3, start.Distances(DistanceNorm.MaxRowSum)["weight"], 1e-5);
        Assert.Equal(Math.Sqrt(3 * 18 * Math.Pow(3.0 / 18, 2)), start.Distances()["weight"], 1e-5);
    }

    [Fact]
    public void A_projection_keeps_every_layer_within_its_radius_over_a_training()
    {
        using var scope = NewDisposeScope();
        Network network = new();
        using StartWeights start = StartWeights.Of(network.Module, name => name == "last.weight");
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0.5, 0.9), new SharpnessAware { Rho = 0.1 }, network.Module);
        optimizer.Hooks.Add(new DistanceProjection(start, name => name == "last.weight" ? 0.5 : 0.2));
        for (int step = 0; step < 10; step++)
        {
            optimizer.Step(() => network.Loss(step));
            Assert.InRange(start.Distances()["first.weight"], 0, 0.2 * (1 + 1e-6));
            Assert.InRange(start.Distances()["last.weight"], 0, 0.5 * (1 + 1e-6));
        }
        Assert.Equal(0.2, start.Distances()["first.weight"], 1e-6);
    }

    [Fact]
    public void Decoupled_decay_with_sgd_is_AdamW_s_rule()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(new[] { 2.0, -3 })), other = new(tensor(new[] { 5.0 }));
        SGD sgd = optim.SGD([new SGD.ParamGroup([w], 0.1), new SGD.ParamGroup([other], 0.2)], 0.1);
        using var optimizer = new FlatMinimaOptimizer(sgd, new Plain());
        optimizer.Hooks.Add(new DecoupledWeightDecay(0.5));
        optimizer.Step(() => w.sum() + other.sum());
        Assert.Equal([(2 * 0.95) - 0.1, (-3 * 0.95) - 0.1], w.data<double>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-14);
        Assert.Equal((5 * 0.9) - 0.2, other.ToDouble(), 1e-14);
    }

    [Fact]
    public void Numbers_out_of_range_are_refused_with_the_layer_s_name()
    {
        using var scope = NewDisposeScope();
        using StartWeights start = StartWeights.Of(Layer(Start));
        Assert.Contains("strength of weight must be", Assert.Throws<ArgumentOutOfRangeException>(() => new DistancePenalty(start, -1)).Message);
        Assert.Contains("radius of weight must be", Assert.Throws<ArgumentOutOfRangeException>(() => new DistanceProjection(start, double.NaN)).Message);
        Assert.Throws<ArgumentException>(() => StartWeights.Of(nn.BatchNorm1d(3)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DecoupledWeightDecay(-1));
    }

    private static Linear Layer(double[,] weight)
    {
        Linear layer = nn.Linear(2, 2, hasBias: false, dtype: float64);
        Set(layer, weight);
        return layer;
    }

    private static void Set(Linear layer, double[,] weight)
    {
        using var noGrad = no_grad();
        layer.weight!.copy_(tensor(weight));
    }

    private static void Apply(IUpdateHook hook, nn.Module model) => Hook.AfterUpdate(hook, model);

    private static double[] Values(Linear layer) => layer.weight!.data<double>().ToArray();
}
