using Polder.Machine;
using Polder.Methods;
using Polder.Optimization;
using Polder.Vision.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>What a step costs in each form of the input: float32 as it lies and channels last, bf16; and NSO in bf16 beside SGD in float32.</summary>
internal static class PrecisionBenchmark
{
    private static readonly (string Architecture, int Batch, int Side)[] Settings =
        [("resnet20", 128, 32), ("resnet18", 32, 64), ("resnet18", 16, 112), ("resnet18", 8, 224)];

    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(arguments, "--rounds", "--setting", "--threads", "--live");
        set_num_threads(options.Count("--threads", get_num_threads()));
        if (options.Count("--live", 0, least: 0) is var steps and > 0)
        {
            CountLiveTensors(steps);
            return;
        }
        int setting = options.Count("--setting", 0, least: 0);
        foreach ((string architecture, int batch, int side) in setting > 0 ? [Settings[setting - 1]] : Settings)
            Measure(architecture, batch, side, options.Count("--rounds", 10));
    }

    // Mixed-precision steps of NSO on the digits' network: as many tensors live at the end as after the first hundredth.
    private static void CountLiveTensors(int steps)
    {
        using ImageClassifier model = Architectures.Get("digits-cnn").Build(10, 0);
        model.train();
        using SGD sgd = optim.SGD(model.parameters(), 0.001, 0.9, weight_decay: 1e-4);
        using var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability { Sigma = 0.01 }, model);
        using var generator = new Generator(1);
        using Tensor images = randn([16, 1, 8, 8], generator: generator), labels = randint(0, 10, [16], ScalarType.Int64, generator: generator);
        long first = 0;
        for (int step = 1; step <= steps; step++)
        {
            using var scope = NewDisposeScope();
            Tensor input = InputForm.Of(Precision.BF16).Of(images);
            optimizer.Step(() => nn.functional.cross_entropy(model.call(input), labels));
            if (step == Math.Max(1, steps / 100))
                first = Tensor.TotalCount;
        }
        Console.WriteLine($"{steps} steps in bf16: {first} live tensors after {Math.Max(1, steps / 100)}, {Tensor.TotalCount} at the end");
    }

    private static void Measure(string architecture, int batch, int side, int rounds)
    {
        using var generator = new Generator(1);
        using Tensor images = randn([batch, 3, side, side], generator: generator);
        using Tensor labels = randint(0, 10, [batch], ScalarType.Int64, generator: generator);
        var owned = new List<IDisposable>();

        (string, Action) Variant(string name, InputForm form, IGradientMethod method)
        {
            ImageClassifier model = Architectures.Get(architecture).Build(10, 0);
            model.train();
            SGD sgd = optim.SGD(model.parameters(), 0.001, 0.9, weight_decay: 1e-4);
            var optimizer = new FlatMinimaOptimizer(sgd, method, model);
            owned.AddRange([sgd, model, optimizer]);
            return (name, Step);

            void Step()
            {
                using var scope = NewDisposeScope();
                Tensor input = form.Of(images); // once a step, as the trainer does
                optimizer.Step(() => nn.functional.cross_entropy(model.call(input), labels));
            }
        }

        var bf16 = InputForm.Of(Precision.BF16);
        var nso = new NoiseStability { Sigma = 0.01 };
        Interleaved.Compare($"{architecture}, {side} px, batch {batch}, {get_num_threads()} threads",
        [
            Variant("SGD, float32", default, new Plain()),
            Variant("SGD, float32, channels last", new InputForm(Layout: MemoryLayout.ChannelsLast), new Plain()),
            Variant("SGD, bf16", bf16, new Plain()),
            Variant("NSO, float32", default, nso),
            Variant("NSO, bf16", bf16, nso),
        ], rounds, warmup: 1, processorTime: get_num_threads() == 1);
        owned.Reverse();
        owned.ForEach(o => o.Dispose());
    }
}
