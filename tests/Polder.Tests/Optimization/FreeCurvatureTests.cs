using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using Polder.Parameters;
using Polder.Probes;
using Polder.Statistics;
using Polder.Testing;
using Polder.Tests.Methods;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>What the antithetic pairs show of the curvature, against formulas written out on plain arrays and against dense Hessians.</summary>
public class FreeCurvatureTests
{
    private const double Sigma = 0.05;

    // Every number of a sample from its definition, with the gradients of the two points from a gradient written by hand.
    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 0.3)]
    [InlineData(3, 0)]
    [InlineData(2, 0.4)]
    public void A_sample_is_the_formula(int pairs, double cleanWeight)
    {
        using var scope = NewDisposeScope();
        using var problem = new HandNetwork();
        double[] w = problem.Weights;
        int n = w.Length;
        double[,,] z = RandomNoise(1, pairs, n);
        double trace = 0, square = 0, lossTrace = 0, penalty = 0, pairLoss = 0;
        double[] byParameter = new double[3];
        int[] owner = [.. Enumerable.Range(0, n).Select(i => i < 6 ? 0 : i < 9 ? 1 : 2)];
        for (int j = 0; j < pairs; j++)
        {
            double[] up = [.. w.Select((v, i) => v + (Sigma * z[0, j, i]))], down = [.. w.Select((v, i) => v - (Sigma * z[0, j, i]))];
            double[] above = problem.Gradient(up, 0), below = problem.Gradient(down, 0);
            for (int i = 0; i < n; i++)
            {
                double part = z[0, j, i] * (above[i] - below[i]) / (2 * Sigma * pairs);
                trace += part;
                byParameter[owner[i]] += part;
                penalty += Sigma * Sigma * part / 2;
                square += Math.Pow((above[i] - below[i]) / (2 * Sigma), 2) / pairs;
            }
            double losses = LossAt(problem, up) + LossAt(problem, down);
            pairLoss += losses / (2 * pairs);
            lossTrace += (losses - (2 * LossAt(problem, w))) / (Sigma * Sigma * pairs);
        }

        using var optimizer = new FlatMinimaOptimizer(
            optim.SGD(problem.Parameters, 0.1), new NoiseStability { Sigma = Sigma, Pairs = pairs, CleanWeight = cleanWeight }, noise: new FixedNoise(z));
        CurvatureSample sample = optimizer.Step(() => problem.Loss(0)).Curvature!;
        Assert.Equal(pairs, sample.Pairs);
        Assert.Equal(trace, sample.Trace, 1e-11);
        Assert.Equal(byParameter, sample.TraceByParameter, (a, b) => Math.Abs(a - b) < 1e-11);
        Assert.Equal(square, sample.FrobeniusSquared!.Value, 1e-11);
        Assert.Equal(penalty, sample.Penalty, 1e-13);
        Assert.Equal(pairLoss, sample.PairLoss, 1e-14);
        Assert.Equal(cleanWeight > 0, sample.LossTrace is not null);
        if (cleanWeight > 0)
            Assert.Equal(lossTrace, sample.LossTrace!.Value, 1e-10);
    }

    // With the draws sqrt(n) e_i, i = 1 .. n, the means over the steps are the trace and the squared norm without any noise, but for the bias.
    // A dense Hessian of smooth networks shows that the bias is of order sigma^2: four times as large at twice the sigma.
    [Theory]
    [InlineData("tanh")]
    [InlineData("gelu")]
    public void The_mean_is_the_trace_of_the_dense_Hessian_up_to_a_bias_of_order_sigma_squared(string activation)
    {
        using var scope = NewDisposeScope();
        var network = new SmoothNetwork(activation);
        double[,] hessian = network.Hessian();
        int n = hessian.GetLength(0);
        double trace = Enumerable.Range(0, n).Sum(i => hessian[i, i]), norm = Math.Sqrt(hessian.Cast<double>().Sum(h => h * h));

        var small = Measure(network, 0.01);
        var large = Measure(network, 0.02);
        Assert.Equal(trace, small.Trace.Value, 1e-3 * Math.Abs(trace));
        Assert.Equal(norm, small.FrobeniusNorm.Value, 1e-3 * norm);
        Assert.InRange((large.Trace.Value - trace) / (small.Trace.Value - trace), 3.9, 4.1);
        Assert.InRange((large.FrobeniusNorm.Value - norm) / (small.FrobeniusNorm.Value - norm), 3.9, 4.1);
        for (int p = 0; p < network.Parameters.Length; p++)
        {
            double block = network.Block(p).Sum(i => hessian[i, i]);
            Assert.Equal(block, small.TraceByParameter[p].Value, 2e-3 * Math.Abs(trace));
        }

        // (f+ + f-) - 2f with e_i has sigma^2 / 12 times f's fourth derivative along e_i in it, V'(g+ - g-) a sixth: the clean loss tells them apart.
        Assert.InRange((large.LossTrace.Value - trace) / (small.LossTrace.Value - trace), 3.9, 4.1);
        Assert.InRange((small.Trace.Value - trace) / (small.LossTrace.Value - trace), 1.9, 2.1);
        Assert.Equal(small.Trace.Value - small.LossTrace.Value, small.Bias.Value, 1e-9);

        static CurvatureMeter Measure(SmoothNetwork network, double sigma)
        {
            int n = network.Dimension;
            double[,,] z = new double[n, 1, n];
            for (int i = 0; i < n; i++)
                z[i, 0, i] = Math.Sqrt(n);
            using var optimizer = new FlatMinimaOptimizer(
                optim.SGD(network.Parameters, 0), new NoiseStability { Sigma = sigma / Math.Sqrt(n), CleanWeight = 0.5 }, noise: new FixedNoise(z));
            for (int step = 0; step < n; step++)
                optimizer.Step(network.Loss);
            return optimizer.Curvature;
        }
    }

    // f = sum w^4: H_ii = 12 w_i^2, B = 24 n, and there is nothing beyond; so E T_g = Tr + 12 n sigma^2 and E T_l = Tr + 6 n sigma^2.
    [Fact]
    public void Biases_of_both_traces_on_a_quartic_are_those_of_the_formula()
    {
        using var scope = NewDisposeScope();
        const int Steps = 3000;
        const double Wide = 0.5;
        Parameter w = new(linspace(-1, 1.2, 12, ScalarType.Float64));
        double trace = w.pow(2).sum().ToDouble() * 12;
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0), new NoiseStability { Sigma = Wide, CleanWeight = 0.1 }, seed: 3);
        for (int step = 0; step < Steps; step++)
            optimizer.Step(() => w.pow(4).sum());
        Within(trace + (12 * 12 * Wide * Wide), optimizer.Curvature.Trace);
        Within(trace + (6 * 12 * Wide * Wide), optimizer.Curvature.LossTrace);
        Within(6 * 12 * Wide * Wide, optimizer.Curvature.Bias);
        Assert.Equal(Steps, optimizer.Curvature.Count);

        static void Within(double expected, MeanEstimate found)
        {
            Assert.Equal(expected, found.Value, 4 * found.StandardError);
            Assert.True(found.StandardError < 0.05 * expected, $"the error {found.StandardError} tells nothing");
        }
    }

    // On a quadratic with U = +-1 and a diagonal Hessian every draw gives the trace itself; with normal U the variance is 2 |H|_F^2.
    [Fact]
    public void Variance_on_a_quadratic_is_that_of_the_formula()
    {
        using var scope = NewDisposeScope();
        const int Steps = 2000;
        Parameter w = new(linspace(-1, 1, 10, ScalarType.Float64));
        Tensor h = linspace(1, 4, 10, ScalarType.Float64);
        double trace = h.sum().ToDouble(), square = h.pow(2).sum().ToDouble();
        using var signs = new FlatMinimaOptimizer(optim.SGD([w], 0), new NoiseStability { Sigma = 0.1 },
            noise: new PhiloxNoise(1, NoiseDistribution.Rademacher));
        Assert.Equal(trace, signs.Step(() => (w.pow(2) * h).sum() / 2).Curvature!.Trace, 1e-10);
        using var normal = new FlatMinimaOptimizer(optim.SGD([w], 0), new NoiseStability { Sigma = 0.1 }, seed: 6);
        var seen = new List<double>();
        for (int step = 0; step < Steps; step++)
            seen.Add(normal.Step(() => (w.pow(2) * h).sum() / 2).Curvature!.Trace);
        double variance = seen.Sum(t => (t - trace) * (t - trace)) / Steps;
        // The relative variance of a mean square of something chi-squared-like is (2 + 12 sum h^4 / (sum h^2)^2) / n.
        double spread = Math.Sqrt((2 + (12 * h.pow(4).sum().ToDouble() / (square * square))) / Steps);
        Assert.Equal(2 * square, variance, 4 * spread * 2 * square);
        Assert.Equal(Math.Sqrt(2 * square / Steps), normal.Curvature.Trace.StandardError, 0.6 * Math.Sqrt(2 * square / Steps));
        Assert.Equal(square, Math.Pow(normal.Curvature.FrobeniusNorm.Value, 2), 4 * spread * square);
    }

    // Noise on some weights, in their own sizes: the sum of those weights' diagonal, each block divided by its own sigma^2.
    [Fact]
    public void Blocks_are_divided_by_their_own_sigma()
    {
        using var scope = NewDisposeScope();
        Parameter a = new(tensor(new double[,] { { 3, 4 }, { 6, 8 } })), b = new(tensor(new double[] { 1, 2 })), c = new(tensor(new double[] { 5 }));
        Tensor ha = tensor(new double[,] { { 1, 2 }, { 3, 4 } }), hb = tensor(new double[] { 10, 20 });
        Tensor Loss() => ((a.pow(2) * ha).sum() + (b.pow(2) * hb).sum() + c.pow(2).sum() * 100) / 2;
        double[,,] z = new double[1, 1, 7];
        for (int i = 0; i < 7; i++)
            z[0, 0, i] = i % 2 == 0 ? 1 : -1;

        CurvatureSample Sample(NoiseShape shape)
        {
            using var optimizer = new FlatMinimaOptimizer(
                optim.SGD([a, b, c], 0), new NoiseStability { Sigma = 0.1, CleanWeight = 0.5, Shape = shape }, noise: new FixedNoise(z));
            return optimizer.Step(Loss).Curvature!;
        }

        CurvatureSample filters = Sample(new NoiseShape { Scale = NoiseScale.FilterNormalized, Within = ParameterSelection.Of(a, b) });
        Assert.Equal([10, 30, 0], filters.TraceByParameter, (x, y) => Math.Abs(x - y) < 1e-9);
        Assert.Equal(40, filters.Trace, 1e-9);
        Assert.Equal(0.005 * ((25 * 3) + (100 * 7) + (5 * 30)), filters.Penalty, 1e-10);
        Assert.Null(filters.FrobeniusSquared);
        Assert.Null(filters.LossTrace);

        CurvatureSample some = Sample(new NoiseShape { Within = ParameterSelection.Of(b), GroupFactors = [3] });
        Assert.Equal([0, 30, 0], some.TraceByParameter, (x, y) => Math.Abs(x - y) < 1e-9);
        Assert.Equal(500, some.FrobeniusSquared!.Value, 1e-7);
        Assert.Equal(30, some.LossTrace!.Value, 1e-7);
        Assert.Equal(0.09 * 30 / 2, some.Penalty, 1e-10);
    }

    // The two signs of a draw exchange the points of the parts (3 and 4 rows, each by its size): together they show what the whole batch shows.
    [Fact]
    public void On_a_split_batch_the_trace_stays_unbiased()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(new double[] { 0.6, -0.3, 0.4 }));
        using var generator = new Generator(2);
        Tensor x = randn([7, 3], ScalarType.Float64, generator: generator);
        double[,,] z = RandomNoise(1, 1, 3), mirrored = new double[1, 1, 3];
        for (int i = 0; i < 3; i++)
            mirrored[0, 0, i] = -z[0, 0, i];
        CurvatureSample Sample(double[,,] noise, Passes passes)
        {
            using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0), new NoiseStability { Sigma = 0.1, Passes = passes }, noise: new FixedNoise(noise));
            return optimizer.Step(7, range => x[range].mv(w).pow(4).mean()).Curvature!;
        }

        CurvatureSample a = Sample(z, Passes.Split), b = Sample(mirrored, Passes.Split), full = Sample(z, Passes.Full);
        Assert.Equal(full.Trace, (a.Trace + b.Trace) / 2, 1e-10);
        Assert.Equal(full.Penalty, (a.Penalty + b.Penalty) / 2, 1e-12);
        Assert.Equal(full.PairLoss, (a.PairLoss + b.PairLoss) / 2, 1e-12);
        Assert.NotEqual(full.Trace, a.Trace, 1e-3);
        Assert.Null(a.FrobeniusSquared);
        Assert.Null(a.LossTrace);
    }

    // Many pieces, both precisions, a parameter that only torch can read; the same on one and two threads, and the training's bits untouched.
    [Fact]
    public void Measuring_changes_no_bit_and_does_not_depend_on_threads()
    {
        using var scope = NewDisposeScope();
        int threads = get_num_threads();
        (float[] Weights, CurvatureSample? Sample) Run(bool measure, int count)
        {
            set_num_threads(count);
            using var generator = new Generator(3);
            Parameter a = new(randn([300, 501], generator: generator)), b = new(randn([70_001], generator: generator)),
                c = new(randn([40, 30], generator: generator).t());
            Parameter d = new(randn([33], ScalarType.Float64, generator: generator));
            Tensor h = rand([70_001], generator: generator) + 0.5;
            using var optimizer = new FlatMinimaOptimizer(
                optim.SGD([a, b, c, d], 1e-4, momentum: 0.9), new NoiseStability { Sigma = 0.1, Pairs = 2, CleanWeight = 0.2 }, seed: 4)
            { MeasureCurvature = measure };
            StepResult last = null!;
            for (int step = 0; step < 3; step++)
                last = optimizer.Step(() => a.tanh().pow(2).sum() + (b.pow(2) * h).sum() / 2 + c.pow(4).sum() + d.pow(2).sum());
            return ([.. new[] { a, b, c }.SelectMany(p => p.detach().contiguous().data<float>().ToArray()),
                .. d.data<double>().ToArray().Select(v => (float)v)], last.Curvature);
        }

        try
        {
            var (with, sample) = Run(true, 2);
            var (without, none) = Run(false, 2);
            var (_, single) = Run(true, 1);
            Assert.Null(none);
            Assert.Equal(without, with);
            Assert.Equal(sample!.TraceByParameter, single!.TraceByParameter);
            Assert.Null(sample.FrobeniusSquared);
            // d: exactly 2 z'z over two pairs, that is 2 x 33 up to the spread of 66 squares.
            Assert.Equal(66, sample.TraceByParameter[3], 66 * 5 * Math.Sqrt(2.0 / 66));
            // c: 12 sum c^2 + 12 n sigma^2, read through torch.
            Assert.InRange(sample.TraceByParameter[2], 12_000, 17_000);
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    // f = sum h w^2 / 2: |g+ - g-|^2 / 4 sigma^2 = sum (h z)^2, of which a large parameter shows some hundred elements a piece.
    [Fact]
    public void The_sampled_norm_of_a_large_parameter_is_that_of_all_its_elements()
    {
        using var scope = NewDisposeScope();
        const int N = 400_000;
        Parameter w = new(zeros(N));
        Tensor h = linspace(0.5, 2, N);
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0), new NoiseStability { Sigma = 0.1 }, seed: 5);
        for (int step = 0; step < 20; step++)
            optimizer.Step(() => (w.pow(2) * h).sum() / 2);
        double square = h.pow(2).sum().ToDouble();
        // 20 steps of 7 pieces of 512 elements: relative spread sqrt(E h^4 z^4 / (E h^2 z^2)^2 - 1) / sqrt(71 680), below 2 / 268.
        Assert.Equal(square, Math.Pow(optimizer.Curvature.FrobeniusNorm.Value, 2), 4 * 2 * square / Math.Sqrt(20 * 7 * 512));
        Assert.Equal(h.sum().ToDouble(), optimizer.Curvature.Trace.Value, 4 * Math.Sqrt(2 * square / 20));
    }

    [Fact]
    public void Steps_without_pairs_and_steps_that_fail_show_nothing()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(3, ScalarType.Float64));
        foreach (IGradientMethod method in new IGradientMethod[] { new Plain(), new WeightPerturbation(), new SharpnessAware(),
            new NoiseStability { Sigma = 0 } })
        {
            using var other = new FlatMinimaOptimizer(optim.SGD([w], 0), method);
            StepResult result = other.Step(() => w.pow(2).sum());
            Assert.Null(result.Curvature);
            Assert.Null(result.Trace);
            Assert.Equal(0, other.Curvature.Count);
        }
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0), new NoiseStability(),
            noise: new PhiloxNoise(1, NoiseDistribution.Rademacher))
        { NonFinite = NonFinitePolicy.Skip };
        optimizer.Step(() => w.pow(2).sum());
        Assert.Null(optimizer.Step(() => w.pow(2).sum() * double.NaN).Curvature);
        int call = 0;
        Assert.Throws<NotSupportedException>(() => optimizer.Step(() => call++ == 0 ? w.pow(2).sum() : throw new NotSupportedException()));
        StepResult good = optimizer.Step(() => w.pow(2).sum());
        Assert.Equal(6, good.Curvature!.Trace, 1e-8);
        Assert.Equal(2, good.Trace!.Value.Count);
        Assert.Equal(6, good.Trace.Value.Value, 1e-8);
        Assert.Equal([1, 1, 1], w.data<double>().ToArray());
    }

    // A method may change the sum after its run: that is no probe's doing.
    [Fact]
    public void What_a_method_does_to_the_gradient_afterwards_does_not_count()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(3, ScalarType.Float64));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0), new Doubled(), noise: new PhiloxNoise(1, NoiseDistribution.Rademacher));
        Assert.Equal(6, optimizer.Step(() => w.pow(2).sum()).Curvature!.Trace, 1e-10);
    }

    [Fact]
    public void Running_estimates_go_on_in_a_resumed_run()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(3, ScalarType.Float64)), v = new(ones(3, ScalarType.Float64));
        FlatMinimaOptimizer Make(Parameter p) => new(optim.SGD([p], 0.01), new NoiseStability { CleanWeight = 0.5 }, seed: 2);
        using FlatMinimaOptimizer first = Make(w), second = Make(v);
        for (int step = 0; step < 50; step++)
        {
            first.Step(() => w.pow(4).sum());
            if (step == 39)
            {
                second.LoadStateDict(first.StateDict());
                using (no_grad())
                    v.copy_(w);
            }
            else if (step > 39)
            {
                second.Step(() => v.pow(4).sum());
            }
        }
        Assert.Equal(50, second.Curvature.Count);
        Assert.Equal(first.Curvature.Trace, second.Curvature.Trace);
        Assert.Equal(first.Curvature.FrobeniusNorm, second.Curvature.FrobeniusNorm);
        Assert.Equal(first.Curvature.Bias, second.Curvature.Bias);
        Assert.Equal(first.Curvature.TraceByParameter, second.Curvature.TraceByParameter);
        first.Curvature.Reset();
        Assert.Equal(0, first.Curvature.Count);
    }

    [Fact]
    public void It_leaks_nothing()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(randn(5, 4)), v = new(randn(6, 5).t());
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w, v], 1e-4),
            new NoiseStability { Pairs = 2, CleanWeight = 0.1, Shape = new NoiseShape { Scale = NoiseScale.FilterNormalized } });
        LiveTensors.AssertSteady(() => optimizer.Step(() => w.pow(2).sum() + v.pow(2).sum()));
    }

    private static double LossAt(HandNetwork problem, double[] w)
    {
        using var scope = NewDisposeScope();
        using var other = new HandNetwork();
        using (no_grad())
        {
            int offset = 0;
            foreach (Parameter parameter in other.Parameters)
            {
                int count = (int)parameter.numel();
                parameter.copy_(tensor(w[offset..(offset + count)]).view(parameter.shape));
                offset += count;
            }
            return other.Loss(0).ToDouble();
        }
    }

    private static double[,,] RandomNoise(int steps, int draws, int n)
    {
        var random = new Random(9);
        double[,,] z = new double[steps, draws, n];
        for (int t = 0; t < steps; t++)
            for (int j = 0; j < draws; j++)
                for (int i = 0; i < n; i++)
                    z[t, j, i] = (random.NextDouble() * 4) - 2;
        return z;
    }

    private sealed record Doubled : IGradientMethod
    {
        public string Name => "doubled";

        public int GradientEvaluations => 2;

        public void Validate()
        {
        }

        public void ComputeGradient(MethodContext context)
        {
            context.Run(Probe.Noise(0, 0.1, 0.5), Probe.Noise(0, -0.1, 0.5));
            context.Gradient.Scale(2);
        }
    }

    /// <summary>A 4-5-3 network with a smooth activation on six float64 examples.</summary>
    private sealed class SmoothNetwork
    {
        private readonly Tensor _x;
        private readonly bool _gelu;

        public SmoothNetwork(string activation)
        {
            _gelu = activation == "gelu";
            using var generator = new Generator(7);
            Parameter New(params long[] shape) => new(randn(shape, ScalarType.Float64, generator: generator) * 0.7);
            Parameters = [New(5, 4), New(5), New(3, 5), New(3)];
            _x = randn([6, 4], ScalarType.Float64, generator: generator);
        }

        public Parameter[] Parameters { get; }

        public int Dimension => (int)Parameters.Sum(p => p.numel());

        public IEnumerable<int> Block(int parameter) =>
            Enumerable.Range((int)Parameters.Take(parameter).Sum(p => p.numel()), (int)Parameters[parameter].numel());

        public Tensor Loss()
        {
            Tensor hidden = _x.mm(Parameters[0].t()) + Parameters[1];
            hidden = _gelu ? nn.functional.gelu(hidden) : hidden.tanh();
            return nn.functional.cross_entropy(hidden.mm(Parameters[2].t()) + Parameters[3], tensor(new long[] { 0, 1, 2, 2, 1, 0 }));
        }

        // Central differences of the gradient, error of some 1e-9.
        public double[,] Hessian()
        {
            const double Step = 1e-4;
            int n = Dimension;
            double[,] hessian = new double[n, n];
            for (int p = 0, row = 0; p < Parameters.Length; p++)
            {
                for (int i = 0; i < Parameters[p].numel(); i++, row++)
                {
                    double[] up = Gradient(p, i, Step), down = Gradient(p, i, -Step);
                    for (int column = 0; column < n; column++)
                        hessian[row, column] = (up[column] - down[column]) / (2 * Step);
                }
            }
            return hessian;
        }

        private double[] Gradient(int parameter, int element, double move)
        {
            using var scope = NewDisposeScope();
            Move(move);
            foreach (Parameter p in Parameters)
                p.grad = null;
            Loss().backward();
            double[] gradient = [.. Parameters.SelectMany(p => p.grad!.data<double>().ToArray())];
            foreach (Parameter p in Parameters)
                p.grad = null;
            Move(-move);
            return gradient;

            void Move(double by)
            {
                using (no_grad())
                    Parameters[parameter].view(-1)[element].add_(by);
            }
        }
    }
}
