using Polder.Methods;
using Polder.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>Random numbers that the closure draws from torch's generator are the same for all probes of a step.</summary>
public class RandomReplayTests
{
    // f is linear in W for a given dropout mask, so with one mask for both probes every noise gives the same gradient: mask x input.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Dropout_does_not_blur_a_pair(bool replay)
    {
        using var scope = NewDisposeScope();
        Parameter w = new(zeros(200, ScalarType.Float64));
        Tensor x = linspace(1, 2, 200, ScalarType.Float64);
        Tensor Loss() => nn.functional.dropout(w * x, 0.5, training: true).sum();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 1), new NoiseStability { Sigma = 0.3, Pairs = 2 }) { ReplayRandomNumbers = replay };
        random.manual_seed(11);
        optimizer.step(Loss);
        double[] found = w.data<double>().ToArray();

        Parameter clean = new(zeros(200, ScalarType.Float64));
        w = clean;
        random.manual_seed(11);
        Loss().backward();
        double[] expected = clean.grad!.neg().data<double>().ToArray();
        Assert.Equal(replay, found.Zip(expected, (a, b) => Math.Abs(a - b)).Max() < 1e-14);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 4)]
    public void The_generator_advances_once_a_step(bool replay, int draws)
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(5));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.1), new NoiseStability { Pairs = 2 }) { ReplayRandomNumbers = replay };
        random.manual_seed(3);
        for (int step = 0; step < 3; step++)
            optimizer.step(() => (w * rand(5)).sum());
        float[] next = rand(5).data<float>().ToArray();

        random.manual_seed(3);
        for (int i = 0; i < 3 * draws; i++)
            rand(5);
        Assert.Equal(rand(5).data<float>().ToArray(), next);
    }

    [Fact]
    public void Every_step_has_its_own_random_numbers()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(5));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.1), new NoiseStability());
        var seen = new List<float>();
        for (int step = 0; step < 3; step++)
            optimizer.step(() =>
            {
                Tensor factor = rand(5);
                seen.Add(factor[0].ToSingle());
                return (w * factor).sum();
            });
        Assert.Equal(6, seen.Count);
        for (int step = 0; step < 3; step++)
            Assert.Equal(seen[2 * step], seen[(2 * step) + 1]);
        Assert.Equal(3, seen.Distinct().Count());
    }

    [Fact]
    public void Dropout_in_a_network_gives_the_same_run_from_the_same_seed()
    {
        using var scope = NewDisposeScope();
        byte[][] first = Run(), second = Run();
        Bits.AssertEqual(first, second);

        static byte[][] Run()
        {
            Network network = new(dropout: 0.5);
            using var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0.1, momentum: 0.9), new NoiseStability { Sigma = 0.05 },
                network.Module, seed: 4);
            random.manual_seed(8);
            for (int step = 0; step < 5; step++)
                optimizer.step(() => network.Loss(step));
            return Bits.Of([.. network.Module.parameters(), .. network.Module.buffers()]);
        }
    }
}
