using Polder.Generalization;

namespace Polder.Tests.Generalization;

public class BernoulliDivergenceTests
{
    [Theory]
    [InlineData(0.5, 0.25, 0.14384103622589045)] // (ln 2 + ln(2/3)) / 2
    [InlineData(0.1, 0.2, 0.036690014034750584)] // 0.1 ln(1/2) + 0.9 ln(9/8)
    [InlineData(0, 0.3, 0.35667494393873245)]    // -ln 0.7
    [InlineData(1, 0.3, 1.203972804325936)]      // -ln 0.3
    [InlineData(0.3, 0.3, 0)]
    [InlineData(0.3, 1, double.PositiveInfinity)]
    [InlineData(0.3, 0, double.PositiveInfinity)]
    public void Divergence_has_the_values_of_its_formula(double p, double q, double expected) =>
        Assert.Equal(expected, BernoulliDivergence.Of(p, q), 1e-15);

    [Fact]
    public void Inverses_agree_with_bisection()
    {
        foreach (double p in (double[])[0, 1e-12, 1e-3, 0.05, 0.3, 0.5, 0.9, 0.999, 1 - 1e-9, 1])
        {
            foreach (double divergence in (double[])[0, 1e-12, 1e-6, 1e-3, 0.01, 0.1, 0.5, 1, 3, 10, 30])
            {
                (double low, double high) = Bisect(p, divergence);
                Assert.Equal(high, BernoulliDivergence.UpperInverse(p, divergence), 2e-12);
                Assert.Equal(low, BernoulliDivergence.LowerInverse(p, divergence), 2e-12);
            }
        }
    }

    [Fact]
    public void The_upper_inverse_is_never_below_the_solution_by_more_than_rounding()
    {
        var random = new Random(1);
        for (int i = 0; i < 2000; i++)
        {
            double p = random.NextDouble(), divergence = Math.Exp((random.NextDouble() * 20) - 15);
            double q = BernoulliDivergence.UpperInverse(p, divergence);
            Assert.InRange(q, p, 1);
            if (q < 1 - 1e-5) // nearer to 1 the doubles lie too far apart for more digits
                Assert.Equal(1, BernoulliDivergence.Of(p, q) / divergence, 1e-9);
        }
    }

    [Theory]
    [InlineData(0.01)]
    [InlineData(2)]
    public void A_rate_of_zero_has_the_closed_form(double divergence) =>
        Assert.Equal(1 - Math.Exp(-divergence), BernoulliDivergence.UpperInverse(0, divergence), 1e-15);

    [Theory]
    [InlineData(-0.1, 0.5)]
    [InlineData(0.5, 1.1)]
    [InlineData(double.NaN, 0.5)]
    public void A_rate_outside_0_to_1_is_named(double p, double q)
    {
        Assert.Contains("between 0 and 1", Assert.Throws<ArgumentOutOfRangeException>(() => BernoulliDivergence.Of(p, q)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => BernoulliDivergence.UpperInverse(0.5, -1));
    }

    private static (double Low, double High) Bisect(double p, double divergence)
    {
        double Solve(double inside, double outside)
        {
            for (int i = 0; i < 200; i++)
            {
                double middle = (inside + outside) / 2;
                if (BernoulliDivergence.Of(p, middle) <= divergence)
                    inside = middle;
                else
                    outside = middle;
            }
            return inside;
        }
        return (Solve(p, 0), Solve(p, 1));
    }
}
