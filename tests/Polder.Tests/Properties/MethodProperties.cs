using CsCheck;
using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Noise;
using Polder.Optimization;
using Polder.Tests.Methods;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Properties;

/// <summary>What every method of the registry promises, on random networks with random options; a failing case is reported with its seed.</summary>
public class MethodProperties
{
    private const int Cases = 25, Steps = 4;

    public static TheoryData<string> Names => [.. MethodRegistry.OfLibrary.Select(m => m.Name)];

    // bsam and ivon make their own update, with a decay that no option but the precision's switches off: there is no rho at which it is SGD.
    public static TheoryData<string> NamesWithALimit => [.. MethodRegistry.OfLibrary.Select(m => m.Name).Except(["bsam", "ivon"])];

    [Theory, MemberData(nameof(Names))]
    public void A_step_of_length_zero_leaves_every_bit(string name) => ForAll((recipe, seed) =>
    {
        var network = new RandomNetwork(recipe);
        byte[][] before = Bits.Of(network.Parameters);
        network.Gradients(MethodRecipe.Create(name, seed, network, Steps), new PhiloxNoise(seed), Steps);
        Bits.AssertEqual(before, Bits.Of(network.Parameters));
    });

    [Theory, MemberData(nameof(Names))]
    public void A_closure_that_throws_in_any_pass_leaves_no_trace(string name) => ForAll((recipe, seed) =>
    {
        RandomNetwork failing = new(recipe), calm = new(recipe);
        IGradientMethod method = MethodRecipe.Create(name, seed, failing, Steps);
        using FlatMinimaOptimizer a = Make(failing, method, seed), b = Make(calm, MethodRecipe.Create(name, seed, calm, Steps), seed);
        for (int step = 0; step < Steps; step++)
        {
            byte[][] before = Bits.Of(failing.Parameters);
            int passes = method.GradientEvaluationsAt(step), at = new Random(seed + step).Next(passes), calls = 0;
            Assert.Throws<TimeoutException>(() => failing.Take(a, () =>
            {
                if (calls++ == at)
                    throw new TimeoutException();
            }));
            Assert.Equal(at + 1, calls);
            Bits.AssertEqual(before, Bits.Of(failing.Parameters));
            // Momentum, the method's memory and the noise are those of a run without the failure.
            failing.Take(a);
            calm.Take(b);
            Bits.AssertEqual(calm.Parameters, failing.Parameters);
        }
    });

    [Theory, MemberData(nameof(Names))]
    public void Order_and_grouping_of_the_parameters_do_not_matter(string name)
    {
        int compared = 0, cases = 0;
        ForAll((recipe, seed) =>
        {
            cases++;
            RandomNetwork plain = new(recipe), shuffled = new(recipe);
            var random = new Random(seed);
            int[] order = [.. Enumerable.Range(0, plain.Parameters.Count)];
            random.Shuffle(order);
            int[] elements = [.. order.SelectMany(parameter => Elements(plain, parameter))];
            double[,,] noise = new double[Steps, MethodRecipe.MostDraws, elements.Length],
                permuted = new double[Steps, MethodRecipe.MostDraws, elements.Length];
            foreach ((int t, int draw) in Enumerable.Range(0, Steps * MethodRecipe.MostDraws)
                .Select(n => (n / MethodRecipe.MostDraws, n % MethodRecipe.MostDraws)))
            {
                for (int i = 0; i < elements.Length; i++)
                    noise[t, draw, i] = (random.NextDouble() * 4) - 2;
                for (int i = 0; i < elements.Length; i++)
                    permuted[t, draw, i] = noise[t, draw, elements[i]];
            }

            int cut = random.Next(1, order.Length);
            SGD sgd = optim.SGD(order.Take(cut).Select(i => shuffled.Parameters[i]), 0.01);
            sgd.add_param_group(new SGD.ParamGroup(order.Skip(cut).Select(i => shuffled.Parameters[i]),
                new SGD.Options { LearningRate = 0.01, InitialLearningRate = 0.01 }));
            (double[][] expected, bool definite) = Run(optim.SGD(plain.Parameters, 0.01), MethodRecipe.Create(name, seed, plain, Steps), plain,
                new FixedNoise(noise));
            (double[][] found, _) = Run(sgd, MethodRecipe.Create(name, seed, shuffled, Steps), shuffled, new FixedNoise(permuted));
            if (!definite)
                return;
            compared++;
            for (int step = 0; step < Steps; step++)
                AssertClose(expected[step], [.. Enumerable.Range(0, elements.Length).OrderBy(i => elements[i]).Select(i => found[step][i])]);
            AssertClose(plain.Weights, shuffled.Weights);
        });
        Assert.True(2 * compared > cases, $"only {compared} of {cases} cases were compared");
    }

