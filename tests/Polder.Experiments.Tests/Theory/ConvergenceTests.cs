using Polder.Experiments.Theory;
using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using Polder.Statistics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Experiments.Tests.Theory;

public class ConvergenceTests
{
    private const double Sigma = 0.3, StepSize = 0.2;
    private static readonly ConvergenceOptions Small = new() { Repeats = 40, FewestStepsPower = 6, MostStepsPower = 10, Pairs = [1, 4], Seed = 5 };
    private static readonly Lazy<ConvergenceResult> Result = new(() => ConvergenceStudy.Run(Small));

    [Fact]
    public void A_step_on_a_shared_batch_is_a_step_of_the_library()
    {
        const int repeats = 8, pairs = 3, steps = 20;
        var perturbations = new PhiloxNoise(3);
        var batchNoise = new PhiloxNoise(4);
        var descent = new NoisyDescent(repeats, Sigma, 1, pairs, PairBatches.Shared, perturbations, batchNoise);
        using var scope = NewDisposeScope();
        using var weights = new Parameter(tensor(descent.Weights.ToArray()));
        using var optimizer = new FlatMinimaOptimizer(
            optim.SGD([weights], StepSize), new NoiseStability { Sigma = Sigma, Pairs = pairs }, noise: perturbations);
        for (int t = 0; t < steps; t++)
        {
            descent.Step(t, StepSize);
            LibraryStep(optimizer, weights, batchNoise, t, 0);
        }
        Assert.Equal(descent.Weights, weights.data<double>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Fact]
    public void A_step_on_fresh_batches_is_the_mean_of_steps_with_a_pair_each()
    {
        const int repeats = 8, pairs = 3;
        var perturbations = new PhiloxNoise(3);
        var batchNoise = new PhiloxNoise(4);
        var descent = new NoisyDescent(repeats, Sigma, 1, pairs, PairBatches.Fresh, perturbations, batchNoise);
        double[] start = descent.Weights.ToArray(), mean = new double[start.Length];
        for (int pair = 0; pair < pairs; pair++)
        {
            using var scope = NewDisposeScope();
            using var weights = new Parameter(tensor(start));
            using var optimizer = new FlatMinimaOptimizer(
                optim.SGD([weights], StepSize), new NoiseStability { Sigma = Sigma }, noise: new DrawOf(perturbations, pair));
            LibraryStep(optimizer, weights, batchNoise, 0, pair);
            double[] there = weights.data<double>().ToArray();
            for (int i = 0; i < mean.Length; i++)
                mean[i] += there[i] / pairs;
        }
        descent.Step(0, StepSize);
        Assert.Equal(mean, descent.Weights, (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Theory]
    [InlineData(0.7, 0.1)]
    [InlineData(2.4, 0.5)]
    [InlineData(-1.3, 1)]
    public void The_smoothed_slope_is_the_mean_of_slopes(double w, double sigma)
    {
        // The trapezoidal rule is exact to rounding for a smooth function that the normal density takes to 0.
        double sum = 0;
        const double step = 0.01;
        for (double u = -10; u <= 10; u += step)
            sum += step * Math.Exp(-u * u / 2) / Math.Sqrt(2 * Math.PI) * CosineWell.Slope(w + (sigma * u), 0);
        Assert.Equal(sum, CosineWell.Slope(w, sigma), 1e-9);
        double h = 1e-5;
        Assert.Equal((CosineWell.Height(w + h, sigma) - CosineWell.Height(w - h, sigma)) / (2 * h), CosineWell.Slope(w, sigma), 1e-8);
    }

    [Fact]
    public void The_well_is_as_smooth_as_it_says_not_convex_and_starts_at_the_height_asked()
    {
        double[] curvature = [.. Enumerable.Range(-500, 1001).Select(i => i / 100.0).Select(w => (CosineWell.Slope(w + 1e-5, 0) - CosineWell.Slope(w - 1e-5,
            0)) / 2e-5)];
        Assert.True(curvature.Max(Math.Abs) <= CosineWell.Smoothness + 1e-6);
        Assert.Equal(CosineWell.Smoothness, curvature.Max(), 1e-6);
        Assert.True(curvature.Min() < -0.4);
        double start = CosineWell.Start(0.5, 0.1);
        Assert.Equal(0.5, CosineWell.Height(start, 0.1), 1e-12);
        // No other minimum: the slope has the sign of w.
        Assert.All(Enumerable.Range(1, 1000), i => Assert.True(CosineWell.Slope(i / 100.0, 0) > 0));
    }

    [Fact]
    public void The_bound_is_least_at_its_step_size_and_never_above_its_closed_form()
    {
        var random = new Random(1);
        for (int i = 0; i < 200; i++)
        {
            var bound = new DescentBound(Scale(), Scale(), Scale(), 1 << random.Next(1, 20));
            Assert.True(bound.UpperAt(bound.StepSize) <= bound.Upper * (1 + 1e-12), $"{bound}");
            foreach (double factor in (double[])[0.5, 0.9, 1.1, 2])
            {
                if (factor * bound.StepSize <= 1 / bound.Smoothness)
                    Assert.True(bound.UpperAt(factor * bound.StepSize) >= bound.UpperAt(bound.StepSize));
            }
            Assert.Equal(bound.Steps <= bound.Crossover, bound.StepSize == 1 / bound.Smoothness);
        }

        double Scale() => Math.Pow(10, (4 * random.NextDouble()) - 2);
    }

    [Fact]
    public void The_two_way_bowl_is_its_recursion()
    {
        var bowl = new TwoWayBowl(new DescentBound(2, 0.7, 0.3, 300), 0.05);
        foreach (double kappa in (double[])[bowl.Flat, bowl.Steep, 0.1])
        {
            double w = Math.Sqrt(2 * 0.7 / kappa), square = 0, descent = 0, shaking = 0;
            for (int t = 0; t < 300; t++)
            {
                descent += kappa * w * kappa * w / 300;
                shaking += 4 * square / 300;
                w -= 0.05 * kappa * w;
                square = (square * Math.Pow(1 - (0.05 * 2), 2)) + (0.05 * 0.05 * 0.3);
            }
            Assert.Equal(descent, bowl.Descent(kappa), 1e-12);
            Assert.Equal(shaking, bowl.Shaking, 1e-12);
        }
        MeanEstimate simulated = Means.Of(bowl.Simulate(new PhiloxNoise(2), 400, default));
        Assert.InRange(bowl.Shaking, simulated.Value - (4 * simulated.StandardError), simulated.Value + (4 * simulated.StandardError));
    }

    [Fact]
    public void No_step_size_beats_the_constants_of_the_theory()
    {
        var bound = new DescentBound(1, 1, 1, 1 << 22);
        TwoWayBowl[] bowls = [.. Enumerable.Range(-200, 401).Select(i => new TwoWayBowl(bound, bound.StepSize * Math.Pow(10, i / 200.0)))];
        Assert.Equal(2 * Math.Sqrt((1 - Math.Exp(-1)) / 2), bowls.Min(b => b.Descent(b.Flat) + b.Shaking) / bound.Unit, 2e-3);
        Assert.Equal(Math.Sqrt(2), bowls.Min(b => b.Descent(b.Steep) + b.Shaking) / bound.Unit, 2e-3);
        // With kappa = C the bound is twice what happens, up to the factor 1 - eta C / 2.
        Assert.All(bowls.Where(b => b.StepSize < 0.5 && b.StepSize > 1e-4), b => Assert.Equal(
            bound.UpperAt(b.StepSize), 2 * (1 - (b.StepSize / 2)) * (b.Descent(b.Steep) + b.Shaking), 0.01 * bound.UpperAt(b.StepSize)));
    }

    [Fact]
    public void A_power_law_is_found_and_its_interval_covers()
    {
        double[] x = [1, 2, 4, 8];
        PowerLaw exact = PowerLaw.Fit(x, [.. x.Select(v => new MeanEstimate(3 * Math.Pow(v, -0.75), 0, 10))]);
        Assert.Equal((-0.75, 0, 0), (exact.Exponent, exact.StandardError, exact.High - exact.Low),
            (a, b) => Math.Abs(a.Item1 - b.Item1) < 1e-12 && a.Item2 == b.Item2);
        int covered = 0;
        const int trials = 1000;
        for (int trial = 0; trial < trials; trial++)
        {
            double[] unit = new double[4 * 20];
            new PhiloxNoise(trial).Fill(0, 0, 0, unit);
            PowerLaw fit = PowerLaw.Fit(x, [.. unit.Chunk(20).Zip(x, (u, v) => Means.Of([.. u.Select(z => 3 * Math.Pow(v, -0.75) * (1 + (0.2 * z)))]))]);
            covered += fit.Low <= -0.75 && -0.75 <= fit.High ? 1 : 0;
        }
        Assert.InRange(covered, 0.92 * trials, 0.98 * trials);
        Assert.Throws<ArgumentException>(() => PowerLaw.Fit([1, 2], [new(1, 0, 2), new(0, 0, 2)]));
    }

    [Fact]
    public void Rates_fall_as_proved_and_stay_below_the_bound()
    {
        Assert.All(Result.Value.Rates, r => Assert.True(r.Gradient.Value < r.Bound, $"{r}"));
        MeasuredSlope[] rates = [.. Result.Value.Slopes.Where(s => s.Part == "rates")];
        Assert.Equal(5, rates.Length);
        // At T = 64 to 1024 the step sizes are not small yet: 1 - eta C / 2 is still seen.
        Assert.All(rates, s => Assert.InRange(s.Fit.Exponent, s.Theory - 0.06, s.Theory + 0.06));
        double alone = Result.Value.Rates.Single(r => r.Pairs == 1 && r.Steps == 1024).Gradient.Value;
        RatePoint[] four = [.. Result.Value.Rates.Where(r => r.Pairs == 4 && r.Steps == 1024)];
        Assert.InRange(alone / four.Single(r => r.Batches == PairBatches.Fresh).Gradient.Value, 1.8, 2.2);
        Assert.InRange(alone / four.Single(r => r.Batches == PairBatches.Shared).Gradient.Value, 0.9, 1.1);
    }

    [Fact]
    public void Without_noise_the_rate_is_one_over_T_and_noise_begins_where_the_theory_says()
    {
        Assert.Equal(-1, Result.Value.Slopes.Single(s => s.Quantity.EndsWith("v = 0", StringComparison.Ordinal)).Fit.Exponent, 1e-3);
        Assert.All(Result.Value.Crossover, p => Assert.InRange(p.Exact, p.Gradient.Value - (4 * p.Gradient.StandardError),
            p.Gradient.Value + (4 * p.Gradient.StandardError)));
        Assert.All(Result.Value.Crossover, p => Assert.True(p.Gradient.Value < p.Bound));
    }

    [Fact]
    public void Two_points_are_noisy_at_kinks_alone()
    {
        Assert.All(Result.Value.Noise, n =>
        {
            Assert.InRange(n.OnePointExact, n.OnePoint.Value - (4 * n.OnePoint.StandardError), n.OnePoint.Value + (4 * n.OnePoint.StandardError));
            Assert.InRange(n.TwoPointExact, n.TwoPoint.Value - (4 * n.TwoPoint.StandardError) - 1e-20,
                n.TwoPoint.Value + (4 * n.TwoPoint.StandardError) + 1e-20);
        });
        Assert.Equal([2, 2, 4, 2, 2], Result.Value.Slopes.Where(s => s.Part == "noise").Select(s => Math.Round(s.Fit.Exponent, 1)));
        Assert.All(Result.Value.Noise.Where(n => n.Function == "kink"), n => Assert.Equal(0.363, n.TwoPointExact, 1e-3));
    }

    [Fact]
    public void The_number_of_threads_changes_nothing()
    {
        ConvergenceOptions options = Small with { Repeats = 8, MostStepsPower = 7 };
        ConvergenceResult one = ConvergenceStudy.Run(options with { Threads = 1 }), two = ConvergenceStudy.Run(options with { Threads = 2 });
        Assert.Equal(one.Rates, two.Rates);
        Assert.Equal(one.Scan, two.Scan);
        Assert.Equal(one.Noise, two.Noise);
    }

    private static void LibraryStep(FlatMinimaOptimizer optimizer, Parameter weights, NoiseStream batchNoise, int step, int draw)
    {
        double[] xi = new double[weights.numel()];
        batchNoise.Fill(step, draw, 0, xi);
        using Tensor slope = tensor(xi).div(Math.Sqrt(NoisyDescent.Dimension));
        // f(w) = a w^2 / 2 + b (1 - cos 2 w), written out: a = 1/4, b = 3/16.
        optimizer.Step(() => weights.square().mul(0.125).add(weights.mul(2).cos().mul(-0.1875)).add(slope.mul(weights)).sum());
    }

    /// <summary>Draw n of another stream as draw 0.</summary>
    private sealed class DrawOf(NoiseStream stream, int draw) : NoiseStream
    {
        public override void Fill(long step, int draw1, long offset, Span<float> destination) => stream.Fill(step, draw + draw1, offset, destination);
    }
}
