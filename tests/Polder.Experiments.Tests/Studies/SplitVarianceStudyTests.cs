using Polder.Benchmarks.Studies;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Experiments.Tests.Studies;

/// <summary>On rows w'h_r w / 2 with given Hessians, where the first order is everything.</summary>
public class SplitVarianceStudyTests
{
    private const int Rows = 8, Dimension = 3;

    private static readonly double[][,] Hessians = [.. Enumerable.Range(0, Rows).Select(row =>
    {
        double[,] h = new double[Dimension, Dimension];
        for (int i = 0; i < Dimension; i++)
            for (int j = 0; j < Dimension; j++)
                h[i, j] = (i == j ? 1 : 0.3) + Math.Sin((5 * row) + i + j);
        return h;
    })];

    [Fact]
    public void It_finds_the_variances_of_the_formulas()
    {
        using var scope = NewDisposeScope();
        double square = 0, spread = 0;
        for (int i = 0; i < Dimension; i++)
        {
            for (int j = 0; j < Dimension; j++)
            {
                double mean = Hessians.Average(h => h[i, j]);
                square += mean * mean;
                spread += Hessians.Sum(h => (h[i, j] - mean) * (h[i, j] - mean)) / (Rows - 1);
            }
        }
        Parameter w = new(tensor(new[] { 0.5, -1, 2 }));
        var study = new SplitVarianceStudy { Sigma = 0.1, Draws = 600, Groups = 4, Seed = 3 };
        SplitVarianceResult found = study.Measure([w], Rows, rows => Loss(w, rows));

        AssertWithin(square, found.HessianSquare);
        AssertWithin(spread, found.RowSpread);
        Assert.Equal(found.RowSpread.Value / found.HessianSquare.Value, found.BatchThreshold);
        double[] expected = [square, (square + (spread / Rows)) / 2, spread / Rows];
        for (int i = 0; i < 3; i++)
        {
            EstimatorVariance estimator = found.Estimators[i];
            AssertWithin(0.01 * expected[i], estimator.Variance);
            Assert.True(estimator.Variance.StandardError < 0.1 * estimator.Variance.Value, $"{estimator} is too coarse to tell anything");
        }
        Assert.Equal(0, found.Estimators[3].Variance.Value, 1e-26);
        Assert.Equal([0.5, -1, 2], w.data<double>().ToArray());
    }

    [Fact]
    public void Options_out_of_their_range_are_named()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(new[] { 0.5, -1, 2 }));
        foreach (var (study, name) in new[]
        {
            (new SplitVarianceStudy { Sigma = 0 }, "Sigma"), (new SplitVarianceStudy { Draws = 1 }, "Draws"), (new SplitVarianceStudy { Groups = 3 }, "Groups"),
        })
            Assert.Throws<ArgumentOutOfRangeException>(name, () => study.Measure([w], Rows, rows => Loss(w, rows)));
        Assert.Throws<ArgumentOutOfRangeException>("rows", () => new SplitVarianceStudy().Measure([w], 1, rows => Loss(w, rows)));
    }

    private static void AssertWithin(double expected, Measured found) => Assert.Equal(expected, found.Value, 5 * found.StandardError);

    private static Tensor Loss(Tensor w, long[] rows) => stack(rows.Select(row => w.dot(tensor(Hessians[row]).mv(w)))).mean() / 2;
}
