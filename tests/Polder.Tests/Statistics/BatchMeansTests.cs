using Polder.Statistics;

namespace Polder.Tests.Statistics;

public class BatchMeansTests
{
    [Fact]
    public void The_mean_is_that_of_all_steps_however_many()
    {
        var means = new BatchMeans(2);
        Assert.Equal(0, means.Estimate(0).Count);
        for (int n = 1; n <= 1000; n++)
        {
            means.Add([n, -2 * n]);
            Assert.Equal(n, means.Count);
            Assert.Equal((n + 1) / 2.0, means.Estimate(0).Value, 1e-9);
            Assert.Equal(-(n + 1.0), means.Estimate(1).Value, 1e-9);
        }
        Assert.True(double.IsFinite(means.Estimate(0).StandardError));
    }

    [Fact]
    public void A_short_series_has_the_usual_standard_error()
    {
        double[] values = [3, 1, 4, 1, 5, 9, 2, 6];
        var means = new BatchMeans(1);
        means.Add([values[0]]);
        Assert.True(double.IsNaN(means.Estimate(0).StandardError));
        foreach (double value in values[1..])
            means.Add([value]);
        double mean = values.Average(), variance = values.Sum(v => (v - mean) * (v - mean)) / 7;
        Assert.Equal(Math.Sqrt(variance / 8), means.Estimate(0).StandardError, 1e-12);
    }

    // x_t = r x_(t-1) + e_t: the mean of n has the variance var(e) / (1 - r)^2 / n, (1 + r) / (1 - r) times what independent numbers of the same spread
    // have; over many series the mean square of the standard errors must be it, up to the likeness left between batches.
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.8)]
    public void Likeness_of_neighbours_is_in_the_standard_error(double r)
    {
        const int Series = 200, Length = 2000;
        var random = new Random(4);
        double square = 0;
        for (int s = 0; s < Series; s++)
        {
            var means = new BatchMeans(1);
            double x = 0;
            for (int t = 0; t < Length; t++)
                means.Add([x = (r * x) + random.NextDouble() - 0.5]);
            square += Math.Pow(means.Estimate(0).StandardError, 2) / Series;
        }
        double expected = 1.0 / 12 / Math.Pow(1 - r, 2) / Length;
        // 15 to 31 degrees of freedom a series: relative spread sqrt(2 / 15 / 200) = 2.6 %; batches of 64 steps lose some 2 r / (1 - r^2) / 64 = 7 %.
        Assert.InRange(square / expected, 0.82, 1.1);
    }
}
