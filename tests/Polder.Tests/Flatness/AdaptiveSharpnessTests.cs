using Polder.Flatness;
using Polder.Noise;
using Polder.Objectives;
using Polder.Parameters;
using Polder.Statistics;
using Polder.Testing;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Flatness;

public class AdaptiveSharpnessTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_average_case_of_a_quadratic_is_a_weighted_trace(bool adaptive)
    {
        using var problem = new QuadraticLoss();
        const double rho = 0.2;
        Tensor scale = adaptive ? problem.Weights() : ones(QuadraticLoss.Dimension, ScalarType.Float64);
        Tensor scaled = problem.Hessian.mul(scale.unsqueeze(0)).mul(scale.unsqueeze(1));
        MeanEstimate found = AdaptiveSharpness.Average(
            problem.Space, problem.Objective, new PhiloxNoise(1), new SharpnessOptions { Radius = rho, Adaptive = adaptive, Draws = 4000 });
        double error = rho * rho * Math.Sqrt(scaled.pow(2).sum().ToDouble() / 2 / 4000);
        Assert.Equal(rho * rho / 2 * scaled.trace().ToDouble(), found.Value, 4 * error);
        Assert.Equal(1, found.StandardError / error, 0.12);
    }

    // A linear loss b'w rises most by rho |T b|, in the norm that is dual to the ball's.
    [Theory]
    [InlineData(true, PerturbationNorm.Euclidean)]
    [InlineData(true, PerturbationNorm.Maximum)]
    [InlineData(false, PerturbationNorm.Euclidean)]
    [InlineData(false, PerturbationNorm.Maximum)]
    public void The_worst_case_of_a_linear_loss_is_a_dual_norm(bool adaptive, PerturbationNorm norm)
    {
        using var problem = new QuadraticLoss();
        problem.Hessian.zero_();
        Tensor slope = adaptive ? problem.Linear.mul(problem.Weights()) : problem.Linear;
        double dual = norm == PerturbationNorm.Euclidean ? slope.norm().ToDouble() : slope.abs().sum().ToDouble();
        double found = AdaptiveSharpness.WorstCase(
            problem.Space, problem.Objective, new SharpnessOptions { Radius = 0.3, Adaptive = adaptive, Norm = norm, Steps = 1 });
        Assert.Equal(0.3 * dual, found, 1e-12);
    }

    // At a minimum the worst case of a quadratic is rho^2 / 2 times the top eigenvalue of T H T; a slope of 1e-6 tells the ascent where to begin.
    [Fact]
    public void The_worst_case_near_a_minimum_is_the_top_eigenvalue()
    {
        using var scope = NewDisposeScope();
        Tensor curvature = tensor(new double[] { 1, 4, 9 });
        Parameter w = new(tensor(new double[] { 1, 1, 2 }));
        Tensor minimum = tensor(new double[] { 1 - 1e-6, 1 - 1e-6, 2 - 1e-6 });
        var objective = new ClosureObjective(() => w.sub(minimum).pow(2).mul(curvature).sum().div(2));
        ParameterSpace space = ParameterSpace.Of([w]);
        double plain = AdaptiveSharpness.WorstCase(space, objective, new SharpnessOptions { Radius = 0.1, Adaptive = false, Steps = 60 });
        Assert.Equal(0.005 * 9, plain, 1e-5);
        double adaptive = AdaptiveSharpness.WorstCase(space, objective, new SharpnessOptions { Radius = 0.1, Adaptive = true, Steps = 60 });
        Assert.Equal(0.005 * 36, adaptive, 1e-5); // 9 x 2^2
    }

    // w2 relu(w1 x): w1 times c and w2 over c are the same function, so the adaptive measures must not move; the others do.
    [Fact]
    public void Adaptive_sharpness_does_not_see_a_rescaling()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor x = randn([20, 4], ScalarType.Float64, generator: generator), y = randn([20], ScalarType.Float64, generator: generator);
        double[][] found = [.. new double[] { 1, 8 }.Select(c =>
        {
            using var seeded = new Generator(4);
            Parameter first = new(randn([4, 3], ScalarType.Float64, generator: seeded).mul(c));
            Parameter second = new(randn([3], ScalarType.Float64, generator: seeded).div(c));
            Tensor Loss() => x.mm(first).relu().mv(second).sub(y).pow(2).mean();
            var objective = new ClosureObjective(Loss);
            ParameterSpace space = ParameterSpace.Of([first, second]);
            var options = new SharpnessOptions { Radius = 0.1, Steps = 10, Draws = 10 };
            return new[]
            {
                AdaptiveSharpness.Average(space, objective, new PhiloxNoise(5), options).Value,
                AdaptiveSharpness.WorstCase(space, objective, options),
                AdaptiveSharpness.Average(space, objective, new PhiloxNoise(5), options with { Adaptive = false }).Value,
                AdaptiveSharpness.WorstCase(space, objective, options with { Adaptive = false }),
            };
        })];
        Assert.Equal(found[0][0], found[1][0], 1e-12);
        Assert.Equal(found[0][1], found[1][1], 1e-10);
        Assert.NotEqual(found[0][2], found[1][2], 0.5 * Math.Abs(found[0][2]));
        Assert.NotEqual(found[0][3], found[1][3], 0.5 * Math.Abs(found[0][3]));
    }

    [Fact]
    public void Weights_come_back_and_nothing_leaks()
    {
        using var problem = new QuadraticLoss();
        double[] before = problem.Weights().data<double>().ToArray();
        var options = new SharpnessOptions { Steps = 3, Draws = 2 };
        LiveTensors.AssertSteady(() =>
        {
            AdaptiveSharpness.Average(problem.Space, problem.Objective, new PhiloxNoise(1), options);
            AdaptiveSharpness.WorstCase(problem.Space, problem.Objective, options);
        });
        Assert.Equal(before, problem.Weights().data<double>().ToArray());
        Assert.Contains("Radius must be a finite number above 0",
            Assert.Throws<ArgumentOutOfRangeException>(() => new SharpnessOptions { Radius = 0 }.Validate()).Message);
    }
}
