using Polder.Flatness;
using Polder.Noise;
using Polder.Objectives;
using Polder.Parameters;
using Polder.Statistics;
using Polder.Testing;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Flatness;

public class NoiseGapTests
{
    // Each antithetic pair of a quadratic gives sigma^2 U'HU / 2 exactly: mean sigma^2 Tr H / 2, variance sigma^4 |H|_F^2 / 2.
    [Fact]
    public void A_quadratic_has_the_gap_of_its_trace()
    {
        using var problem = new QuadraticLoss();
        const int draws = 2000;
        NoiseGapResult result = NoiseGap.Measure(problem.Space, problem.Objective, new PhiloxNoise(1),
            new NoiseGapOptions { Sigmas = [0.01, 0.3], Draws = draws });
        double frobenius = problem.Hessian.pow(2).sum().ToDouble();
        Assert.Equal((problem.Value(), draws), (result.Loss, result.Draws));
        foreach (NoiseGapPoint point in result.Points)
        {
            double unit = point.Sigma * point.Sigma, error = unit * Math.Sqrt(frobenius / 2 / draws);
            Assert.Equal(unit / 2 * problem.Trace, point.SecondOrder(problem.Trace), 1e-15);
            Assert.Equal(point.SecondOrder(problem.Trace), point.Gap.Value, 4 * error);
            // The sample variance of n values of a chi-square mixture has a relative standard error of at most sqrt(14 / n).
            Assert.Equal(1, point.Gap.StandardError / error, 4 * Math.Sqrt(14.0 / draws) / 2);
            Assert.Equal(draws, point.Gap.Count);
        }
        // The same draws at every sigma: on a quadratic the gaps are proportional to sigma^2, not only in the mean.
        Assert.Equal(result.Points[1].Gap.Value / 0.09, result.Points[0].Gap.Value / 1e-4, 1e-9 * frobenius);
    }

