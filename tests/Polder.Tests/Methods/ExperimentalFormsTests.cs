using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Noise;
using Polder.Optimization;
using static Polder.Tests.Methods.Replays;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>The experimental forms of noise stability optimization against their rules, written out by hand, and in their limits.</summary>
public class ExperimentalFormsTests
{
    public static TheoryData<string> Problems => ["quadratic", "network"];

    [Theory, MemberData(nameof(Problems))]
    public void Noise_by_the_inverse_root_of_the_diagonal(string problem)
    {
        double[]? d = null;
        Replay(problem, new DiagonalNoiseStability { Sigma = 0.1, Memory = 0.8, Damping = 0.5 }, (w, _, grad, u) =>
        {
            d ??= new double[w.Length];
            double[] positive = [.. d.Select(x => Math.Max(x, 0))], c = [.. w.Select(_ => 1.0)];
            if (positive.Average() > 0)
                c = [.. positive.Select(x => 1 / Math.Sqrt((x / positive.Average()) + 0.5))];
            double root = Math.Sqrt(c.Average(x => x * x));
            c = [.. c.Select(x => x / root)];
            double[] v = [.. u.Zip(c, (x, y) => 0.1 * x * y)], plus = grad(Add(w, v, 1)), minus = grad(Add(w, v, -1));
            d = [.. d.Select((x, i) => (0.8 * x) + (0.2 * u[i] * (plus[i] - minus[i]) / (2 * 0.1 * c[i])))];
            return [.. plus.Zip(minus, (a, b) => (a + b) / 2)];
        });
    }

