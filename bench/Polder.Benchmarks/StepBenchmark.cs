using Polder.Methods;
using Polder.Optimization;
using Polder.Vision.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>What a step of each method costs, against TorchSharp's own SGD loop.</summary>
internal static class StepBenchmark
{
    private const int Rounds = 30;

    public static void Run()
    {
        Measure("ResNet-20, 32 px, batch 128", () => Architectures.Get("resnet20").Build(10, 0), 10, 128, 32);
        Measure("ResNet-18, 64 px, batch 32", () => Architectures.Get("resnet18").Build(10, 0), 10, 32, 64);
    }

    private static void Measure(string title, Func<ImageClassifier> build, int classes, int batch, int side)
    {
        using var generator = new Generator(1);
        using Tensor images = randn([batch, 3, side, side], generator: generator);
        using Tensor labels = randint(0, classes, [batch], ScalarType.Int64, generator: generator);
        var owned = new List<IDisposable>();

        (ImageClassifier Model, SGD Sgd) New()
        {
            ImageClassifier model = build();
            model.train();
            SGD sgd = optim.SGD(model.parameters(), 0.001, 0.9, weight_decay: 1e-4);
            owned.AddRange([sgd, model]);
            return (model, sgd);
        }

        (string, Action) Variant(string name, IGradientMethod method)
        {
            var (model, sgd) = New();
            var optimizer = new FlatMinimaOptimizer(sgd, method, model);
            owned.Add(optimizer);
            return (name, () => optimizer.Step(() => nn.functional.cross_entropy(model.call(images), labels)));
        }

        var (raw, rawSgd) = New();
        Interleaved.Compare(title,
        [
            ("TorchSharp's loop: zero_grad, backward, SGD.step", () =>
            {
                using var scope = NewDisposeScope();
                rawSgd.zero_grad();
                Tensor loss = nn.functional.cross_entropy(raw.call(images), labels);
                loss.backward();
                rawSgd.step();
            }),
            Variant("base (SGD)", new Plain()),
            Variant("wp, 1 draw", new WeightPerturbation { Sigma = 0.01 }),
            Variant("nso, 1 pair", new NoiseStability { Sigma = 0.01 }),
            Variant("sam", new SharpnessAware { Rho = 0.05 }),
        ], Rounds);
        owned.Reverse();
        owned.ForEach(o => o.Dispose());
    }
}
