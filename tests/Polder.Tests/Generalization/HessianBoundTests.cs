using Polder.Generalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Tests.Generalization;

public class HessianBoundTests
{
    [Fact]
    public void Terms_by_hand()
    {
        // beta = 0.8, C = 3, n = 600, sigma = 0.1, r = 2, alpha = 5, tau = 1: weight C / (2 x 0.8 x 0.2 x 600) = 1/64.
        HessianBound bound = HessianBound.At(0.4, 5, 2, 0.1, 600, 0.05, 0.8, 3, 1, -0.01);
        Assert.Equal(0.5, bound.LossTerm, 1e-15);
        Assert.Equal(0.005 * ((0.25 * 5) + 1), bound.TraceTerm, 1e-15);
        Assert.Equal(-0.0025, bound.RemainderTerm, 1e-15);
        Assert.Equal(200.0 / 64, bound.DistanceTerm, 1e-13);
        Assert.Equal(Math.Log(20) / 64, bound.ConfidenceTerm, 1e-15);
        Assert.Equal(bound.LossTerm + bound.TraceTerm + bound.RemainderTerm + bound.DistanceTerm + bound.ConfidenceTerm, bound.Value, 1e-15);
    }

    [Fact]
    public void The_optimal_sigma_is_the_minimum_and_its_value_the_main_term()
    {
        const double trace = 40, distance = 1.5, beta = 0.6, largest = 2;
        const long n = 900;
        double At(double sigma) => HessianBound.At(0, trace, distance, sigma, n, 0.05, beta, largest) is var b ? b.TraceTerm + b.DistanceTerm : 0;
        double best = HessianBound.OptimalSigma(trace, distance, n, beta, largest);
        Assert.Equal(HessianBound.MainTerm(trace, distance, n, beta, largest), At(best), 1e-13);
        Assert.Equal(Math.Sqrt(largest * trace * distance * distance / (2 * n)) / beta, At(best), 1e-13);
        foreach (double factor in (double[])[0.5, 0.9, 0.99, 1.01, 1.1, 2])
            Assert.True(At(best * factor) > At(best), $"factor {factor}");
    }

    [Fact]
    public void A_sigma_for_each_layer_is_never_worse()
    {
        double[] traces = [10, 0.1, 3], distances = [0.2, 1, 0.5];
        double whole = HessianBound.MainTerm(traces.Sum(), Math.Sqrt(distances.Sum(r => r * r)), 500);
        double byLayer = HessianBound.MainTerm(traces, distances, 500);
        Assert.True(byLayer < whole);
        Assert.Equal(2 * Math.Sqrt(1.0 / 1000) * distances.Zip(traces, (r, a) => r * Math.Sqrt(a)).Sum(), byLayer, 1e-14);
        // Equal where every layer has the same optimal sigma.
        Assert.Equal(HessianBound.MainTerm(4 + 16, Math.Sqrt(0.04 + 0.16), 500), HessianBound.MainTerm([4, 16], [0.2, 0.4], 500), 1e-14);
    }

    [Fact]
    public void The_bounded_loss_stays_between_its_ends()
    {
        using var scope = NewDisposeScope();
        var loss = new BoundedCrossEntropy(4, 0.01);
        Tensor logits = tensor(new double[,] { { 1000, 0, 0, 0 }, { 1000, 0, 0, 0 }, { 0, 0, 0, 0 }, { Math.Log(3), 0, 0, 0 } });
        double[] values = loss.Of(logits, tensor(new long[] { 0, 1, 2, 0 }), nn.Reduction.None).data<double>().ToArray();
        Assert.Equal(-Math.Log(0.0025 + 0.99), values[0], 1e-14);
        Assert.Equal(loss.LargestLoss, values[1], 1e-12);
        Assert.Equal(Math.Log(4), values[2], 1e-14); // a uniform guess
        Assert.Equal(-Math.Log(0.0025 + (0.99 * 0.5)), values[3], 1e-14);
        Assert.Equal(values.Average(), loss.Of(logits, tensor(new long[] { 0, 1, 2, 0 })).ToDouble(), 1e-14);
        Assert.Throws<ArgumentException>(() => loss.Of(zeros(2, 3), zeros(2, dtype: ScalarType.Int64)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BoundedCrossEntropy(4, 0));
    }
}
