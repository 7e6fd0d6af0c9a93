using Polder.Methods;
using Polder.Methods.Registry;
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
        (string, Func<ImageClassifier, IGradientMethod>)[] methods =
        [
            ("base (SGD)", _ => new Plain()),
            ("wp, 1 draw", _ => new WeightPerturbation { Sigma = 0.01 }),
            ("nso, 1 pair", _ => new NoiseStability { Sigma = 0.01 }),
            ("sam", _ => new SharpnessAware { Rho = 0.05 }),
        ];
        Measure("ResNet-20, 32 px, batch 128", () => Architectures.Get("resnet20").Build(10, 0), 10, 128, 32, methods, Rounds);
        Measure("ResNet-18, 64 px, batch 32", () => Architectures.Get("resnet18").Build(10, 0), 10, 32, 64, methods, Rounds);
    }

    /// <summary>Every method at its defaults. A timing is five steps, since LookSAM takes its second gradient at every fifth.</summary>
    public static void RunEveryMethod() => Measure(
        "Every method: ResNet-20, 32 px, batch 128, five steps",
        () => Architectures.Get("resnet20").Build(10, 0),
        10,
        128,
        32,
        [.. MethodRegistry.All.Select(m =>
            (m.Name, (Func<ImageClassifier, IGradientMethod>)(model => m.Create(new MethodSetup { Model = model, Head = [.. model.HeadParameters] }))))],
        rounds: 6,
        repeats: 5);

    private static void Measure(
        string title, Func<ImageClassifier> build, int classes, int batch, int side, IReadOnlyList<(string, Func<ImageClassifier, IGradientMethod>)> methods,
        int rounds, int repeats = 1)
    {
        using var generator = new Generator(1);
        using Tensor images = randn([batch, 3, side, side], generator: generator);
        using Tensor labels = randint(0, classes, [batch], ScalarType.Int64, generator: generator);
        var owned = new List<IDisposable>();

        (ImageClassifier Model, SGD Sgd) New(bool plain = false)
        {
            ImageClassifier model = build();
            model.train();
            SGD sgd = plain ? optim.SGD(model.parameters(), 0.001) : optim.SGD(model.parameters(), 0.001, 0.9, weight_decay: 1e-4);
            owned.AddRange([sgd, model]);
            return (model, sgd);
        }

        (string, Action) Variant(string name, Func<ImageClassifier, IGradientMethod> method)
        {
            var (model, sgd) = New(plain: MethodRegistry.All.FirstOrDefault(m => m.Name == name)?.DemandsPlainSgd == true);
            var optimizer = new FlatMinimaOptimizer(sgd, method(model), model);
            owned.Add(optimizer);
            // Outputs and loss apart, as functionalsam needs them and the trainer gives them; for the others it is the same closure.
            return (name, () => optimizer.Step(batch, range => model.call(images[range]), (z, range) => nn.functional.cross_entropy(z, labels[range])));
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
            .. methods.Select(m => Variant(m.Item1, m.Item2)),
        ], rounds, repeats);
        owned.Reverse();
        owned.ForEach(o => o.Dispose());
    }
}
