using System.Diagnostics;
using System.Globalization;
using Polder.Machine;
using Polder.Methods;
using Polder.Mpi;
using Polder.Optimization;
using Polder.Vision.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>
/// One training on two ranks of one thread, against one rank of one thread and of two: <c>mpirun -n 2 --bind-to none dotnet Polder.Benchmarks.dll ranks</c>.
/// From what it measures, a model of the cost predicts other numbers of ranks (<see cref="RankCost"/>).
/// </summary>
internal static class RanksBenchmark
{
    private const int Side = 64, Batch = 32, Classes = 10;

    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(arguments, "--rounds", "--plot");
        int rounds = options.Count("--rounds", 8);
        ProcessSetup.Apply();
        using MpiJob job = MpiJob.Start(2);
        _ = get_num_threads();
        set_num_threads(1);
        using var turns = new Turns(job);
        using var step = new RankStep(job);
        if (job.Rank > 0)
            step.Follow(turns);
        else
            Lead(job, step, turns, rounds, options.Text("--plot", ""));
    }

    private static void Lead(MpiJob job, RankStep step, Turns turns, int rounds, string plot)
    {
        Console.WriteLine($"{job.Version}, ResNet-18, {Side} px, NSO");
        (string, Action) Alone(int threads) => ($"1 rank, {threads} thread(s)", () =>
        {
            set_num_threads(threads);
            step.Alone(pairs: 1, Batch);
            set_num_threads(1);
        }
        );
        (string, Action) Together(string name, RankStep.Kind kind) => (name, () =>
        {
            turns.Give(kind);
            step.Together(kind);
        }
        );
        Interleaved.Compare($"NSO k = 1, ResNet-18, {Side} px, batch {Batch}", [
            Alone(1), Alone(2), Together("2 ranks, 1 thread each", RankStep.Kind.Fast), Together("2 ranks, 1 thread each, reproducible", RankStep.Kind.Ordered),
            Together("2 ranks, each a whole step of its own", RankStep.Kind.Apart),
        ], rounds);
        Console.WriteLine(
            "\nHalf of the last row is what two ranks could reach at most: the same work without a word between them, on the memory and clock that both "
            + "share.");
        Console.WriteLine($"\nmemory of a rank: {NativeMemory.Describe()}");

        // The same process alone, for the parts of the cost that it has: what a point costs beside its rows, and what a step costs beside its points.
        var steps = new List<(int Points, int Rows, double Seconds)>();
        foreach ((int pairs, int rows) in ((int, int)[])[(1, 8), (2, 8), (1, 16), (1, 32), (2, 32)])
            steps.Add((2 * pairs, rows, Median(rounds, () => step.Alone(pairs, rows))));
        // The other rank is there while these are measured, so it must not sleep.
        var sums = new List<(int Bytes, double Seconds)>();
        turns.Give(RankStep.Kind.Reductions);
        foreach (int length in RankStep.ReducedLengths)
            sums.Add((sizeof(float) * length, step.Reduce(length)));
        turns.Give(RankStep.Kind.End);
        RankCost cost = RankCost.Fit(steps, sums, 4.0 * step.Parameters);
        Console.WriteLine();
        foreach ((int bytes, double seconds) in sums)
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"sum over 2 ranks of {bytes} bytes: {1e6 * seconds:F1} us, fitted {1e6 * cost.Reduction(2, bytes):F1}"));
        foreach ((int points, int rows, double seconds) in steps)
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{points} points of {rows} rows: {1e3 * seconds:F1} ms, fitted {1e3 * cost.Step(points, rows, 1):F1}"));
        Console.WriteLine(cost.Describe());
        // Networks that were not measured: what their links are sold as.
        RankCost[] networks = [cost, cost with { Latency = 25e-6, Bandwidth = 1.25e9 }, cost with { Latency = 50e-6, Bandwidth = 0.125e9 }];
        foreach (RankCost network in networks)
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"\n{network.Bandwidth / 1e9:F3} GB/s, {1e6 * network.Latency:F1} us:\n{network.Table()}"));
        if (plot.Length > 0)
            networks[1].Plot(plot);
    }

    internal static double Median(int rounds, Action work)
    {
        double[] times = new double[rounds];
        for (int i = -1; i < rounds; i++)
        {
            long start = Stopwatch.GetTimestamp();
            work();
            if (i >= 0)
                times[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        Array.Sort(times);
        return (times[(rounds - 1) / 2] + times[rounds / 2]) / 2;
    }

    /// <summary>Whose turn it is: the other rank sleeps until then, while one that waited in MPI would keep a processor busy.</summary>
    internal sealed class Turns : IDisposable
    {
        private readonly string _file;
        private readonly bool _leads;
        private int _turn;

        public Turns(MpiJob job)
        {
            _leads = job.Rank == 0;
            byte[] name = new byte[256];
            if (_leads)
                System.Text.Encoding.UTF8.GetBytes(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), name);
            job.Broadcast(name, 0);
            _file = System.Text.Encoding.UTF8.GetString(name).TrimEnd('\0');
        }

        public void Give(RankStep.Kind kind)
        {
            string next = $"{_file}.{++_turn}";
            File.WriteAllText(next + ".new", kind.ToString());
            File.Move(next + ".new", next);
        }

        public RankStep.Kind Take()
        {
            string next = $"{_file}.{++_turn}";
            while (!File.Exists(next))
                Thread.Sleep(1);
            return Enum.Parse<RankStep.Kind>(File.ReadAllText(next));
        }

        public void Dispose()
        {
            for (int turn = 1; !_leads && turn <= _turn; turn++)
                File.Delete($"{_file}.{turn}");
        }
    }

    /// <summary>One network with its optimizers, on each rank.</summary>
    internal sealed class RankStep : IDisposable
    {
        public static readonly int[] ReducedLengths = [1, 1_000, 10_000, 100_000, 1_000_000, 11_000_000];

        private readonly MpiJob _job;
        private readonly ImageClassifier _model;
        private readonly SGD _sgd;
        private readonly Tensor _images, _labels;
        private readonly Dictionary<string, FlatMinimaOptimizer> _optimizers = [];

        public RankStep(MpiJob job)
        {
            _job = job;
            _model = Architectures.Get("resnet18").Build(Classes, 0);
            _model.train();
            _sgd = optim.SGD(_model.parameters(), 0.001, 0.9, weight_decay: 1e-4);
            using var generator = new Generator(1);
            _images = randn([Batch, 3, Side, Side], generator: generator);
            _labels = randint(0, Classes, [Batch], ScalarType.Int64, generator: generator);
        }

        public enum Kind
        {
            Fast,
            Ordered,
            Apart,
            Reductions,
            End,
        }

        public long Parameters => _model.parameters().Sum(p => p.numel());

        public void Alone(int pairs, int rows) => Step(Of($"alone {pairs}", () => new FlatMinimaOptimizer(_sgd, Nso(pairs), _model)), rows);

        public void Together(Kind kind)
        {
            if (kind != Kind.Apart)
            {
                Share(kind);
                return;
            }
            Alone(1, Batch);
            _job.Gather([0], new byte[_job.Size]); // as in a shared step, the slower rank ends it
        }

        private void Share(Kind kind) => Step(
            Of($"{kind}", () => new FlatMinimaOptimizer(_sgd, Nso(1), _model)
            { Runner = new RankProbeRunner(_job, _model, new RankOptions { Reproducible = kind == Kind.Ordered }) }), Batch);

        public double Reduce(int length)
        {
            float[] values = new float[length];
            return Median(length > 100_000 ? 21 : 201, () => _job.Sum(values));
        }

        public void Follow(Turns turns)
        {
            for (Kind kind; (kind = turns.Take()) != Kind.End;)
            {
                if (kind == Kind.Reductions)
                    foreach (int length in ReducedLengths)
                        Reduce(length);
                else
                    Together(kind);
            }
        }

        public void Dispose()
        {
            foreach (FlatMinimaOptimizer optimizer in _optimizers.Values)
                optimizer.Dispose();
            _sgd.Dispose();
            _model.Dispose();
            _images.Dispose();
            _labels.Dispose();
        }

        private static NoiseStability Nso(int pairs) => new() { Sigma = 0.01, Pairs = pairs };

        private FlatMinimaOptimizer Of(string name, Func<FlatMinimaOptimizer> make) =>
            _optimizers.TryGetValue(name, out FlatMinimaOptimizer? known) ? known : _optimizers[name] = make();

        private void Step(FlatMinimaOptimizer optimizer, int rows) =>
            optimizer.Step(rows, range => nn.functional.cross_entropy(_model.call(_images[range]), _labels[range]));
    }
}
