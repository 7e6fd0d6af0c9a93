using Polder.Statistics;


namespace Polder.Tests.Numerics;

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
}
