using Polder.Methods;
using Polder.Optimization;
using Polder.Testing;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

public class GradientClipTests
{
    [Theory]
    [InlineData(2.5, 3.0 / 2, 4.0 / 2)] // the gradient is (3, 4)
    [InlineData(5.0, 3.0, 4.0)]
    [InlineData(7.0, 3.0, 4.0)]
    public void By_norm_scales_to_the_limit_over_all_parameters(double limit, double first, double second)
    {
        using var scope = NewDisposeScope();
        var (_, moves) = Step(GradientClip.ByNorm(limit));
        Assert.Equal([first, second], moves.Select(m => Math.Round(m, 14)));
    }

    [Theory]
    [InlineData(3.5, 3.0, 3.5)]
    [InlineData(1.0, 1.0, 1.0)]
    [InlineData(9.0, 3.0, 4.0)]
    public void By_value_limits_each_element(double limit, double first, double second)
    {
        using var scope = NewDisposeScope();
        var (result, moves) = Step(GradientClip.ByValue(limit));
        Assert.Equal([first, second], moves.Select(m => Math.Round(m, 14)));
        Assert.Equal(5, result.GradientNorm, 1e-14);
    }

    [Fact]
    public void By_value_limits_from_below_too()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(new[] { -3.0 }));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 1), new Plain());
        optimizer.Hooks.Add(GradientClip.ByValue(0.5));
        optimizer.Step(() => w.pow(2).sum());
        Assert.Equal(-2.5, w.ToDouble());
    }

    [Fact]
    public void A_gradient_below_the_limit_stays_bit_for_bit()
    {
        using var scope = NewDisposeScope();
        Network clipped = new(), free = new();
        var method = new NoiseStability { Sigma = 0.1 };
        using var a = new FlatMinimaOptimizer(optim.SGD(clipped.Module.parameters(), 0.1), method, clipped.Module);
        using var b = new FlatMinimaOptimizer(optim.SGD(free.Module.parameters(), 0.1), method, free.Module);
        a.Hooks.Add(GradientClip.ByNorm(1e3));
        a.Hooks.Add(GradientClip.ByValue(1e3));
        for (int step = 0; step < 3; step++)
        {
            a.Step(() => clipped.Loss(step));
            b.Step(() => free.Loss(step));
        }
        Bits.AssertEqual(free.Module.parameters(), clipped.Module.parameters());
    }

    [Fact]
    public void Clipping_leaves_no_tensor_behind()
    {
        Parameter w = new(ones(4));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.01), new NoiseStability { Sigma = 0.1 });
        optimizer.Hooks.Add(GradientClip.ByNorm(0.1));
        optimizer.Hooks.Add(GradientClip.ByValue(0.01));
        LiveTensors.AssertSteady(() => optimizer.Step(() => w.pow(2).sum()));
        w.Dispose();
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(-1.0)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_limit_that_is_no_limit_is_refused(double limit)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => GradientClip.ByNorm(limit));
        Assert.Throws<ArgumentOutOfRangeException>(() => GradientClip.ByValue(limit));
    }

    // Both probes of a pair on f = |w|^2 / 2 over two parameters; by how much they move at learning rate 1.
    private static (StepResult Result, double[] Moves) Step(GradientClip clip)
    {
        Parameter a = new(tensor(new[] { 3.0 })), b = new(tensor(new[] { 4.0 }));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([a, b], 1), new NoiseStability { Sigma = 0.5, Pairs = 2 });
        optimizer.Hooks.Add(clip);
        StepResult result = optimizer.Step(() => (a.pow(2).sum() + b.pow(2).sum()) * 0.5);
        return (result, [3 - a.ToDouble(), 4 - b.ToDouble()]);
    }
}
