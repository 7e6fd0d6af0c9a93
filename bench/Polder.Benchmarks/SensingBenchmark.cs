using Polder.Experiments.Sensing;
using Polder.Methods;
using Polder.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>A step of matrix sensing (d = 100, n = 2 500, float32) against the dense form in TorchSharp, which passes over A twice.</summary>
internal static class SensingBenchmark
{
    private const int Dimension = 100, Rank = 5, Measurements = 2500;
    private const double LearningRate = 0.0025, Sigma = 0.08;

    public static void Run()
    {
        using var scope = NewDisposeScope();
        SensingProblem problem = SensingProblem.Generate(Dimension, Rank, Measurements, seed: 0);
        Tensor matrices = randn(Measurements, Dimension * Dimension), targets = randn(Measurements), dense = randn(Dimension, Dimension);
        Interleaved.Compare($"Matrix sensing, d = {Dimension}, n = {Measurements}, float32",
        [
            Variant(problem, "gd", new Plain()),
            Variant(problem, "nso, 1 pair", new NoiseStability { Sigma = Sigma }),
            Variant(problem, "nso, 8 pairs", new NoiseStability { Sigma = Sigma, Pairs = 8 }),
            Variant(problem, "wp, 1 draw", new WeightPerturbation { Sigma = Sigma }),
            ("gd, dense, in TorchSharp", () => DenseStep(matrices, targets, dense)),
        ], rounds: 40, repeats: 10);
    }

    private static (string, Action) Variant(SensingProblem problem, string name, IGradientMethod method)
    {
        Parameter weights = problem.CreateStart();
        var optimizer = new FlatMinimaOptimizer(optim.SGD([weights], LearningRate), method) { Runner = new SensingProbeRunner() };
        return (name, () => optimizer.Step(problem));
    }

    // residuals = A vec(U U^T) - y; gradient = (1/n) reshape(A^T residuals) U. The learning rate 0 keeps the weights where they are.
    private static void DenseStep(Tensor matrices, Tensor targets, Tensor weights)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor residuals = matrices.mv(weights.mm(weights.t()).flatten()).sub(targets);
        Tensor gradient = matrices.t().mv(residuals).view(Dimension, Dimension).mm(weights).div(Measurements);
        weights.add_(gradient, 0.0.ToScalar());
    }
}
