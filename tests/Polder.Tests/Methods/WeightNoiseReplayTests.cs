using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Noise;
using Polder.Objectives;
using Polder.Optimization;
using static Polder.Tests.Methods.Replays;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>Random weight perturbation and variational online Newton against their rules, written out by hand on plain arrays.</summary>
public class WeightNoiseReplayTests
{
    public static TheoryData<string> Problems => ["quadratic", "network"];

    [Theory, MemberData(nameof(Problems))]
    public void Mixed_random_weight_perturbation(string problem) =>
        Replay(problem, new RandomWeightPerturbation { Sigma = Sigma.Cosine(0.3, Steps, 0.05), CleanWeight = 0.4 }, (w, step, grad, u) =>
        {
            double sigma = 0.05 + (0.25 * (1 - Math.Cos(Math.PI * step / Steps)) / 2);
            double[] norms = FilterNorms(problem, w);
            double[] noisy = grad([.. w.Select((x, i) => x + (sigma * norms[i] * u[i]))]);
            return [.. grad(w).Zip(noisy, (clean, other) => (0.4 * clean) + (0.6 * other))];
        });

    [Theory]
    [InlineData("quadratic", 0), InlineData("network", 0), InlineData("quadratic", 0.5), InlineData("network", 0.5)]
    public void Adaptive_random_weight_perturbation(string problem, double clean)
    {
        (int Start, int End)[] filters = problem == "quadratic" ? [(0, 2), (2, 4)] : [(0, 2), (2, 4), (4, 6), (9, 12)];
        double[]? squares = null;
        var method = new RandomWeightPerturbation { Sigma = 0.2, CleanWeight = clean, Adaptive = true, Eta = 0.7, Memory = 0.9 };
        Replay(problem, method, (w, _, grad, u) =>
        {
            squares ??= new double[w.Length];
            double[] norms = FilterNorms(problem, w), sums = [.. squares];
            foreach ((int start, int end) in filters)
                for (int i = start; i < end; i++)
                    sums[i] = squares[start..end].Sum();
            double[] g = grad([.. w.Select((x, i) => x + (0.2 * norms[i] * u[i] / Math.Sqrt(1 + (0.7 * sums[i]))))]);
            squares = [.. squares.Zip(g, (f, x) => (0.9 * f) + (x * x))];
            return clean == 0 ? g : [.. grad(w).Zip(g, (c, x) => (clean * c) + ((1 - clean) * x))];
        }, clean == 0 ? _ => 1 : _ => 2);
    }

    [Theory, MemberData(nameof(Problems))]
    public void Variational_online_newton(string problem)
    {
        double[]? m = null, h = null;
        var method = new VariationalOnlineNewton { Examples = 50, Beta1 = 0.8, Beta2 = 0.9, PriorPrecision = 0.02, HessianInit = 2 };
        Replay(problem, method, (w, step, grad, u) =>
        {
            m ??= new double[w.Length];
            h ??= [.. w.Select(_ => 2.0)];
            double[] e = [.. u.Select((x, i) => x / Math.Sqrt(50 * (h[i] + 0.02)))], g = grad(Replays.Add(w, e, 1)), update = new double[w.Length];
            for (int i = 0; i < w.Length; i++)
            {
                m[i] = (0.8 * m[i]) + (0.2 * g[i]);
                double estimate = 50 * (h[i] + 0.02) * e[i] * g[i];
                h[i] = (0.9 * h[i]) + (0.1 * estimate) + (0.5 * 0.1 * 0.1 * (h[i] - estimate) * (h[i] - estimate) / (h[i] + 0.02));
                update[i] = 2.02 * ((m[i] / (1 - Math.Pow(0.8, step + 1))) + (0.02 * w[i])) / (h[i] + 0.02);
            }
            return update;
        });
    }

