using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Noise;
using Polder.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>A method on each part of the mini-batch by itself: its rule, its memory, and the promises of every step.</summary>
public class MicroPerturbationTests
{
    private const int Rows = 5, Steps = 6;

    public static TheoryData<int> Methods => [.. Enumerable.Range(0, MethodList.All.Count)];

    // 5 rows in parts of at most 2 are parts of 1, 2 and 2.
    private static readonly Range[] Parts = [0..1, 1..3, 3..5];

    [Fact]
    public void Every_part_has_its_own_ascent()
    {
        using var whole = new SlicedProblem();
        double[] before = whole.Weights;
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([whole.Weight], 0.1), new MicroPerturbation(new SharpnessAware { Rho = 0.5 }, 2));
        StepResult result = optimizer.Step(Rows, whole.Loss);
        Assert.Equal((2, 6), (result.GradientEvaluations, result.Losses.Count));

        double[] expected = new double[before.Length];
        foreach (Range part in Parts)
        {
            double share = part.GetOffsetAndLength(Rows).Length / (double)Rows;
            double[] g = whole.Gradient(before, part);
            double norm = Math.Sqrt(g.Sum(x => x * x));
            double[] p = whole.Gradient([.. before.Zip(g, (w, d) => w + (0.5 * d / norm))], part);
            for (int i = 0; i < p.Length; i++)
                expected[i] += share * p[i];
        }
        AssertClose([.. before.Zip(expected, (w, g) => w - (0.1 * g))], whole.Weights);
        Assert.Equal(Parts.Sum(part => part.GetOffsetAndLength(Rows).Length / (double)Rows * whole.LossAt(before, part)), result.Loss, 1e-12);
    }

    [Fact]
    public void Every_part_has_its_own_noise()
    {
        using var whole = new SlicedProblem();
        double[] before = whole.Weights;
        var random = new Random(3);
        double[,,] noise = new double[1, 6, before.Length];
        foreach ((int draw, int i) in Enumerable.Range(0, noise.Length).Select(n => (n / before.Length, n % before.Length)))
            noise[0, draw, i] = (random.NextDouble() * 4) - 2;
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([whole.Weight], 0.1), new MicroPerturbation(new NoiseStability { Sigma = 0.3, Pairs = 2 }, 2),
            noise: new FixedNoise(noise));
        Assert.Equal(4, optimizer.Step(Rows, whole.Loss).GradientEvaluations);

        double[] expected = new double[before.Length];
        foreach ((int i, Range part) in Parts.Index())
        {
            double share = part.GetOffsetAndLength(Rows).Length / (double)Rows;
            foreach ((int pair, double sign) in ((int, double)[])[(0, 1), (0, -1), (1, 1), (1, -1)])
            {
                double[] g = whole.Gradient([.. before.Select((w, e) => w + (sign * 0.3 * noise[0, (pair * 3) + i, e]))], part);
                for (int e = 0; e < g.Length; e++)
                    expected[e] += share * g[e] / 4;
            }
        }
        AssertClose([.. before.Zip(expected, (w, g) => w - (0.1 * g))], whole.Weights);
    }

    [Fact]
    public void The_memory_is_the_mean_of_what_the_parts_make_of_it()
    {
        using var whole = new SlicedProblem();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([whole.Weight], 0.1),
            new MicroPerturbation(new FriendlySharpnessAware { Rho = 0.2, Decay = 0.6 }, 2));
        double[] mean = new double[4];
        for (int step = 0; step < Steps; step++)
        {
            // m is linear in the gradient, so the mean over the parts is the m of the whole batch.
            mean = [.. mean.Zip(whole.Gradient(whole.Weights, 0..Rows), (m, g) => (0.6 * m) + (0.4 * g))];
            optimizer.Step(Rows, whole.Loss);
            using Tensor saved = optimizer.StateDict()["method.mean.0"];
            AssertClose(mean, [.. saved.data<double>()]);
        }
    }

    [Theory, MemberData(nameof(Methods))]
    public void On_a_batch_of_one_part_it_is_the_method_bit_for_bit(int index) =>
        Assert.Equal(Run(new MicroPerturbation(MethodList.All[index], Rows)), Run(MethodList.All[index]));

    [Theory, MemberData(nameof(Methods))]
    public void A_closure_that_throws_in_any_part_leaves_no_trace(int index)
    {
        using var scope = NewDisposeScope();
        using SlicedProblem failing = new(), calm = new();
        var method = new MicroPerturbation(MethodList.All[index], 2);
        using FlatMinimaOptimizer a = Make(failing, method), b = Make(calm, method);
        for (int step = 0; step < Steps; step++)
        {
            double[] before = failing.Weights;
            int calls = 0, at = step % (3 * method.GradientEvaluationsAt(step));
            Assert.Throws<TimeoutException>(() => a.Take(Rows, range => calls++ == at ? throw new TimeoutException() : failing.Loss(range)));
            Assert.Equal(before, failing.Weights);
            a.Take(Rows, failing.Loss);
            b.Take(Rows, calm.Loss);
            Assert.Equal(calm.Weights, failing.Weights);
        }
    }

    [Theory, MemberData(nameof(Methods))]
    public void A_resumed_run_is_the_uninterrupted_one_bit_for_bit(int index)
    {
        using var scope = NewDisposeScope();
        using SlicedProblem whole = new(), cut = new(), resumed = new();
        var method = new MicroPerturbation(MethodList.All[index], 2);
        using FlatMinimaOptimizer a = Make(whole, method), b = Make(cut, method), c = Make(resumed, method);
        for (int step = 0; step < Steps; step++)
            a.Take(Rows, whole.Loss);
        for (int step = 0; step < 3; step++)
            b.Take(Rows, cut.Loss);
        c.LoadStateDict(b.StateDict());
        using (no_grad())
            resumed.Weight.copy_(cut.Weight);
        for (int step = 3; step < Steps; step++)
            c.Take(Rows, resumed.Loss);
        Assert.Equal(whole.Weights, resumed.Weights);
    }

    [Theory, MemberData(nameof(Methods))]
    public void No_tensor_leaks(int index)
    {
        using var problem = new SlicedProblem();
        using FlatMinimaOptimizer optimizer = Make(problem, new MicroPerturbation(MethodList.All[index], 2));
        for (int step = 0; step < 4; step++)
            optimizer.Take(Rows, problem.Loss);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = Tensor.TotalCount;
        for (int step = 0; step < 8; step++)
            optimizer.Take(Rows, problem.Loss);
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Running_statistics_take_the_mean_over_the_parts()
    {
        using var scope = NewDisposeScope();
        BatchNorm1d norm = nn.BatchNorm1d(3, dtype: ScalarType.Float64);
        Tensor x = linspace(-2, 3, 12, ScalarType.Float64).sin().view(4, 3);
        double[] expected = [.. x.mean([0]).mul(0.1).data<double>()];
        using var optimizer = new FlatMinimaOptimizer(
            optim.SGD(norm.parameters(), 0.01), new MicroPerturbation(new SharpnessAware { Rho = 0.1 }, 2), norm);
        optimizer.Step(4, range => norm.call(x[range]).pow(3).mean());
        // The clean probe's, of both halves: at momentum 0.1 their mean is a tenth of the whole batch's mean.
        AssertClose(expected, [.. norm.running_mean!.data<double>()]);
        Assert.Equal(1, norm.num_batches_tracked!.to(ScalarType.Int64).item<long>());
    }

    [Fact]
    public void An_objective_without_rows_is_refused_with_advice()
    {
        using var problem = new SlicedProblem();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([problem.Weight], 0.1), new MicroPerturbation(new SharpnessAware(), 2));
        Assert.Contains("call Step(rows, range => loss over images[range])",
            Assert.Throws<InvalidOperationException>(() => optimizer.Step(() => problem.Loss(0..Rows))).Message);
        Assert.Contains("Rows must be an integer of at least 1",
            Assert.Throws<ArgumentOutOfRangeException>(() => new MicroPerturbation(new SharpnessAware(), 0).Validate()).Message);
    }

    [Fact]
    public void Every_method_but_the_base_optimizer_takes_the_option()
    {
        Assert.Null(MethodRegistry.Named("base").Option("micro-perturb"));
        foreach (MethodEntry entry in MethodRegistry.OfLibrary.Where(m => m.Name is not ("base" or "samon")))
        {
            IGradientMethod method = entry.Create(new MethodSetup { Examples = 5 }, new Dictionary<string, object> { ["micro-perturb"] = 2 });
            Assert.Equal(2, Assert.IsType<MicroPerturbation>(method).Rows);
            Assert.Equal(entry.Name, method.Name);
        }
    }

    private static double[] Run(IGradientMethod method)
    {
        using var problem = new SlicedProblem();
        using FlatMinimaOptimizer optimizer = Make(problem, method);
        for (int step = 0; step < Steps; step++)
            optimizer.Take(Rows, problem.Loss);
        return problem.Weights;
    }

    private static FlatMinimaOptimizer Make(SlicedProblem problem, IGradientMethod method) => new(
        optim.SGD([problem.Weight], 0.1, momentum: MethodList.MakesItsUpdate(method) ? 0 : 0.9), method, seed: 5);

    private static void AssertClose(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
    }

    /// <summary>The mean over rows of cos(x'w) + (x'w)^2 / 4, with its gradient by hand.</summary>
    private sealed class SlicedProblem : IDisposable
    {
        private readonly double[,] _x = new double[Rows, 4];
        private readonly Tensor _inputs;

        public SlicedProblem()
        {
            for (int n = 0; n < Rows; n++)
                for (int i = 0; i < 4; i++)
                    _x[n, i] = Math.Sin((3 * n) + i);
            _inputs = tensor(_x);
            Weight = new Parameter(linspace(-1, 1, 4, ScalarType.Float64));
        }

        public Parameter Weight { get; }

        public double[] Weights => Weight.data<double>().ToArray();

        public Tensor Loss(Range rows)
        {
            Tensor z = _inputs[rows].mv(Weight);
            return z.cos().add(z.pow(2).mul(0.25)).mean();
        }

        public double LossAt(double[] w, Range rows) => Each(w, rows).Average(z => Math.Cos(z.Z) + (z.Z * z.Z / 4));

        public double[] Gradient(double[] w, Range rows)
        {
            double[] sum = new double[4];
            (int Row, double Z)[] all = [.. Each(w, rows)];
            foreach ((int row, double z) in all)
                for (int i = 0; i < 4; i++)
                    sum[i] += (-Math.Sin(z) + (z / 2)) * _x[row, i] / all.Length;
            return sum;
        }

        public void Dispose()
        {
            _inputs.Dispose();
            Weight.Dispose();
        }

        private IEnumerable<(int Row, double Z)> Each(double[] w, Range rows)
        {
            var (start, length) = rows.GetOffsetAndLength(Rows);
            return Enumerable.Range(start, length).Select(n => (n, Enumerable.Range(0, 4).Sum(i => _x[n, i] * w[i])));
        }
    }
}
