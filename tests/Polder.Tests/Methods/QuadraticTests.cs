using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>Gradients of polynomials of which everything is known.</summary>
public class QuadraticTests
{
    private const int Dimension = 12;
    private const double Sigma = 0.3;

    // f = w'Hw/2 + b'w: the linear terms in U cancel in each pair, so every draw gives H w + b.
    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 0)]
    [InlineData(2, 0.25)]
    public void Two_point_gradient_of_a_quadratic_has_no_noise(int pairs, double cleanWeight)
    {
        using var scope = NewDisposeScope();
        var problem = new Quadratic();
        double[] exact = problem.Gradient();
        foreach (double[] found in Gradients(problem.Weights, problem.Loss, new NoiseStability { Sigma = Sigma, Pairs = pairs, CleanWeight = cleanWeight }, 50))
            for (int i = 0; i < Dimension; i++)
                Assert.Equal(exact[i], found[i], 1e-13);
    }

    // The one-point gradient is H w + b + sigma mean(H U): unbiased, with total variance sigma^2 |H|_F^2 / k. The mean square over n draws has a
    // relative standard error of sqrt(2 sum lambda^4 / n) / sum lambda^2, at most sqrt(2 / n).
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void One_point_gradient_of_a_quadratic_has_the_variance_of_the_formula(int draws)
    {
        using var scope = NewDisposeScope();
        const int Samples = 2000;
        var problem = new Quadratic();
        double[] exact = problem.Gradient();
        double[][] found = Gradients(problem.Weights, problem.Loss, new WeightPerturbation { Sigma = Sigma, Draws = draws }, Samples);
        double expected = Sigma * Sigma * problem.Hessian.pow(2).sum().ToDouble() / draws;
        double variance = found.Average(g => g.Zip(exact, (a, b) => (a - b) * (a - b)).Sum());
        Assert.Equal(expected, variance, 4 * expected * Math.Sqrt(2.0 / Samples));
        for (int i = 0; i < Dimension; i++)
        {
            double own = Sigma * Sigma * problem.Hessian[i].pow(2).sum().ToDouble() / draws;
            Assert.Equal(exact[i], found.Average(g => g[i]), 4.5 * Math.Sqrt(own / Samples));
        }
    }

    // f = sum w^4: the gradient of F(w) = E f(w + sigma U) is 4 w^3 + 12 sigma^2 w, and a pair's is 4 w^3 + 12 sigma^2 u^2 w, of variance
    // 2 (12 sigma^2 w)^2 an element and pair, since var(u^2) = 2.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Two_point_gradient_of_a_quartic_is_exact_in_expectation(int pairs)
    {
        using var scope = NewDisposeScope();
        const int Samples = 2000;
        Parameter w = new(linspace(-1, 1.2, Dimension, ScalarType.Float64));
        double[] start = w.data<double>().ToArray();
        double[][] found = Gradients(w, () => w.pow(4).sum(), new NoiseStability { Sigma = Sigma, Pairs = pairs }, Samples);
        for (int i = 0; i < Dimension; i++)
        {
            double curvature = 12 * Sigma * Sigma * start[i];
            Assert.Equal((4 * Math.Pow(start[i], 3)) + curvature, found.Average(g => g[i]), 4.5 * Math.Abs(curvature) * Math.Sqrt(2.0 / (pairs * Samples)));
            Assert.True(found.Average(g => g[i]) * Math.Sign(start[i]) > 4 * Math.Pow(Math.Abs(start[i]), 3),
                "the noise must add the gradient of the curvature");
        }
    }

    // At a given draw: lambda of the gradient at w, the rest of the mean over the draws.
    [Fact]
    public void One_point_gradient_of_a_quartic_with_a_clean_weight()
    {
        using var scope = NewDisposeScope();
        double[,,] u = new double[1, 2, 2] { { { 0.5, -2 }, { 1, 0.25 } } };
        double[] start = [0.7, -0.4];
        Parameter w = new(tensor(start));
        const double Lambda = 0.2;
        double[] found = Gradients(w, () => w.pow(4).sum(), new WeightPerturbation { Sigma = Sigma, Draws = 2, CleanWeight = Lambda }, 1, new FixedNoise(u))[0];
        for (int i = 0; i < 2; i++)
        {
            double Cube(double move) => 4 * Math.Pow(start[i] + move, 3);
            Assert.Equal((Lambda * Cube(0)) + ((1 - Lambda) / 2 * (Cube(Sigma * u[0, 0, i]) + Cube(Sigma * u[0, 1, i]))), found[i], 1e-14);
        }
        double[] clean = Gradients(w, () => w.pow(4).sum(), new WeightPerturbation { Sigma = Sigma, CleanWeight = 1 }, 1, new FixedNoise(u))[0];
        Assert.Equal(Gradients(w, () => w.pow(4).sum(), new Plain(), 1)[0], clean);
        Assert.Equal((3, 1), (new WeightPerturbation { Draws = 2, CleanWeight = Lambda }.GradientEvaluations,
            new WeightPerturbation { Draws = 2, CleanWeight = 1 }.GradientEvaluations));
        Assert.Throws<ArgumentOutOfRangeException>("CleanWeight", () => new WeightPerturbation { CleanWeight = 1.5 }.Validate());
    }

    // With the draw known, a pair's gradient on a quartic is known to rounding: this fixes weights, signs and lambda.
    [Fact]
    public void Two_point_gradient_of_a_quartic_with_given_noise()
    {
        using var scope = NewDisposeScope();
        double[,,] u = new double[1, 2, 2] { { { 0.5, -2 }, { 1, 0.25 } } };
        Parameter w = new(tensor(new[] { 0.7, -0.4 }));
        const double Lambda = 0.3;
        double[] found = Gradients(w, () => w.pow(4).sum(), new NoiseStability { Sigma = Sigma, Pairs = 2, CleanWeight = Lambda }, 1, new FixedNoise(u))[0];
        double[] start = [0.7, -0.4];
        for (int i = 0; i < 2; i++)
        {
            double square = ((u[0, 0, i] * u[0, 0, i]) + (u[0, 1, i] * u[0, 1, i])) / 2;
            Assert.Equal((4 * Math.Pow(start[i], 3)) + ((1 - Lambda) * 12 * Sigma * Sigma * square * start[i]), found[i], 1e-14);
        }
    }

    // On f = w'Hw/2 SAM's gradient is H (w + rho g / |g|), g = H w + b.
    [Fact]
    public void Sharpness_aware_gradient_of_a_quadratic()
    {
        using var scope = NewDisposeScope();
        var problem = new Quadratic();
        double[] g = problem.Gradient();
        double norm = Math.Sqrt(g.Sum(v => v * v));
        double[] found = Gradients(problem.Weights, problem.Loss, new SharpnessAware { Rho = 0.2 }, 1)[0];
        double[] expected = problem.Hessian.mv(tensor(g)).mul(0.2 / norm).add(tensor(g)).data<double>().ToArray();
        for (int i = 0; i < Dimension; i++)
            Assert.Equal(expected[i], found[i], 1e-13);
    }

    [Fact]
    public void Sharpness_aware_at_a_stationary_point_stays()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(zeros(3, ScalarType.Float64));
        Assert.Equal([0, 0, 0], Gradients(w, () => w.pow(2).sum(), new SharpnessAware(), 1)[0]);
    }

    // SGD without momentum at learning rate 1 moves by the gradient; a learning rate of 0 stays, so a hook reads it.
    private static double[][] Gradients(Parameter weights, Func<Tensor> loss, IGradientMethod method, int steps, NoiseStream? noise = null)
    {
        var reader = new Reader();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([weights], 0), method, noise: noise, seed: 12);
        optimizer.Hooks.Add(reader);
        for (int step = 0; step < steps; step++)
            optimizer.Step(loss);
        return [.. reader.Seen];
    }

    private sealed class Reader : IUpdateHook
    {
        public List<double[]> Seen { get; } = [];

        public void BeforeUpdate(UpdateContext context) => Seen.Add(context.Gradient.Blocks[0].data<double>().ToArray());
    }

    private sealed class Quadratic
    {
        private readonly Tensor _linear;

        public Quadratic()
        {
            using var generator = new Generator(4);
            Tensor half = randn([Dimension, Dimension], ScalarType.Float64, generator: generator);
            Hessian = half + half.t();
            _linear = randn([Dimension], ScalarType.Float64, generator: generator);
            Weights = new Parameter(randn([Dimension], ScalarType.Float64, generator: generator));
        }

        public Tensor Hessian { get; }

        public Parameter Weights { get; }

        public Tensor Loss() => (Weights.dot(Hessian.mv(Weights)) * 0.5) + _linear.dot(Weights);

        public double[] Gradient() => Hessian.mv(Weights.detach()).add(_linear).data<double>().ToArray();
    }
}