    // A gradient that is linear: E e (A (W + e)) N (h + delta) = diag A, whatever W is.
    [Fact]
    public void The_diagonal_and_the_trace_of_a_quadratic_are_found_beside_nsos_free_trace()
    {
        using HandQuadratic own = new(), pairs = new();
        double[] origin = new double[6];
        double[] diagonal = [.. Enumerable.Range(0, 6).Select(i => own.Gradient([.. origin.Select((_, j) => i == j ? 1.0 : 0)], 0)[i] - own.Gradient(origin,
            0)[i])];
        using var ivon = new FlatMinimaOptimizer(optim.SGD(own.Parameters, 0),
            new VariationalOnlineNewton { Examples = 1000, Beta2 = 0.9995, HessianInit = 1 }, seed: 3);
        using var nso = new FlatMinimaOptimizer(optim.SGD(pairs.Parameters, 0), new NoiseStability { Sigma = 0.03 }, seed: 3);
        for (int step = 0; step < 12_000; step++)
        {
            ivon.Step(() => own.Loss(0));
            if (step < 2000)
                nso.Step(() => pairs.Loss(0));
        }
        // h0 is forgotten (0.9995^12000 = 0.0025); the gradient at W itself makes the estimate's noise.
        Assert.Equal(diagonal.Sum(), ivon.HessianTrace(), 0.15 * diagonal.Sum());
        Assert.Equal(diagonal.Sum(), nso.Curvature.Trace.Value, 5 * nso.Curvature.Trace.StandardError);
        Assert.True(double.IsNaN(nso.HessianTrace()));
        Assert.Null(nso.PosteriorDeviations());
        double[] deviations = [.. ivon.PosteriorDeviations()!.SelectMany(d => d.data<double>().ToArray())];
        for (int i = 0; i < 6; i++)
            Assert.Equal(1 / Math.Sqrt(1000 * (diagonal[i] + 1e-4)), deviations[i], 0.4 * deviations[i]);
    }

    [Fact]
    public void The_second_batch_is_the_perturbed_points()
    {
        using var problem = new HandNetwork();
        double[] w = problem.Weights, norms = FilterNorms("network", w), u = [.. w.Select((_, i) => Math.Sin(i))];
        double[,,] noise = new double[2, 1, w.Length];
        for (int i = 0; i < w.Length; i++)
            noise[0, 0, i] = u[i];
        foreach (bool adaptive in (bool[])[false, true])
        {
            using var fresh = new HandNetwork();
            var method = new RandomWeightPerturbation { Sigma = 0.2, CleanWeight = 0.3, Batches = StepBatches.Two, Adaptive = adaptive };
            Assert.True(method.TakesSecondBatch);
            using var optimizer = new FlatMinimaOptimizer(optim.SGD(fresh.Parameters, 0.1), method, noise: new FixedNoise(noise));
            optimizer.Step(() => fresh.Loss(0), () => fresh.Loss(7));
            double[] clean = problem.Gradient(w, 0), noisy = problem.Gradient([.. w.Select((x, i) => x + (0.2 * norms[i] * u[i]))], 7);
            double[] expected = [.. w.Select((x, i) => x - (0.1 * ((0.3 * clean[i]) + (0.7 * noisy[i]))))];
            Assert.All(expected.Zip(fresh.Weights), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
            Assert.Contains("call Step(objective, second)", Assert.Throws<InvalidOperationException>(() => optimizer.Step(() => fresh.Loss(1))).Message);
        }
        Assert.Contains("CleanWeight must be above 0 and below 1 with two batches", Assert.Throws<ArgumentOutOfRangeException>(() =>
            MethodRegistry.Named("arwp").Create(options: new Dictionary<string, object> { ["batches"] = "two" })).Message);
    }

    [Fact]
    public void Parts_of_two_batches_are_parts_of_each()
    {
        Tensor x = linspace(-1, 1, 16, ScalarType.Float64).sin().view(8, 2), y = linspace(0, 2, 16, ScalarType.Float64).cos().view(8, 2);
        Tensor Loss(TorchSharp.Modules.Parameter w, Tensor data, Range rows) => data[rows].mv(w).cos().mean();
        using var w = new TorchSharp.Modules.Parameter(tensor([0.3, -0.7]));
        using var v = new TorchSharp.Modules.Parameter(tensor([0.3, -0.7]));
        var method = new RandomWeightPerturbation { Sigma = 0, CleanWeight = 0.5, Batches = StepBatches.Two };
        using var a = new FlatMinimaOptimizer(optim.SGD([w], 0.1), new MicroPerturbation(method with { Sigma = 1e-12 }, 3));
        using var b = new FlatMinimaOptimizer(optim.SGD([v], 0.1), new Plain());
        StepResult step = a.Step(new SlicedClosureObjective(8, r => Loss(w, x, r)), new SlicedClosureObjective(8, r => Loss(w, y, r)));
        b.Step(() => (Loss(v, x, 0..8) + Loss(v, y, 0..8)) / 2);
        Assert.Equal((2, 6), (step.GradientEvaluations, step.Losses.Count));
        Assert.All(v.data<double>().ToArray().Zip(w.data<double>().ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-9));
    }
}
