using CsCheck;
using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Properties;

/// <summary>What holds for every network: each case is another one, and a failing case is reported with its seed.</summary>
public class NoiseStabilityProperties
{
    private const int Cases = 60;

    private static readonly Gen<NoiseStability> Methods = Gen.Select(
        Gen.Double[0.001, 0.5], Gen.Int[1, 4], Gen.Double[0, 0.9], Gen.Bool,
        (sigma, pairs, cleanWeight, clean) => new NoiseStability { Sigma = sigma, Pairs = pairs, CleanWeight = clean ? cleanWeight : 0 });

    [Fact]
    public void The_mirrored_noise_gives_the_same_gradient() =>
        Gen.Select(NetworkRecipe.Any, Methods, Gen.Int[0, 1000]).Sample(
            (recipe, method, seed) =>
            {
                using var scope = NewDisposeScope();
                var network = new RandomNetwork(recipe);
                double[,,] noise = Noise(seed, method.Pairs, network.Dimension), mirrored = Map(noise, value => -value);
                double[] a = network.Gradients(method, new FixedNoise(noise))[0], b = network.Gradients(method, new FixedNoise(mirrored))[0];
                AssertClose(a, b);
                // One of the two points alone would not be symmetric.
                if (network.Parameters.Count > 2)
                {
                    var onePoint = new WeightPerturbation { Sigma = 0.3 };
                    Assert.NotEqual(network.Gradients(onePoint, new FixedNoise(noise))[0], network.Gradients(onePoint, new FixedNoise(mirrored))[0]);
                }
            },
            iter: Cases, threads: 1);

    [Fact]
    public void Order_and_grouping_of_the_parameters_do_not_matter() =>
        Gen.Select(NetworkRecipe.Any, Methods, Gen.Int[0, 1000]).Sample(
            (recipe, method, seed) =>
            {
                using var scope = NewDisposeScope();
                var network = new RandomNetwork(recipe);
                double[,,] noise = Noise(seed, method.Pairs, network.Dimension);
                double[] expected = network.Gradients(method, new FixedNoise(noise))[0];

                var random = new Random(seed);
                int[] order = [.. Enumerable.Range(0, network.Parameters.Count)];
                random.Shuffle(order);
                int[] elements = [.. order.SelectMany(parameter => Elements(network, parameter))];
                double[,,] permuted = new double[1, method.Pairs, elements.Length];
                for (int pair = 0; pair < method.Pairs; pair++)
                    for (int i = 0; i < elements.Length; i++)
                        permuted[0, pair, i] = noise[0, pair, elements[i]];

                int cut = random.Next(1, order.Length);
                SGD sgd = optim.SGD(order.Take(cut).Select(i => network.Parameters[i]), 0);
                sgd.add_param_group(new SGD.ParamGroup(order.Skip(cut).Select(i => network.Parameters[i]),
                    new SGD.Options { LearningRate = 0, InitialLearningRate = 0 }));
                var reader = new GradientReader();
                using var optimizer = new FlatMinimaOptimizer(sgd, method, noise: new FixedNoise(permuted));
                optimizer.Hooks.Add(reader);
                optimizer.Step(network.Loss);

                double[] found = new double[elements.Length];
                double[] inItsOrder = [.. reader.Seen.Single().SelectMany(block => block)];
                for (int i = 0; i < elements.Length; i++)
                    found[elements[i]] = inItsOrder[i];
                AssertClose(expected, found);
            },
            iter: Cases, threads: 1);

    [Fact]
    public void Weights_are_restored_bit_for_bit_whatever_the_closure_throws()
    {
        Func<Exception>[] failures =
        [
            () => new InvalidOperationException("of the closure"), () => new OperationCanceledException(), () => new TimeoutException(),
            () => new IOException(),
        ];
        Gen.Select(NetworkRecipe.Any, Methods, Gen.Int[0, 1000], Gen.Int[0, failures.Length - 1]).Sample(
            (recipe, method, seed, kind) =>
            {
                using var scope = NewDisposeScope();
                var network = new RandomNetwork(recipe);
                byte[][] before = Bits.Of(network.Parameters);
                int failing = new Random(seed).Next(method.GradientEvaluations), calls = 0;
                using var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Parameters, 0.1, momentum: 0.9), method, seed: seed);
                Exception failure = failures[kind]();
                Tensor Failing()
                {
                    Tensor loss = network.Loss();
                    return calls++ == failing ? throw failure : loss;
                }

                Assert.Same(failure, Assert.ThrowsAny<Exception>(() => optimizer.Step(Failing)));
                Assert.Equal(failing + 1, calls);
                Bits.AssertEqual(before, Bits.Of(network.Parameters));
                optimizer.Step(network.Loss);
                Assert.False(before.Zip(Bits.Of(network.Parameters)).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)),
                    "the next step must move the weights");
            },
            iter: Cases, threads: 1);
    }

    [Fact]
    public void A_step_of_length_zero_leaves_every_bit() =>
        Gen.Select(NetworkRecipe.Any, Methods, Gen.Int[0, 1000]).Sample(
            (recipe, method, seed) =>
            {
                using var scope = NewDisposeScope();
                var network = new RandomNetwork(recipe);
                byte[][] before = Bits.Of(network.Parameters);
                network.Gradients(method, new PhiloxNoise(seed), 3);
                Bits.AssertEqual(before, Bits.Of(network.Parameters));
            },
            iter: Cases, threads: 1);

    private static IEnumerable<int> Elements(RandomNetwork network, int parameter) =>
        Enumerable.Range(network.Parameters.Take(parameter).Sum(p => (int)p.numel()), (int)network.Parameters[parameter].numel());

    private static double[,,] Noise(int seed, int pairs, int dimension)
    {
        var random = new Random(seed);
        return Map(new double[1, pairs, dimension], _ => (random.NextDouble() * 4) - 2);
    }

    private static double[,,] Map(double[,,] values, Func<double, double> change)
    {
        double[,,] result = new double[values.GetLength(0), values.GetLength(1), values.GetLength(2)];
        for (int i = 0; i < values.GetLength(0); i++)
            for (int j = 0; j < values.GetLength(1); j++)
                for (int k = 0; k < values.GetLength(2); k++)
                    result[i, j, k] = change(values[i, j, k]);
        return result;
    }

    // Points and sums are the same numbers in another order of rounding: a few ulps of the largest element.
    private static void AssertClose(double[] expected, double[] found)
    {
        double tolerance = 1e-13 * Math.Max(1, expected.Max(Math.Abs));
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], found[i], tolerance);
    }
}
