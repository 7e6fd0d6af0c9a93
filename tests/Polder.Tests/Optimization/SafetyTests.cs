using Polder.Methods;
using Polder.Noise;
using Polder.Objectives;
using Polder.Optimization;
using Polder.Tests.Methods;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>Whatever goes wrong in a step, weights, buffers and the base optimizer's state are bit for bit as before it.</summary>
public class SafetyTests
{
    private sealed class ClosureFailure : Exception;

    private static readonly IGradientMethod[] Methods =
    [
        new Plain(), new WeightPerturbation { Sigma = 0.3, Draws = 3 }, new NoiseStability { Sigma = 0.3, Pairs = 2 },
        new NoiseStability { Sigma = 0.3, CleanWeight = 0.5 }, new SharpnessAware { Rho = 0.5 }, new SharpnessAware { Rho = 0.5, Adaptive = true },
    ];

    public static TheoryData<int, BatchNormPolicy> MethodsAndPolicies()
    {
        var data = new TheoryData<int, BatchNormPolicy>();
        for (int i = 0; i < MethodList.All.Count; i++)
            foreach (BatchNormPolicy policy in Enum.GetValues<BatchNormPolicy>())
                data.Add(i, policy);
        return data;
    }

    [Theory, MemberData(nameof(MethodsAndPolicies))]
    public void A_throw_at_any_probe_changes_nothing(int index, BatchNormPolicy policy)
    {
        using var scope = NewDisposeScope();
        IGradientMethod method = MethodList.All[index];
        Network failing = new(), calm = new();
        using var a = Make(failing, method, policy, NonFinitePolicy.Throw);
        using var b = Make(calm, method, policy, NonFinitePolicy.Throw);
        failing.Take(a, 0);
        calm.Take(b, 0);
        for (int at = 0; at < method.GradientEvaluationsAt(1); at++)
        {
            byte[][] before = Bits.Of([.. failing.Module.parameters(), .. failing.Module.buffers()]);
            int call = 0;
            // The forward pass has moved the buffers already when it fails.
            Assert.Throws<ClosureFailure>(() => failing.Take(a, 1, () =>
            {
                if (call++ == at)
                    throw new ClosureFailure();
            }));
            Assert.Equal(at + 1, call);
            Bits.AssertEqual(before, Bits.Of([.. failing.Module.parameters(), .. failing.Module.buffers()]));
            Assert.All(failing.Module.parameters(), p => Assert.True(p.grad is null));
        }
        // The failed attempts left no trace in the base optimizer, the counter of steps or the noise.
        for (int step = 1; step < 4; step++)
        {
            failing.Take(a, step);
            calm.Take(b, step);
            Bits.AssertEqual(calm.Module.parameters(), failing.Module.parameters());
            Bits.AssertEqual(calm.Module.buffers(), failing.Module.buffers());
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void A_loss_that_is_not_finite_at_any_probe_throws_and_changes_nothing(int index)
    {
        using var scope = NewDisposeScope();
        Network network = new();
        using var optimizer = Make(network, Methods[index], BatchNormPolicy.OncePerStep, NonFinitePolicy.Throw);
        optimizer.step(() => network.Loss(0));
        byte[][] before = Bits.Of([.. network.Module.parameters(), .. network.Module.buffers()]);
        foreach (double wrong in new[] { double.NaN, double.PositiveInfinity })
            for (int at = 0; at < Methods[index].GradientEvaluations; at++)
            {
                int call = 0;
                var thrown = Assert.Throws<NonFiniteGradientException>(() => optimizer.step(() => network.Loss(1).mul(call++ == at ? wrong : 1)));
                Assert.StartsWith("step 1: loss", thrown.Message);
                Bits.AssertEqual(before, Bits.Of([.. network.Module.parameters(), .. network.Module.buffers()]));
            }
        Assert.Equal(1, optimizer.StepCount);
    }

    [Fact]
    public void A_skipped_step_is_counted_and_changes_nothing()
    {
        using var scope = NewDisposeScope();
        Network network = new(), calm = new();
        double[,,] noise = new double[4, 1, 6 * 16 + 16 + 16 + 16 + 16 * 3 + 3], shorter = new double[3, 1, noise.GetLength(2)];
        for (int t = 0; t < 4; t++)
            for (int i = 0; i < noise.GetLength(2); i++)
            {
                noise[t, 0, i] = Math.Sin(i + (7 * t));
                if (t != 1)
                    shorter[t == 0 ? 0 : t - 1, 0, i] = noise[t, 0, i];
            }
        var method = new NoiseStability { Sigma = 0.2 };
        using var a = new FlatMinimaOptimizer(Sgd(network), method, network.Module, new FixedNoise(noise)) { NonFinite = NonFinitePolicy.Skip };
        using var b = new FlatMinimaOptimizer(Sgd(calm), method, calm.Module, new FixedNoise(shorter));
        a.step(() => network.Loss(0));
        b.step(() => calm.Loss(0));
        StepResult skipped = a.Step(() => network.Loss(1) * double.NaN);
        Assert.True(skipped.Skipped);
        Assert.True(double.IsNaN(skipped.Loss));
        Assert.Equal(1, a.SkippedSteps);
        Assert.Equal(2, a.StepCount);
        // The next step sees its own noise, and the base optimizer has not seen the skipped one.
        for (int step = 2; step < 4; step++)
        {
            Assert.False(a.Step(() => network.Loss(step)).Skipped);
            b.step(() => calm.Loss(step));
            Bits.AssertEqual(calm.Module.parameters(), network.Module.parameters());
            Bits.AssertEqual(calm.Module.buffers(), network.Module.buffers());
        }
    }

    [Fact]
    public void A_gradient_that_is_not_finite_under_a_finite_loss_is_seen()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(zeros(2));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.1), new Plain());
        // The derivative of sqrt at 0 is infinite.
        Assert.Throws<NonFiniteGradientException>(() => optimizer.step(() => w.sqrt().sum()));
        Assert.Equal(0, w.abs().sum().ToSingle());
    }

    [Fact]
    public void Weights_come_back_bit_for_bit_after_many_steps_of_large_noise()
    {
        using var scope = NewDisposeScope();
        Network network = new();
        byte[][] before = Bits.Of(network.Module.parameters());
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0), new NoiseStability { Sigma = 1, Pairs = 2 }, network.Module);
        for (int step = 0; step < 200; step++)
            optimizer.step(() => network.Loss(step)).Dispose();
        Bits.AssertEqual(before, Bits.Of(network.Module.parameters()));
    }

    private static SGD Sgd(Network network) => optim.SGD(network.Module.parameters(), 0.1, momentum: 0.9, weight_decay: 1e-2);

    private static FlatMinimaOptimizer Make(Network network, IGradientMethod method, BatchNormPolicy policy, NonFinitePolicy nonFinite) =>
        new(MethodList.MakesItsUpdate(method) ? optim.SGD(network.Module.parameters(), 0.1) : Sgd(network), method, network.Module, seed: 3)
        { BatchNorm = policy, NonFinite = nonFinite };
}
