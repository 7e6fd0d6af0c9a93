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

    // The finite sums in decimal arithmetic of 60 digits.
    [Theory]
    [InlineData(0.001, 100, 0.9992041077601034)]
    [InlineData(0.5, 9, 0.6290712998260265)]
    [InlineData(1, 4, 0.37390096630005887)]
    [InlineData(2.5, 9, 0.03386182768298574)]
    [InlineData(10, 4, 0.0005620036227159911)]
    [InlineData(10, 29, 6.599862576433512e-11)]
    [InlineData(40, 9, 1.8982998449339825e-11)]
    [InlineData(3, 1000, 0.0027667090442381925)]
    [InlineData(1000, 3, 2.2053076425765927e-09)]
    public void A_tail_has_all_its_digits(double t, int freedom, double probability) =>
        Assert.Equal(1, StudentT.Outside(t, freedom) / probability, 1e-12);

    // MathNet's own error is 3e-12 at t = 0.001 and 100 degrees of freedom (the first line above) and grows from there, and its quantiles end a search early.
    [Fact]
    public void Quantiles_and_tails_have_the_probabilities_of_another_library()
    {
        foreach (int freedom in (int[])[1, 2, 3, 4, 5, 9, 10, 29, 100, 999, 1000])
        {
            foreach (double confidence in (double[])[0.5, 0.9, 0.95, 0.99])
                Assert.Equal(1 - confidence, 2 * Reference.CDF(0, 1, freedom, -StudentT.TwoSided(confidence, freedom)), 1e-12);
            foreach (double t in (double[])[0, 0.5, 0.999, 1, 1.5, 3, 10, 40, 1000])
                Assert.Equal(2 * Reference.CDF(0, 1, freedom, -t), StudentT.Outside(t, freedom), 1e-12);
        }
    }
}
