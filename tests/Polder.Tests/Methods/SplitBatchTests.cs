using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using Polder.Testing;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>NSO on parts of the batch: on f = mean_i (a_i' w)^4 / 4, whose gradients are written by hand.</summary>
public class SplitBatchTests
{
    private const double Sigma = 0.2;
    private static readonly double[] Start = [0.6, -0.3, 0.4];

    [Theory]
    [InlineData(8, 1, 0)]
    [InlineData(7, 1, 0)]
    [InlineData(7, 2, 0)]
    [InlineData(11, 3, 0.25)]
    [InlineData(6, 3, 0)]
    public void Each_part_sees_its_own_point_and_counts_by_its_size(int rows, int pairs, double cleanWeight)
    {
        using var scope = NewDisposeScope();
        var method = new NoiseStability { Sigma = Sigma, Pairs = pairs, CleanWeight = cleanWeight, Passes = Passes.Split };
        double[,,] noise = Noise(pairs);
        var (found, seen, result) = Run(rows, method, noise);

        // The points W + U_0, W - U_0, W + U_1, ... and the rows in order, cut where rows x i / 2k falls.
        double[] expected = new double[3];
        for (int row = 0; row < rows; row++)
        {
            int point = Enumerable.Range(0, 2 * pairs).Last(i => rows * i / (2 * pairs) <= row);
            double[] at = [.. Start.Select((w, e) => w + ((point % 2 == 0 ? 1 : -1) * Sigma * noise[0, point / 2, e]))];
            for (int e = 0; e < 3; e++)
                expected[e] += ((1 - cleanWeight) * RowGradient(row, at)[e] / rows) + (cleanWeight * RowGradient(row, Start)[e] / rows);
        }
        for (int e = 0; e < 3; e++)
            Assert.Equal(expected[e], found[e], 1e-14);

        Assert.Equal(Enumerable.Range(0, rows), cleanWeight > 0 ? seen.Skip(rows) : seen);
        Assert.Equal(cleanWeight > 0 ? 2 : 1, result.GradientEvaluations);
        Assert.Equal(method.GradientEvaluations, result.GradientEvaluations);
    }

    // g(U) and g(-U) change the parts' points: their mean is the two-point gradient on the whole batch, whatever the parts are.
    [Fact]
    public void Over_the_two_signs_of_the_noise_it_is_the_two_point_gradient()
    {
        using var scope = NewDisposeScope();
        double[,,] noise = Noise(1), mirrored = Noise(1, -1);
        var split = new NoiseStability { Sigma = Sigma, Passes = Passes.Split };
        double[] a = Run(10, split, noise).Gradient, b = Run(10, split, mirrored).Gradient;
        double[] full = Run(10, new NoiseStability { Sigma = Sigma }, noise).Gradient;
        for (int e = 0; e < 3; e++)
            Assert.Equal(full[e], (a[e] + b[e]) / 2, 1e-14);
        Assert.NotEqual(full[0], a[0], 1e-6);
    }

    // Where every row is the same function, its Hessian's noise cancels between the halves: the gradient is the two-point one.
    [Fact]
    public void With_equal_rows_nothing_is_lost()
    {
        using var scope = NewDisposeScope();
        var split = new NoiseStability { Sigma = Sigma, Passes = Passes.Split };
        double[] part = Run(10, split, Noise(1), _ => 3).Gradient, full = Run(10, split with { Passes = Passes.Full }, Noise(1), _ => 3).Gradient;
        for (int e = 0; e < 3; e++)
            Assert.Equal(full[e], part[e], 1e-14);
    }

    [Fact]
    public void A_batch_with_fewer_rows_than_points_is_not_cut()
    {
        using var scope = NewDisposeScope();
        var method = new NoiseStability { Sigma = Sigma, Pairs = 2, Passes = Passes.Split };
        var (gradient, _, result) = Run(3, method, Noise(2));
        Assert.Equal(Run(3, method with { Passes = Passes.Full }, Noise(2)).Gradient, gradient);
        Assert.Equal(4, result.GradientEvaluations);
    }

    [Fact]
    public void Other_methods_ask_for_all_rows()
    {
        foreach (IGradientMethod method in MethodList.All)
        {
            using var scope = NewDisposeScope();
            double[] Train(bool sliced)
            {
                Parameter w = new(tensor(Start));
                using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.1), method, seed: 3);
                for (int step = 0; step < 3; step++)
                {
                    if (sliced)
                        optimizer.Take(8, range => Loss(w, [.. Enumerable.Range(0, 8).Take(range)]));
                    else
                        optimizer.Take(() => Loss(w, [.. Enumerable.Range(0, 8)]));
                }
                return w.data<double>().ToArray();
            }

            Assert.Equal(Train(false), Train(true));
        }
    }

    [Fact]
    public void An_objective_without_parts_is_refused_with_what_to_do()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(Start));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.1), new NoiseStability { Passes = Passes.Split });
        Assert.Contains("call Step(rows, range => loss over images[range])",
            Assert.Throws<InvalidOperationException>(() => optimizer.Step(() => w.pow(2).sum())).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>("rows", () => optimizer.Step(0, _ => w.pow(2).sum()));
        Assert.Equal(Start, w.data<double>().ToArray());
    }

    [Fact]
    public void It_leaks_nothing()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(Start));
        Tensor x = ones(8, 3, ScalarType.Float64);
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.001), new NoiseStability { Passes = Passes.Split });
        LiveTensors.AssertSteady(() => optimizer.Step(8, range => x[range].mv(w).pow(4).mean()));
    }

    // Every third step has noise, from the first on; the others are the base optimizer's, and the noise of a step is that of its number.
    [Fact]
    public void Interval_noise_comes_at_every_so_manyth_step()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(Start)), reference = new(tensor(Start));
        using var interval = new FlatMinimaOptimizer(optim.SGD([w], 0.05), new NoiseStability { Sigma = Sigma, Every = 3 }, seed: 5);
        using var scheduled = new FlatMinimaOptimizer(
            optim.SGD([reference], 0.05), new NoiseStability { Sigma = Polder.Methods.Sigma.From(step => step % 3 == 0 ? Sigma : 0) }, seed: 5);
        for (int step = 0; step < 7; step++)
        {
            int count = interval.Step(() => Loss(w, [0, 1, 2])).GradientEvaluations;
            scheduled.Step(() => Loss(reference, [0, 1, 2]));
            Assert.Equal(step % 3 == 0 ? 2 : 1, count);
            Assert.Equal(reference.data<double>().ToArray(), w.data<double>().ToArray());
        }
    }

    private static double[] Row(int row) => [Math.Sin(row + 1), Math.Cos(2 * row), Math.Sin((3 * row) + 0.5)];

    private static double[] RowGradient(int row, double[] w)
    {
        double[] a = Row(row);
        double dot = a.Zip(w, (x, y) => x * y).Sum();
        return [.. a.Select(x => Math.Pow(dot, 3) * x)];
    }

    private static Tensor Loss(Tensor w, int[] rows) => stack(rows.Select(r => tensor(Row(r)))).mv(w).pow(4).mean() / 4;

    private static double[,,] Noise(int pairs, double sign = 1)
    {
        double[,,] noise = new double[1, pairs, 3];
        for (int pair = 0; pair < pairs; pair++)
            for (int e = 0; e < 3; e++)
                noise[0, pair, e] = sign * 2 * Math.Sin((5 * pair) + (2 * e) + 1);
        return noise;
    }

    private static (double[] Gradient, List<int> Seen, StepResult Result) Run(int rows, NoiseStability method, double[,,] noise, Func<int, int>? rename = null)
    {
        Parameter w = new(tensor(Start));
        var seen = new List<int>();
        var reader = new Reader();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0), method, noise: new FixedNoise(noise));
        optimizer.Hooks.Add(reader);
        StepResult result = optimizer.Step(rows, range =>
        {
            int[] part = [.. Enumerable.Range(0, rows).Take(range)];
            seen.AddRange(part);
            return Loss(w, [.. part.Select(rename ?? (row => row))]);
        });
        return (reader.Seen, seen, result);
    }

    private sealed class Reader : IUpdateHook
    {
        public double[] Seen { get; private set; } = [];

        public void BeforeUpdate(UpdateContext context) => Seen = context.Gradient.Blocks[0].data<double>().ToArray();
    }
}
