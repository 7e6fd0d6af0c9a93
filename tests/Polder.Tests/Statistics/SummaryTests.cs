using Polder.Statistics;

namespace Polder.Tests.Statistics;

public class SummaryTests
{
    private const double Tolerance = 1e-12;

    [Fact]
    public void Summary_has_mean_and_sample_standard_deviation()
    {
        // Deviations from 5: -3, -1, -1, -1, 0, 0, 2, 4; their squares sum to 32, over n - 1 = 7.
        var summary = Summary.Of([2, 4, 4, 4, 5, 5, 7, 9]);
        Assert.Equal((5.0, 8), (summary.Mean, summary.Count));
        Assert.Equal(Math.Sqrt(32.0 / 7), summary.StandardDeviation, Tolerance);
    }

    [Fact]
    public void One_value_has_no_spread_and_none_no_summary()
    {
        Assert.Equal(new Summary(3, double.NaN, 1), Summary.Of([3]));
        Assert.Throws<ArgumentException>(() => Summary.Of([]));
    }

    [Fact]
    public void Five_pairs_have_the_interval_and_the_p_value_computed_by_hand()
    {
        // Differences 0.05, 0.02, -0.01, 0.05, 0.04: mean 0.03, squared deviations sum to 0.0026, so variance 0.00065 and squared error 0.00013.
        var difference = PairedDifference.Of([0.85, 0.90, 0.80, 0.95, 0.88], [0.80, 0.88, 0.81, 0.90, 0.84]);
        Assert.Equal(5, difference.Pairs);
        Assert.Equal(0.03, difference.Mean, Tolerance);
        Assert.Equal(Math.Sqrt(0.00013), difference.StandardError, Tolerance);

        // Student's 97.5 % quantile at 4 degrees of freedom, from tables.
        double half = 2.7764451051977987 * Math.Sqrt(0.00013);
        Assert.Equal(0.03 - half, difference.Low, 1e-9);
        Assert.Equal(0.03 + half, difference.High, 1e-9);

        // At 4 degrees of freedom F(t) = 1/2 + 3/8 sqrt(u) (1 - u/12) with u = t^2 / (1 + t^2 / 4); here t^2 = 90/13, so u = 180/71.
        Assert.Equal(1 - (0.75 * Math.Sqrt(180.0 / 71) * 56 / 71), difference.P!.Value, 1e-9);
    }

    [Fact]
    public void The_p_value_is_two_sided()
    {
        double[] values = [0.85, 0.90, 0.80, 0.95, 0.88], references = [0.80, 0.88, 0.81, 0.90, 0.84];
        PairedDifference up = PairedDifference.Of(values, references), down = PairedDifference.Of(references, values);
        Assert.Equal(up.P!.Value, down.P!.Value, Tolerance);
        Assert.Equal((-up.High, -up.Low), (down.Low, down.High));
    }

    [Fact]
    public void Few_pairs_have_wide_intervals_and_no_p_value()
    {
        // Two pairs: differences 0.1 and 0.3, error 0.1; the quantile at 1 degree of freedom is tan(0.475 pi).
        var two = PairedDifference.Of([0.5, 0.8], [0.4, 0.5]);
        Assert.Equal(0.1, two.StandardError, Tolerance);
        Assert.Equal(0.2 + (0.1 * Math.Tan(0.475 * Math.PI)), two.High, 1e-8);

        // Three pairs: differences 0, 0.1, 0.2, error 0.1 / sqrt(3); at 2 degrees of freedom the quantile of p is (2p - 1) / sqrt(2p (1 - p)).
        var three = PairedDifference.Of([0.5, 0.6, 0.7], [0.5, 0.5, 0.5]);
        Assert.Equal(0.1 - (0.95 / Math.Sqrt(2 * 0.975 * 0.025) * 0.1 / Math.Sqrt(3)), three.Low, 1e-8);

        var four = PairedDifference.Of([1, 2, 3, 5], [0, 0, 0, 0]);
        Assert.Equal((null, null, null), (two.P, three.P, four.P));
    }

    [Fact]
    public void One_pair_has_a_mean_alone()
    {
        var one = PairedDifference.Of([0.75], [0.5]);
        Assert.Equal(new PairedDifference(0.25, double.NaN, double.NaN, double.NaN, 1, null), one);
    }

    [Fact]
    public void Equal_differences_have_no_p_value_though_they_are_rounded()
    {
        // Every method has one image more of 538 than its reference; as doubles the differences are not all equal.
        int[] right = [401, 433, 467, 489, 512];
        double[] values = [.. right.Select(r => (r + 1) / 538.0)], references = [.. right.Select(r => r / 538.0)];
        Assert.True(values.Zip(references, (v, r) => v - r).Distinct().Count() > 1);

        var difference = PairedDifference.Of(values, references);
        Assert.Null(difference.P);
        Assert.Equal((0.0, difference.Mean, difference.Mean), (difference.StandardError, difference.Low, difference.High));
    }

    [Fact]
    public void Values_that_cannot_be_paired_are_refused()
    {
        Assert.Throws<ArgumentException>(() => PairedDifference.Of([1, 2], [1]));
        Assert.Throws<ArgumentException>(() => PairedDifference.Of([], []));
    }
}
