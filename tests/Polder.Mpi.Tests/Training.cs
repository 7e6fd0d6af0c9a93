using System.Security.Cryptography;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Mpi.Tests;

/// <summary>A small training whose every bit is looked at.</summary>
internal sealed class Training : IDisposable
{
    public const int Rows = 12;

    private readonly nn.Module<Tensor, Tensor> _model;
    private readonly Tensor _inputs, _targets;

    /// <summary>
    /// Makes the network and the batch, the same each time. Not from several threads: networks draw their weights from the process's generator.
    /// </summary>
    public Training(bool dropout = false)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(5);
        _model = Sequential(
            ("first", Linear(6, 16)), ("norm", BatchNorm1d(16)), ("relu", ReLU()), ("drop", Dropout(dropout ? 0.3 : 0)), ("second", Linear(16, 3)));
        _inputs = randn(Rows, 6).DetachFromDisposeScope();
        _targets = randint(0, 3, [Rows]).DetachFromDisposeScope();
    }

    /// <summary>What a training ends with.</summary>
    /// <param name="Bits">Parameters, buffers, losses and the generator's state, hashed.</param>
    /// <param name="Weights">The parameters.</param>
    /// <param name="Losses">The losses of all probes.</param>
    /// <param name="Trace">What the pairs showed of the trace; NaN where there was none.</param>
    /// <param name="Frobenius">What they showed of the norm.</param>
    public sealed record Outcome(string Bits, double[] Weights, double[] Losses, double Trace, double Frobenius);

    /// <summary>Trains a few steps; without ranks one point after another.</summary>
    public Outcome Run(IGradientMethod method, IRanks? ranks, RankOptions? options = null, int steps = 4, bool sliced = true)
    {
        bool plain = method is VariationalOnlineNewton;
        using var sgd = optim.SGD(_model.parameters(), 0.05, momentum: plain ? 0 : 0.9, weight_decay: plain ? 0 : 0.01);
        using FlatMinimaOptimizer optimizer = ranks is null
            ? new FlatMinimaOptimizer(sgd, method, _model, seed: 3) { BatchNorm = options?.BatchNorm ?? BatchNormPolicy.OncePerStep }
            : new FlatMinimaOptimizer(sgd, method, _model, seed: 3) { Runner = new RankProbeRunner(ranks, _model, options) };
        var losses = new List<double>();
        for (int i = 0; i < steps; i++)
        {
            using var scope = NewDisposeScope();
            StepResult result = sliced
                ? optimizer.Step(Rows, range => nn.functional.cross_entropy(_model.call(_inputs[range]), _targets[range]))
                : optimizer.Step(() => nn.functional.cross_entropy(_model.call(_inputs), _targets));
            losses.AddRange(result.Losses);
        }
        using var last = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (Tensor tensor in _model.state_dict().Values.Append(get_rng_state()))
            hash.AppendData(tensor.detach().contiguous().bytes);
        hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes<double>(losses.ToArray()));
        return new Outcome(
            Convert.ToHexString(hash.GetHashAndReset()),
            [.. _model.parameters().SelectMany(p => p.detach().to(ScalarType.Float64).data<double>().ToArray())], [.. losses],
            optimizer.Curvature.Trace.Value, optimizer.Curvature.FrobeniusNorm.Value);
    }

    public void Dispose()
    {
        _model.Dispose();
        _inputs.Dispose();
        _targets.Dispose();
    }

    /// <summary>The same on ranks that are threads: every rank's outcome.</summary>
    public static Outcome[] OnThreads(int size, IGradientMethod method, RankOptions? options = null, bool sliced = true, int steps = 4)
    {
        Training[] trainings = [.. Enumerable.Range(0, size).Select(_ => new Training())];
        try
        {
            return ThreadRanks.Run(size, ranks => trainings[ranks.Rank].Run(method, ranks, options, steps, sliced));
        }
        finally
        {
            foreach (Training training in trainings)
                training.Dispose();
        }
    }

    /// <summary>Methods of every way of composing a gradient.</summary>
    public static IGradientMethod[] Methods { get; } =
    [
        new Plain(),
        new WeightPerturbation { Sigma = 0.05, Draws = 3 },
        new NoiseStability { Sigma = 0.05 },
        new NoiseStability { Sigma = 0.05, Pairs = 2, CleanWeight = 0.3 },
        new NoiseStability { Sigma = 0.05, Every = 2, Shape = new NoiseShape { Scale = NoiseScale.LayerRelative } },
        new NoiseStability { Sigma = 0.05, Passes = Passes.Split },
        new NoiseStability { Sigma = Sigma.Auto(0.2, 0.05) },
        new SharpnessAware { Rho = 0.1 },
        new SharpnessAware { Rho = 0.5, Adaptive = true },
        new SurrogateGap { Rho = 0.1 },
        new MicroPerturbation(new SharpnessAware { Rho = 0.1 }, 4),
        new AscendedNoiseStability { Sigma = 0.05, Rho = 0.1 },
        new OrthogonalNoiseStability { Sigma = 0.05 },
        new VariationalOnlineNewton { Examples = 20, Beta2 = 0.9, Draws = 2 },
    ];

    public static TheoryData<int> MethodNumbers => [.. Enumerable.Range(0, Methods.Length)];

    private static Linear Linear(int from, int to) => nn.Linear(from, to);

    private static BatchNorm1d BatchNorm1d(int features) => nn.BatchNorm1d(features);

    private static ReLU ReLU() => nn.ReLU();

    private static Dropout Dropout(double share) => nn.Dropout(share);

    private static nn.Module<Tensor, Tensor> Sequential(params (string, nn.Module<Tensor, Tensor>)[] modules) => nn.Sequential(modules);
}
