using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>sigma by budget, on f = c + h |w|^2 / 2 at a fixed W with U = +-1: every step shows the trace h n exactly.</summary>
public class SigmaAutoTests
{
    private const int N = 4;
    private const double Offset = 3;

    // P = share F with F = f + P: sigma^2 = 2 share f / ((1 - share) h n).
    [Theory]
    [InlineData(0.1, 2, 0.3)]
    [InlineData(0.02, 0.5, 0.2)]
    [InlineData(0.3, 8, 0.5)]
    public void The_penalty_becomes_the_share_of_the_loss(double share, double h, double start)
    {
        double[] sigmas = Run(share, start, h, 2000);
        double f = Offset + (h * N / 2), wanted = Math.Sqrt(2 * share * f / ((1 - share) * h * N));
        Assert.InRange(wanted, start / 10, start * 10);
        Assert.Equal(wanted, sigmas[^1], 1e-3 * wanted);
        for (int step = 1; step < sigmas.Length; step++)
            Assert.InRange(Math.Pow(sigmas[step] / sigmas[step - 1], 2), 1 / 1.01, 1.01);
        // No batch of steps is a mean with an error: it rests until there are five.
        Assert.All(sigmas[..50], sigma => Assert.Equal(start, sigma));
        Assert.NotEqual(start, sigmas[51]);
    }

    [Theory]
    [InlineData(0.9, 1e-4, 0.01, 0.1)]
    [InlineData(0.001, 100, 1, 0.1)]
    public void It_stays_between_a_tenth_and_ten_times_the_start(double share, double h, double start, double end)
    {
        double[] sigmas = Run(share, start, h, 700);
        Assert.Equal(end, sigmas[^1], 1e-12);
    }

    [Fact]
    public void It_rests_while_the_trace_is_not_positive() => Assert.All(Run(0.1, 0.3, -0.5, 200), sigma => Assert.Equal(0.3, sigma));

    // A slow mean of +-1 numbers in batches of 10 whose mean is 0.02: never two standard errors above 0, though positive.
    [Fact]
    public void It_rests_while_the_trace_is_lost_in_its_error()
    {
        using var scope = NewDisposeScope();
        // The step's curvature is +-100 by turns of whole batches and 1 on average.
        Parameter w = new(ones(N, ScalarType.Float64));
        using var optimizer = Make(w, 0.1, 0.3);
        for (int step = 0; step < 200; step++)
        {
            double h = step / 10 % 2 == 0 ? 102 : -100;
            Assert.Equal(0.3, optimizer.Step(() => 1000 + (w.pow(2).sum() * (h / 2))).Curvature!.Sigma);
        }
    }