    [Theory, MemberData(nameof(NamesWithALimit))]
    public void Without_a_perturbation_a_method_is_the_base_optimizer_bit_for_bit(string name) => ForAll((recipe, seed) =>
    {
        RandomNetwork network = new(recipe), plain = new(recipe);
        IGradientMethod method = WithoutPerturbation(MethodRecipe.Create(name, seed, network, Steps));
        using FlatMinimaOptimizer a = Make(network, method, seed), b = Make(plain, new Plain(), seed);
        for (int step = 0; step < Steps; step++)
        {
            network.Take(a);
            b.Step(plain.Loss);
            Bits.AssertEqual(plain.Parameters, network.Parameters);
        }
    });

    private static IGradientMethod WithoutPerturbation(IGradientMethod method) => method switch
    {
        WeightPerturbation wp => wp with { Sigma = 0 },
        NoiseStability nso => nso with { Sigma = 0 },
        SharpnessAware sam => sam with { Rho = 0 },
        RandomSharpnessAware rsam => rsam with { Rho = 0 },
        // At rho = 0 the parts that alpha multiplies are zero in mathematics and a rounding error in arithmetic.
        SurrogateGap gsam => gsam with { Rho = 0, Alpha = 0 },
        LookSharpnessAware looksam => looksam with { Rho = 0, Alpha = 0 },
        FriendlySharpnessAware fsam => fsam with { Rho = 0 },
        MomentumSharpnessAware msam => msam with { Rho = 0 },
        DiagonalNoiseStability diagonal => diagonal with { Sigma = 0 },
        OrthogonalNoiseStability orthogonal => orthogonal with { Sigma = 0 },
        AscendedNoiseStability ascended => ascended with { Sigma = 0, Rho = 0 },
        RandomWeightPerturbation rwp => rwp with { Sigma = 0 },
        StableSharpnessAware ssam => ssam with { Rho = 0 },
        LossEquatedSharpnessAware lesam => lesam with { LossBudget = 0 },
        FilteredSharpnessAware zsharp => zsharp with { Rho = 0 },
        FunctionalSharpnessAware functional => functional with { Rho = 0 },
        ParallelSharpnessAware sampa => sampa with { Rho = 0, Mix = 0 },
        LateStart late => new LateStart(WithoutPerturbation(late.Method), late.FirstStep),
        Plain same => same,
        var other => throw new NotSupportedException($"say here what {other.Name} is without its perturbation"),
    };

    private static void ForAll(Action<NetworkRecipe, int> property) => Gen.Select(NetworkRecipe.Any, Gen.Int[0, 1_000_000]).Sample(
        (recipe, seed) =>
        {
            using var scope = NewDisposeScope();
            property(recipe, seed);
        },
        iter: Cases, threads: 1);

    private static FlatMinimaOptimizer Make(RandomNetwork network, IGradientMethod method, int seed) =>
        new(optim.SGD(network.Parameters, 0.05, momentum: MethodList.MakesItsUpdate(method) ? 0 : 0.9), method, seed: seed);

    // The gradients of the steps, and whether they are well-defined: LookSAM scales the part of the perturbed gradient that is orthogonal to the clean one
    // to a length that does not depend on its own, so where the two are parallel its direction is that of a rounding error.
    private static (double[][] Gradients, bool Definite) Run(OptimizerHelper sgd, IGradientMethod method, RandomNetwork network, NoiseStream noise)
    {
        var reader = new GradientReader();
        using var optimizer = new FlatMinimaOptimizer(sgd, method, noise: noise);
        optimizer.Hooks.Add(reader);
        bool definite = true;
        for (int step = 0; step < Steps; step++)
        {
            double length = network.Take(optimizer).GradientNorm;
            if (method is LookSharpnessAware || (method is LateStart { Method: LookSharpnessAware, FirstStep: var first } && step >= first))
            {
                using var scope = NewDisposeScope();
                double kept = Math.Sqrt(optimizer.StateDict().Where(e => e.Key.StartsWith("method.orthogonal.", StringComparison.Ordinal))
                    .Sum(e => e.Value.pow(2).sum().item<double>()));
                definite &= kept > 1e-5 * length;
            }
        }
        return ([.. reader.Seen.Select(blocks => blocks.SelectMany(block => block).ToArray())], definite);
    }

    private static IEnumerable<int> Elements(RandomNetwork network, int parameter) =>
        Enumerable.Range(network.Parameters.Take(parameter).Sum(p => (int)p.numel()), (int)network.Parameters[parameter].numel());

    // Sums over the parameters are rounded in another order, and a step's direction may be a small difference of larger vectors.
    private static void AssertClose(double[] expected, double[] found)
    {
        double tolerance = 1e-10 * Math.Max(1, expected.Max(Math.Abs));
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], found[i], tolerance);
    }
}
