using Polder.Statistics;

namespace Polder.Tests.Statistics;

public class ProportionIntervalTests
{
    [Theory]
    // Worked out by hand from the formula: 15 of 20 and 1 of 10.
    [InlineData(15, 20, 0.531299, 0.888138)]
    [InlineData(1, 10, 0.017876, 0.404150)]
    [InlineData(0, 10, 0, 0.277533)]
    [InlineData(10, 10, 0.722467, 1)]
    public void It_is_Wilsons(int cases, int count, double low, double high)
    {
        ProportionInterval interval = ProportionInterval.Of(cases, count);
        Assert.Equal((double)cases / count, interval.Share);
        Assert.Equal(low, interval.Low, 1e-6);
        Assert.Equal(high, interval.High, 1e-6);
    }

    [Fact]
    public void Its_ends_are_the_shares_that_a_test_of_five_percent_just_allows()
    {
        // The score test of a share p has (found - p) / sqrt(p (1 - p) / n) = +-1.96 at the ends.
        foreach ((int cases, int count) in ((int, int)[])[(3, 17), (50, 100), (999, 1000)])
        {
            ProportionInterval interval = ProportionInterval.Of(cases, count);
            foreach (double end in (double[])[interval.Low, interval.High])
                Assert.Equal(1.959963984540054, Math.Abs(interval.Share - end) / Math.Sqrt(end * (1 - end) / count), 1e-9);
        }
    }

    [Fact]
    public void It_needs_a_case()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => ProportionInterval.Of(0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => ProportionInterval.Of(3, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => ProportionInterval.Of(-1, 2));
    }
}
