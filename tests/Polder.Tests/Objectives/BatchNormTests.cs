using Polder.Methods;
using Polder.Noise;
using Polder.Objectives;
using Polder.Optimization;
using Polder.Parameters;
using Polder.Probes;
using Polder.Tests.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Tests.Objectives;

/// <summary>Running statistics against those that a forward pass at each probe's weights makes, always from the same start.</summary>
public class BatchNormTests
{
    private const double Sigma = 0.3;

    [Fact]
    public void Once_a_step_takes_the_mean_of_the_updates()
    {
        using var scope = NewDisposeScope();
        var (mean, variance, count) = Step(new NoiseStability { Sigma = Sigma, Pairs = 2 }, BatchNormPolicy.OncePerStep);
        var probes = new[] { At(0, 1), At(0, -1), At(1, 1), At(1, -1) };
        AssertClose(probes.Select(p => p.Mean), mean);
        AssertClose(probes.Select(p => p.Variance), variance);
        Assert.Equal(1, count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Once_a_step_takes_the_centre_where_there_is_one(int method)
    {
        using var scope = NewDisposeScope();
        IGradientMethod[] methods = [new NoiseStability { Sigma = Sigma, CleanWeight = 0.5 }, new SharpnessAware { Rho = 1 }, new CentreLast()];
        var (mean, variance, count) = Step(methods[method], BatchNormPolicy.OncePerStep);
        var centre = At(0, 0);
        Assert.Equal(Bits.Of(centre.Mean), Bits.Of(mean));
        Assert.Equal(Bits.Of(centre.Variance), Bits.Of(variance));
        Assert.Equal(1, count);
    }

    [Fact]
    public void First_probe_takes_the_first()
    {
        using var scope = NewDisposeScope();
        var (mean, variance, count) = Step(new NoiseStability { Sigma = Sigma, Pairs = 2 }, BatchNormPolicy.FirstProbe);
        AssertClose([At(0, 1).Mean], mean);
        AssertClose([At(0, 1).Variance], variance);
        Assert.Equal(1, count);
    }

    [Fact]
    public void Frozen_takes_none()
    {
        using var scope = NewDisposeScope();
        Network network = new(ScalarType.Float64);
        var (mean, variance, count) = Step(new NoiseStability { Sigma = Sigma }, BatchNormPolicy.Frozen);
        Assert.Equal(Bits.Of(network.Norm.running_mean!), Bits.Of(mean));
        Assert.Equal(Bits.Of(network.Norm.running_var!), Bits.Of(variance));
        Assert.Equal(0, count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Clean_forward_takes_the_weights_themselves_whatever_the_probes_are(bool backwardInside)
    {
        using var scope = NewDisposeScope();
        IGradientMethod[] methods = [new NoiseStability { Sigma = Sigma, Pairs = 2 }, new WeightPerturbation { Sigma = Sigma }, new SharpnessAware { Rho = 1 },
            new CentreLast()];
        foreach (IGradientMethod method in methods)
        {
            Network network = new(ScalarType.Float64);
            using var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0.1), method, network.Module,
                seed: 6)
            { BatchNorm = BatchNormPolicy.CleanForward };
            int calls = 0;
            StepResult result = optimizer.Step(() =>
            {
                calls++;
                Tensor loss = network.Loss(0);
                if (backwardInside)
                    loss.backward();
                return loss;
            });
            var centre = At(0, 0);
            Assert.Equal(Bits.Of(centre.Mean), Bits.Of(network.Norm.running_mean!));
            Assert.Equal(Bits.Of(centre.Variance), Bits.Of(network.Norm.running_var!));
            Assert.Equal(1, network.Norm.num_batches_tracked!.item<long>());
            Assert.Equal(new Network(ScalarType.Float64).Loss(0).ToDouble(), result.Loss);
            // One pass more where no probe was at W; it counts for no gradient.
            bool hasCentre = method is SharpnessAware or CentreLast;
            Assert.Equal(method.GradientEvaluations + (hasCentre ? 0 : 1), calls);
            Assert.Equal(method.GradientEvaluations, result.GradientEvaluations);
        }
    }

    [Fact]
    public void Clean_forward_takes_the_same_random_numbers_and_the_same_gradient()
    {
        using var scope = NewDisposeScope();
        byte[][] Weights(BatchNormPolicy policy)
        {
            Network network = new(dropout: 0.5);
            using var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0.1), new NoiseStability { Sigma = Sigma },
                network.Module)
            { BatchNorm = policy };
            random.manual_seed(77);
            for (int step = 0; step < 3; step++)
                optimizer.Step(() => network.Loss(step));
            return Bits.Of(network.Module.parameters());
        }
        Bits.AssertEqual(Weights(BatchNormPolicy.OncePerStep), Weights(BatchNormPolicy.CleanForward));
    }

