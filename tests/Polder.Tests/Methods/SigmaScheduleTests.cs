using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

public class SigmaScheduleTests
{
    [Fact]
    public void A_number_is_the_constant_and_reads_back_as_a_number()
    {
        var method = new NoiseStability { Sigma = 0.02 };
        double sigma = method.Sigma;
        Assert.Equal(0.02, sigma);
        Assert.Equal(0.02, method.Sigma.At(0));
        Assert.Equal(0.02, method.Sigma.At(1_000_000));
        Assert.Equal(new NoiseStability { Sigma = 0.02 }, method);
        Assert.Equal("0.02", method.Sigma.ToString());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(25, 0.25)]
    [InlineData(100, 1)]
    [InlineData(200, 1)]
    public void Linear_is_a_straight_line(long step, double share) =>
        Assert.Equal(0.04 * share, Sigma.Linear(0.04, 100).At(step), 1e-17);

    [Theory]
    [InlineData(0, 1e-5)]
    [InlineData(50, 3.1622776601683795e-4)]
    [InlineData(100, 0.01)]
    public void Log_linear_is_a_straight_line_in_the_logarithm(long step, double expected) =>
        Assert.Equal(expected, Sigma.LogLinear(0.01, 100).At(step), 1e-15);

    [Theory]
    [InlineData(0, 0.02)]
    [InlineData(25, 0.02 * 0.8535533905932737)]
    [InlineData(50, 0.01)]
    [InlineData(100, 0)]
    public void Cosine_can_fall(long step, double expected) => Assert.Equal(expected, Sigma.Cosine(0, 100, from: 0.02).At(step), 1e-17);

    [Fact]
    public void Late_starts_after_its_share()
    {
        Sigma late = Sigma.Late(0.01, 10, 0.25);
        Assert.Equal([0, 0, 0, 0.01, 0.01], Enumerable.Range(0, 5).Select(t => late.At(t)));
    }

    [Fact]
    public void A_step_of_zero_sigma_costs_one_gradient_and_is_the_base_step()
    {
        using var scope = NewDisposeScope();
        Parameter ours = new(tensor(new[] { 1.0, 2.0 })), plain = new(tensor(new[] { 1.0, 2.0 }));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([ours], 0.1, momentum: 0.9),
            new NoiseStability { Sigma = Sigma.Late(0.1, 4, 0.5), Pairs = 2, CleanWeight = 0.3 });
        var sgd = optim.SGD([plain], 0.1, momentum: 0.9);
        for (int step = 0; step < 3; step++)
        {
            StepResult result = optimizer.Step(() => ours.pow(4).sum());
            Assert.Equal(step < 2 ? 1 : 5, result.GradientEvaluations);
            sgd.zero_grad();
            plain.pow(4).sum().backward();
            sgd.step();
            Assert.Equal(step < 2, plain.data<double>().ToArray().SequenceEqual(ours.data<double>().ToArray()));
        }
    }

    [Fact]
    public void The_schedule_scales_the_noise_of_its_step()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(new[] { 0.5 }));
        double[] sigmas = [0, 0.1, 0.3];
        var noise = new FixedNoise(new double[3, 1, 1] { { { 2 } }, { { 3 } }, { { -1 } } });
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.1), new WeightPerturbation { Sigma = Sigma.From(t => sigmas[t]) }, noise: noise);
        double expected = 0.5;
        foreach (double move in new[] { 0, 0.1 * 3, 0.3 * -1 })
        {
            optimizer.Step(() => w.pow(3).sum());
            expected -= 0.1 * 3 * Math.Pow(expected + move, 2);
            Assert.Equal(expected, w.item<double>(), 1e-15);
        }
    }

    [Fact]
    public void Options_out_of_range_are_named()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new NoiseStability { Sigma = -1 }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => new NoiseStability { Sigma = double.NaN }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => new NoiseStability { Sigma = Sigma.Linear(0.1, 0) }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => new NoiseStability { Sigma = Sigma.LogLinear(0.1, 10, from: 0) }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => Sigma.Late(0.1, 10, share: 1.5));
        Assert.Contains("step 3", Assert.Throws<InvalidOperationException>(() => Sigma.From(t => t == 3 ? -1 : 0).At(3)).Message);
    }
}