    [Fact]
    public void The_running_diagonal_finds_that_of_a_quadratic()
    {
        using var problem = new HandQuadratic();
        double[] zero = new double[6], none = problem.Gradient(zero, 0);
        double[] diagonal = [.. Enumerable.Range(0, 6).Select(i => problem.Gradient([.. zero.Select((_, j) => i == j ? 1.0 : 0)], 0)[i] - none[i])];
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(problem.Parameters, 0), new DiagonalNoiseStability { Sigma = 0.1, Memory = 0.999 }, seed: 2);
        for (int step = 0; step < 8000; step++)
            optimizer.Step(() => problem.Loss(0));
        using var scope = NewDisposeScope();
        var state = optimizer.StateDict();
        double[] found = [.. ((string[])["method.diagonal.0", "method.diagonal.1"]).SelectMany(name => state[name].flatten().data<double>().ToArray())];
        for (int i = 0; i < 6; i++)
            Assert.Equal(diagonal[i], found[i], 0.25);
    }

    [Theory, MemberData(nameof(Problems))]
    public void Noise_around_the_ascended_point(string problem) =>
        Replay(problem, new AscendedNoiseStability { Sigma = 0.1, Rho = 0.3 }, (w, _, grad, u) =>
        {
            double[] g = grad(w), at = Add(w, g, 0.3 / Norm(g));
            return [.. grad(Add(at, u, 0.1)).Zip(grad(Add(at, u, -0.1)), (a, b) => (a + b) / 2)];
        });

    [Fact]
    public void In_its_limits_the_ascended_form_is_nso_and_sam()
    {
        AssertClose(Run(new NoiseStability { Sigma = 0.1, Pairs = 2 }), Run(new AscendedNoiseStability { Sigma = 0.1, Rho = 0, Pairs = 2 }));
        Assert.Equal(Run(new SharpnessAware { Rho = 0.2 }), Run(new AscendedNoiseStability { Sigma = 0, Rho = 0.2 }));
        Assert.Equal(Run(new Plain()), Run(new AscendedNoiseStability { Sigma = 0, Rho = 0 }));
        Assert.Equal((4, 2, 1, 5), (
            new AscendedNoiseStability { Rho = 0, Pairs = 2 }.GradientEvaluationsAt(0), new AscendedNoiseStability { Sigma = 0 }.GradientEvaluationsAt(0),
            new AscendedNoiseStability { Sigma = 0, Rho = 0 }.GradientEvaluationsAt(0), new AscendedNoiseStability { Pairs = 2 }.GradientEvaluationsAt(0)));
    }

    [Fact]
    public void Pairs_are_orthogonal_in_every_parameter_and_as_long_as_they_were()
    {
        using var problem = new HandNetwork(); // parameters of 6, 3 and 3 elements
        double[] w = problem.Weights;
        var random = new Random(5);
        double[][] u = [.. Enumerable.Range(0, 3).Select(_ => w.Select(_ => (random.NextDouble() * 4) - 2).ToArray())];
        double[,,] noise = new double[1, 3, w.Length];
        for (int j = 0; j < 3; j++)
            for (int i = 0; i < w.Length; i++)
                noise[0, j, i] = u[j][i];
        double[][] v = [.. u.Select(x => (double[])x.Clone())];
        foreach ((int start, int end) in ((int, int)[])[(0, 6), (6, 9), (9, 12)])
        {
            for (int j = 1; j < 3; j++)
            {
                double[] own = v[j][start..end];
                double length = Norm(own);
                foreach (double[] before in v.Take(j).Select(x => x[start..end]))
                    own = Add(own, before, -Dot(own, before) / Dot(before, before));
                double left = Norm(own);
                for (int i = 0; i < own.Length; i++)
                    v[j][start + i] = own[i] * length / left;
            }
        }
        Assert.Equal(0, Dot(v[1][6..9], v[2][6..9]), 1e-12);
        double[] expected = new double[w.Length];
        foreach (double[] draw in v)
            foreach (double sign in (double[])[1, -1])
                expected = Add(expected, problem.Gradient(Add(w, draw, sign * 0.2), 0), 1 / 6.0);
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(problem.Parameters, 0.1), new OrthogonalNoiseStability { Sigma = 0.2, Pairs = 3 },
            noise: new FixedNoise(noise));
        Assert.Equal(6, optimizer.Step(() => problem.Loss(0)).GradientEvaluations);
        AssertClose(Add(w, expected, -0.1), problem.Weights);
    }

    // A parameter of one element has one direction: a second draw cannot be orthogonal and stays.
    [Fact]
    public void A_parameter_that_is_too_small_keeps_its_draws()
    {
        using var w = new TorchSharp.Modules.Parameter(tensor([0.5]));
        double[,,] noise = new double[1, 2, 1];
        (noise[0, 0, 0], noise[0, 1, 0]) = (1, 2);
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.1), new OrthogonalNoiseStability { Sigma = 0.1 }, noise: new FixedNoise(noise));
        optimizer.Step(() => w.pow(4).sum());
        double Slope(double x) => 4 * x * x * x;
        double g = (Slope(0.6) + Slope(0.4) + Slope(0.7) + Slope(0.3)) / 4;
        Assert.Equal(0.5 - (0.1 * g), w.data<double>()[0], 1e-12);
    }

    [Fact]
    public void Experiments_are_chosen_by_name_and_are_not_among_all()
    {
        string[] experiments = [.. MethodRegistry.OfLibrary.Where(m => m.IsExperimental).Select(m => m.Name)];
        Assert.Equal(["nsodiag", "nsoorth", "nsosam"], experiments);
        Assert.Empty(MethodRegistry.StandardNames.Intersect(experiments));
        Assert.All(experiments, name => Assert.Contains(name, MethodRegistry.Names));
        foreach (string name in experiments)
            Assert.NotEmpty(MethodRegistry.Named(name).Create().GetType().GetCustomAttributes(
                typeof(System.Diagnostics.CodeAnalysis.ExperimentalAttribute), inherit: false));
    }

    private static double[] Run(IGradientMethod method)
    {
        using var problem = new HandNetwork();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(problem.Parameters, Rate, momentum: 0.9), method, seed: 6);
        for (int step = 0; step < 5; step++)
            optimizer.Step(() => problem.Loss(step));
        return problem.Weights;
    }

    private static void AssertClose(double[] expected, double[] actual) =>
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
}