    [Fact]
    public void A_clean_forward_that_fails_changes_nothing()
    {
        using var scope = NewDisposeScope();
        Network network = new();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0.1), new NoiseStability { Sigma = Sigma },
            network.Module)
        { BatchNorm = BatchNormPolicy.CleanForward };
        byte[][] before = Bits.Of([.. network.Module.parameters(), .. network.Module.buffers()]);
        int calls = 0;
        Assert.Throws<TimeoutException>(() => optimizer.Step(() => calls++ == 2 ? Fail() : network.Loss(0)));
        Bits.AssertEqual(before, Bits.Of([.. network.Module.parameters(), .. network.Module.buffers()]));
        calls = 0;
        Assert.Throws<NonFiniteGradientException>(() => optimizer.Step(() => network.Loss(0) * (calls++ == 2 ? double.NaN : 1)));
        Bits.AssertEqual(before, Bits.Of([.. network.Module.parameters(), .. network.Module.buffers()]));
        var e = Assert.Throws<NotSupportedException>(() => optimizer.Step(new GradientOnly(new ClosureObjective(() => network.Loss(0)))));
        Assert.Contains(nameof(IForwardObjective), e.Message);
        Bits.AssertEqual(before, Bits.Of([.. network.Module.parameters(), .. network.Module.buffers()]));

        Tensor Fail()
        {
            network.Loss(0);
            throw new TimeoutException();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_probe_moves_them_by_that_policy_or_without_a_model(bool policy)
    {
        using var scope = NewDisposeScope();
        var (mean, _, count) = Step(new WeightPerturbation { Sigma = Sigma, Draws = 2 }, policy ? BatchNormPolicy.EveryProbe
            : BatchNormPolicy.OncePerStep, policy);
        // From 0 and momentum 0.1: 0.9 a + b, each a tenth of its batch's mean.
        AssertClose([(0.9 * At(0, 1).Mean) + At(1, 1).Mean], mean);
        Assert.Equal(2, count);
    }

    [Fact]
    public void Evaluation_mode_leaves_them_alone()
    {
        using var scope = NewDisposeScope();
        Network network = new(ScalarType.Float64);
        network.Module.eval();
        byte[][] before = Bits.Of(network.Module.buffers());
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0.1), new NoiseStability { Sigma = Sigma }, network.Module);
        optimizer.step(() => network.Loss(0));
        Bits.AssertEqual(before, Bits.Of(network.Module.buffers()));
    }

    private static (Tensor Mean, Tensor Variance, long Count) Step(IGradientMethod method, BatchNormPolicy policy, bool withModel = true)
    {
        Network network = new(ScalarType.Float64);
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0.1), method, withModel ? network.Module : null,
            seed: 6)
        { BatchNorm = policy };
        optimizer.step(() => network.Loss(0));
        return (Copy(network.Norm.running_mean!), Copy(network.Norm.running_var!), network.Norm.num_batches_tracked!.item<long>());
    }

    // The statistics after one forward pass at W + sign sigma U.
    private static (Tensor Mean, Tensor Variance) At(int draw, int sign)
    {
        Network network = new(ScalarType.Float64);
        ParameterSpace space = ParameterSpace.Of(network.Module.parameters());
        using ParameterVector origin = space.CreateVector();
        space.Save(origin);
        if (sign != 0)
            space.MoveTo(origin, new PhiloxNoise(6), 0, draw, sign * Sigma);
        network.Loss(0);
        return (Copy(network.Norm.running_mean!), Copy(network.Norm.running_var!));
    }

    // Buffers end with their module, which the garbage collector may take as soon as nobody holds it.
    private static Tensor Copy(Tensor buffer) => buffer.detach().clone();

    private static void AssertClose(IEnumerable<Tensor> updates, Tensor found)
    {
        Tensor expected = stack(updates).mean([0L]);
        Assert.True(expected.sub(found).abs().max().ToDouble() < 1e-14);
    }

    private sealed class GradientOnly(IObjective inner) : IObjective
    {
        public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight) => inner.Accumulate(space, gradient, weight);
    }

    private sealed record CentreLast : IGradientMethod
    {
        public string Name => "centrelast";

        public int GradientEvaluations => 3;

        public void Validate()
        {
        }

        public void ComputeGradient(MethodContext context) =>
            context.Run(Probe.Noise(0, Sigma, 0.25), Probe.Noise(0, -Sigma, 0.25), Probe.Centre(0.5));
    }
}
