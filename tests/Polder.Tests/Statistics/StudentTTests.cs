using Polder.Statistics;
using Reference = MathNet.Numerics.Distributions.StudentT;

namespace Polder.Tests.Statistics;

public class StudentTTests
{
    // Published tables (for example NIST's handbook, 1.3.6.7.2), two-sided.
    [Theory]
    [InlineData(0.95, 1, 12.706204736432095)]
    [InlineData(0.95, 2, 4.302652729696142)]
    [InlineData(0.95, 9, 2.262157162740992)]
    [InlineData(0.99, 30, 2.749995653567231)]
    [InlineData(0.95, 100000, 1.959987707)]
    public void Quantiles_are_those_of_the_tables(double confidence, int freedom, double t) =>
        Assert.Equal(t, StudentT.TwoSided(confidence, freedom), 1e-8);

    [Fact]
    public void Quantiles_and_tails_are_those_of_another_library()
    {
        foreach (int freedom in (int[])[1, 2, 3, 4, 5, 9, 10, 29, 100, 999, 1000])
        {
            foreach (double confidence in (double[])[0.1, 0.5, 0.9, 0.95, 0.99])
            {
                double t = StudentT.TwoSided(confidence, freedom);
                Assert.Equal(1 - confidence, 2 * Reference.CDF(0, 1, freedom, -t), 1e-12);
                Assert.Equal(1, t / Reference.InvCDF(0, 1, freedom, 0.5 + (confidence / 2)), 1e-11); // found by a search that ends a little early
            }
            foreach (double t in (double[])[0, 1e-3, 0.5, 0.999, 1, 1.5, 3, 10, 40, 1000])
            {
                double expected = 2 * Reference.CDF(0, 1, freedom, -t);
                Assert.Equal(expected, StudentT.Outside(t, freedom), 1e-12);
                // As many digits of a small p as of a large one.
                if (expected > 1e-300)
                    Assert.Equal(1, StudentT.Outside(t, freedom) / expected, 1e-11);
            }
        }
    }
}