    [Fact]
    public void Signs_on_a_diagonal_quadratic_give_the_trace_without_any_noise()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(linspace(-1, 2, 6, ScalarType.Float64));
        Tensor diagonal = tensor(new double[] { 3, -1, 0.5, 7, 0, 2 });
        ParameterSpace space = ParameterSpace.Of([w]);
        NoiseGapResult result = NoiseGap.Measure(
            space, new ClosureObjective(() => diagonal.mul(w.pow(2)).sum().div(2)), new PhiloxNoise(2, NoiseDistribution.Rademacher),
            new NoiseGapOptions { Sigmas = [0.1], Draws = 5 });
        Assert.Equal(0.005 * 11.5, result.Points[0].Gap.Value, 1e-14);
        Assert.Equal(0, result.Points[0].Gap.StandardError, 1e-14);
    }

    // Single points carry sigma^2 |grad|^2 of variance, which pairs cancel.
    [Fact]
    public void Single_points_are_unbiased_with_the_gradients_variance()
    {
        using var problem = new QuadraticLoss();
        const int draws = 4000;
        const double sigma = 0.05;
        NoiseGapPoint point = NoiseGap.Measure(
            problem.Space, problem.Objective, new PhiloxNoise(3), new NoiseGapOptions { Sigmas = [sigma], Draws = draws, Antithetic = false }).Points[0];
        double variance = (sigma * sigma * problem.Gradient().pow(2).sum().ToDouble()) + (Math.Pow(sigma, 4) * problem.Hessian.pow(2).sum().ToDouble() / 2);
        Assert.Equal(Math.Sqrt(variance / draws), point.Gap.StandardError, 0.1 * Math.Sqrt(variance / draws));
        Assert.Equal(point.SecondOrder(problem.Trace), point.Gap.Value, 4 * Math.Sqrt(variance / draws));
    }

    // 200 repetitions: the stated error, times Student's quantile, covers the truth as often as it says (binomial: 95 % +- 3.1 %).
    [Fact]
    public void The_standard_error_covers_the_truth()
    {
        using var problem = new QuadraticLoss();
        int covered = 0;
        for (int seed = 0; seed < 200; seed++)
        {
            MeanEstimate gap = NoiseGap.Measure(problem.Space, problem.Objective, new PhiloxNoise(seed),
                new NoiseGapOptions { Sigmas = [0.1], Draws = 20 }).Points[0].Gap;
            covered += Math.Abs(gap.Value - (0.005 * problem.Trace)) <= 2.093 * gap.StandardError ? 1 : 0; // t, 19 degrees of freedom
        }
        Assert.InRange(covered, 180, 198);
    }

    // f = sum w^4: F - f = sum (6 sigma^2 w^2 + 3 sigma^4), above its second-order part.
    [Fact]
    public void A_quartic_shows_the_fourth_order()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(linspace(-1, 1, 50, ScalarType.Float64));
        ParameterSpace space = ParameterSpace.Of([w]);
        double squares = w.pow(2).sum().ToDouble();
        NoiseGapPoint point = NoiseGap.Measure(
            space, new ClosureObjective(() => w.pow(4).sum()), new PhiloxNoise(5), new NoiseGapOptions { Sigmas = [0.5], Draws = 2000 }).Points[0];
        Assert.Equal((6 * 0.25 * squares) + (3 * 0.0625 * 50), point.Gap.Value, 4 * point.Gap.StandardError);
        Assert.True(point.Gap.Value - point.SecondOrder(12 * squares) > 10 * point.Gap.StandardError);
    }

    [Fact]
    public void Weights_come_back_bit_for_bit_whatever_happens()
    {
        using var problem = new QuadraticLoss();
        double[] before = problem.Weights().data<double>().ToArray();
        NoiseGap.Measure(problem.Space, problem.Objective, new PhiloxNoise(6));
        Assert.Equal(before, problem.Weights().data<double>().ToArray());

        int calls = 0;
        Assert.Throws<InvalidOperationException>(() => NoiseGap.Measure(
            problem.Space, new ClosureObjective(() => ++calls == 4 ? throw new InvalidOperationException("broken") : problem.Loss()), new PhiloxNoise(6)));
        Assert.Equal(before, problem.Weights().data<double>().ToArray());

        using var stop = new CancellationTokenSource();
        var reports = new List<NoiseGapResult>();
        Assert.Throws<OperationCanceledException>(() => NoiseGap.Measure(
            problem.Space, problem.Objective, new PhiloxNoise(6), null, new Report(result =>
            {
                reports.Add(result);
                if (result.Draws == 3)
                    stop.Cancel();
            }), stop.Token));
        Assert.Equal(before, problem.Weights().data<double>().ToArray());
        Assert.Equal([1, 2, 3], reports.Select(r => r.Draws));
        Assert.All(reports[^1].Points, p => Assert.Equal(3, p.Gap.Count));
    }

    [Fact]
    public void A_loss_that_overflows_is_an_infinite_gap()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(1, ScalarType.Float64));
        NoiseGapResult result = NoiseGap.Measure(
            ParameterSpace.Of([w]), new ClosureObjective(() => tensor(w.data<double>()[0] == 1 ? 0 : double.NaN)), new PhiloxNoise(1),
            new NoiseGapOptions { Sigmas = [1], Draws = 3 });
        Assert.Equal(double.PositiveInfinity, result.Points[0].Gap.Value);
        Assert.Throws<ArithmeticException>(() => NoiseGap.Measure(ParameterSpace.Of([w]), new ClosureObjective(() => tensor(double.NaN)), new PhiloxNoise(1)));
    }

    [Fact]
    public void Options_out_of_range_are_named()
    {
        Assert.Contains("Sigmas must be distinct",
            Assert.Throws<ArgumentOutOfRangeException>(() => new NoiseGapOptions { Sigmas = [0.1, 0] }.Validate()).Message);
        Assert.Contains("Sigmas must be distinct", Assert.Throws<ArgumentOutOfRangeException>(() => new NoiseGapOptions { Sigmas = [] }.Validate()).Message);
        Assert.Contains("Draws must be an integer of at least 2",
            Assert.Throws<ArgumentOutOfRangeException>(() => new NoiseGapOptions { Draws = 1 }.Validate()).Message);
    }

    [Fact]
    public void Nothing_leaks()
    {
        using var problem = new QuadraticLoss();
        LiveTensors.AssertSteady(() =>
            NoiseGap.Measure(problem.Space, problem.Objective, new PhiloxNoise(6), new NoiseGapOptions { Sigmas = [0.1], Draws = 2 }));
    }

    private sealed class Report(Action<NoiseGapResult> action) : IProgress<NoiseGapResult>
    {
        void IProgress<NoiseGapResult>.Report(NoiseGapResult value) => action(value);
    }
}
