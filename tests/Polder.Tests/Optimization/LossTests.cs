using Polder.Methods;
using Polder.Noise;
using Polder.Objectives;
using Polder.Optimization;
using Polder.Probes;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>What a step reports: f(W) where the method evaluates it, else the mean of the probes.</summary>
public class LossTests
{
    // f(w) = w^2 at w = 1; sigma U = +-0.5 gives 2.25 and 0.25.
    [Theory]
    [InlineData(0.0, 1.25)]
    [InlineData(0.5, 1.0)]
    public void Losses_are_those_of_the_probes(double cleanWeight, double loss)
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(new[] { 1.0 }));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0), new NoiseStability { Sigma = 0.5, CleanWeight = cleanWeight },
            noise: new FixedNoise(new double[,,] { { { 1 } } }));
        StepResult result = optimizer.Step(() => w.pow(2).sum());
        Assert.Equal(loss, result.Loss);
        Assert.Equal(cleanWeight > 0 ? [1, 2.25, 0.25] : [2.25, 0.25], result.Losses);
        Assert.Equal(2, result.GradientNorm, 1e-15);
        Assert.False(result.Skipped);
    }

    [Fact]
    public void Sharpness_aware_reports_the_loss_at_the_weights()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(new[] { 1.0 }));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0), new SharpnessAware { Rho = 0.5 });
        StepResult result = optimizer.Step(() => w.pow(2).sum());
        Assert.Equal(1, result.Loss);
        Assert.Equal([1, 2.25], result.Losses);
        Assert.Equal(3, result.GradientNorm, 1e-15);
    }

    [Fact]
    public void A_given_runner_stays_whatever_is_set_after_it()
    {
        using var scope = NewDisposeScope();
        var runner = new SequentialProbeRunner();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([new Parameter(ones(1))], 0.1), new Plain())
        {
            Runner = runner,
            BatchNorm = BatchNormPolicy.Frozen,
            ReplayRandomNumbers = false,
        };
        Assert.Same(runner, optimizer.Runner);
    }
}
