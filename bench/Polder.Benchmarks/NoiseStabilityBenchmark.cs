using Polder.Methods;
using Polder.Objectives;
using Polder.Optimization;
using Polder.Parameters;
using Polder.Vision.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>What reading the curvature costs a step of NSO, and what a step on split batches costs against SGD's.</summary>
internal static class NoiseStabilityBenchmark
{
    private const int Rounds = 30;

    public static void RunMoves()
    {
        MeasureMoves("ResNet-20", "resnet20");
        MeasureMoves("ResNet-18", "resnet18");
    }

    public static void Run()
    {
        Measure("NSO, ResNet-20, 32 px, batch 128", "resnet20", 128, 32, 1, 2);
        Measure("NSO, ResNet-18, 64 px, batch 32", "resnet18", 32, 64, 1);
        Measure("NSO, ResNet-18, 64 px, batch 64", "resnet18", 64, 64, 1);
    }

    // Everything of a step but forward and backward, so that the difference is seen in milliseconds also on a busy machine.
    private static void MeasureMoves(string title, string architecture)
    {
        var owned = new List<IDisposable>();
        (string, Action) Variant(string name, bool curvature)
        {
            ImageClassifier model = Architectures.Get(architecture).Build(10, 0);
            SGD sgd = optim.SGD(model.parameters(), 0.001, 0.9, weight_decay: 1e-4);
            var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability { Sigma = 0.01 }, model) { MeasureCurvature = curvature };
            owned.AddRange([sgd, model, optimizer]);
            var nothing = new Nothing();
            return (name, () => optimizer.Step(nothing));
        }

        Interleaved.Compare($"Moves and update alone, {title}, 1 pair",
            [Variant("curvature not measured", false), Variant("curvature measured", true)], Rounds);
        owned.Reverse();
        owned.ForEach(o => o.Dispose());
    }

    private static void Measure(string title, string architecture, int batch, int side, params int[] splitPairs)
    {
        using var generator = new Generator(1);
        using Tensor images = randn([batch, 3, side, side], generator: generator);
        using Tensor labels = randint(0, 10, [batch], ScalarType.Int64, generator: generator);
        var owned = new List<IDisposable>();

        (string, Action) Variant(string name, IGradientMethod method, bool curvature = false)
        {
            ImageClassifier model = Architectures.Get(architecture).Build(10, 0);
            model.train();
            SGD sgd = optim.SGD(model.parameters(), 0.001, 0.9, weight_decay: 1e-4);
            var optimizer = new FlatMinimaOptimizer(sgd, method, model) { MeasureCurvature = curvature };
            owned.AddRange([sgd, model, optimizer]);
            return (name, () => optimizer.Step(batch, rows => nn.functional.cross_entropy(model.call(images[rows]), labels[rows])));
        }

        Interleaved.Compare(title,
        [
            Variant("base (SGD)", new Plain()),
            Variant("nso, 1 pair, curvature not measured", new NoiseStability { Sigma = 0.01 }),
            Variant("nso, 1 pair, curvature measured", new NoiseStability { Sigma = 0.01 }, curvature: true),
            .. splitPairs.SelectMany(pairs => new[]
            {
                Variant($"nso, split in {2 * pairs}, curvature not measured", new NoiseStability { Sigma = 0.01, Pairs = pairs, Passes = Passes.Split }),
                Variant($"nso, split in {2 * pairs}, curvature measured", new NoiseStability { Sigma = 0.01, Pairs = pairs, Passes = Passes.Split },
                    curvature: true),
            }),
        ], Rounds);
        owned.Reverse();
        owned.ForEach(o => o.Dispose());
    }

    private sealed class Nothing : IObjective
    {
        public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight) => 0;
    }
}