    [Fact]
    public void Its_state_is_saved()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(N, ScalarType.Float64)), v = new(ones(N, ScalarType.Float64));
        using FlatMinimaOptimizer first = Make(w, 0.1, 0.05), second = Make(v, 0.1, 0.05);
        for (int step = 0; step < 150; step++)
        {
            double sigma = first.Step(() => Loss(w, 2)).Curvature!.Sigma;
            if (step == 87)
                second.LoadStateDict(first.StateDict());
            else if (step > 87)
                Assert.Equal(sigma, second.Step(() => Loss(v, 2)).Curvature!.Sigma);
        }
        Assert.NotEqual(0.05, first.Curvature.Sigma);
    }

    // The plain steps between show nothing, and ask for nothing; on parts of the batch it works alike.
    [Fact]
    public void It_follows_at_intervals_and_on_split_batches()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(N, ScalarType.Float64));
        var method = new NoiseStability { Sigma = Sigma.Auto(0.1, 0.05), Every = 2, Passes = Passes.Split };
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0), method, noise: Signs());
        for (int step = 0; step < 204; step++)
            optimizer.Step(8, _ => Loss(w, 2));
        // 102 steps with noise: the first 50 rest, and from the 51st on each but the last is seen in the next.
        Assert.Equal(0.05 * Math.Exp(0.00995 / 2 * 52), optimizer.Curvature.Sigma, 1e-4);
    }

    [Fact]
    public void What_cannot_follow_says_so()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(N, ScalarType.Float64));
        SGD sgd = optim.SGD([w], 0.1);
        string Refused(IGradientMethod method) => Assert.Throws<ArgumentOutOfRangeException>(() => new FlatMinimaOptimizer(sgd, method)).Message;
        Assert.Contains("share must be above 0 and below 1", Refused(new NoiseStability { Sigma = Sigma.Auto(0) }), StringComparison.Ordinal);
        Assert.Contains("share must be above 0 and below 1", Refused(new NoiseStability { Sigma = Sigma.Auto(1) }), StringComparison.Ordinal);
        Assert.Contains("start must be above 0", Refused(new NoiseStability { Sigma = Sigma.Auto(0.1, 0) }), StringComparison.Ordinal);
        Assert.Contains("antithetic pairs, which nso has", Refused(new WeightPerturbation { Sigma = Sigma.Auto(0.1) }), StringComparison.Ordinal);
        using var blind = new FlatMinimaOptimizer(sgd, new NoiseStability { Sigma = Sigma.Auto(0.1) }) { MeasureCurvature = false };
        Assert.Contains("leave MeasureCurvature on", Assert.Throws<InvalidOperationException>(() => blind.Step(() => Loss(w, 1))).Message,
            StringComparison.Ordinal);
        Assert.Equal([1, 1, 1, 1], w.data<double>().ToArray());
    }

    // Weights 1, 1/2, .. 1/20, 1/20, ...: written out, the mean is sum v_b x_b and the error's factor sqrt(sum v_b^2).
    [Fact]
    public void The_slow_mean_forgets_and_knows_its_error()
    {
        var numbers = new Dictionary<string, double>();
        var slow = new SlowMean(numbers, "x.");
        var random = new Random(5);
        var batches = new List<double>();
        for (int b = 0; b < 60; b++)
        {
            double sum = 0;
            for (int step = 0; step < SlowMean.BatchLength; step++)
            {
                double value = random.NextDouble();
                sum += value;
                slow.Add(value, 2 * value);
            }
            batches.Add(sum / SlowMean.BatchLength);
            double[] weights = new double[batches.Count];
            for (int i = 0; i < weights.Length; i++)
            {
                double own = Math.Max(1.0 / (i + 1), 0.05);
                for (int j = 0; j < i; j++)
                    weights[j] *= 1 - own;
                weights[i] = own;
            }
            double mean = weights.Zip(batches, (v, x) => v * x).Sum(), square = weights.Sum(v => v * v);
            Assert.Equal(mean, slow.Mean, 1e-12);
            Assert.Equal(2 * mean, slow.Companion, 1e-12);
            if (b == 0)
                continue;
            // sum v_b (x_b - mean)^2 is what the recursion of West keeps.
            double variance = weights.Zip(batches, (v, x) => v * (x - mean) * (x - mean)).Sum() / (1 - square);
            Assert.Equal(Math.Sqrt(variance * square), slow.StandardError, 1e-12);
        }
    }

    private static PhiloxNoise Signs() => new PhiloxNoise(1, NoiseDistribution.Rademacher);

    private static FlatMinimaOptimizer Make(Parameter w, double share, double start) =>
        new(optim.SGD([w], 0), new NoiseStability { Sigma = Sigma.Auto(share, start) }, noise: Signs());

    private static Tensor Loss(Parameter w, double h) => Offset + (w.pow(2).sum() * (h / 2));

    private static double[] Run(double share, double start, double h, int steps)
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(N, ScalarType.Float64));
        using FlatMinimaOptimizer optimizer = Make(w, share, start);
        return [.. Enumerable.Range(0, steps).Select(_ => optimizer.Step(() => Loss(w, h)).Curvature!.Sigma)];
    }
}
