using Polder.Statistics;

namespace Polder.Tests.Statistics;

public class SignFlipTestTests
{
    [Fact]
    public void Differences_of_one_sign_are_matched_by_two_patterns_alone()
    {
        var test = SignFlipTest.Of([[1.0, 2, 3, 4, 5]]);
        Assert.True(test.IsExact);
        Assert.Equal(3, test.Mean, 14);
        Assert.Equal(2.0 / 32, test.P);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_exact_p_is_the_share_over_all_patterns_counted_one_by_one(int seed)
    {
        var random = new Random(seed);
        double[][] strata = [.. ((int[])[3, 1, 4, 2]).Select(n => Enumerable.Range(0, n).Select(_ => random.NextDouble() - 0.3).ToArray())];
        var (values, weights) = (strata.SelectMany(s => s).ToArray(), strata.SelectMany(s => s.Select(_ => 1.0 / s.Length / strata.Length)).ToArray());
        double observed = values.Zip(weights, (v, w) => v * w).Sum();
        int extreme = 0;
        for (int pattern = 0; pattern < 1 << values.Length; pattern++)
        {
            double sum = values.Select((v, i) => ((pattern >> i) & 1) == 1 ? v * weights[i] : -v * weights[i]).Sum();
            extreme += Math.Abs(sum) >= Math.Abs(observed) - 1e-13 ? 1 : 0;
        }
        var test = SignFlipTest.Of(strata);
        Assert.Equal(observed, test.Mean, 14);
        Assert.Equal((double)extreme / (1 << values.Length), test.P);
    }

    [Fact]
    public void Many_pairs_are_drawn_and_come_near_the_exact_share()
    {
        // Of 22 differences of one size with k of them negative the statistic is binomial: P(|X - 11| >= 6), X ~ B(22, 1/2).
        double[] differences = [.. Enumerable.Range(0, 22).Select(i => i < 17 ? 1.0 : -1)];
        double exact = Enumerable.Range(0, 23).Where(k => Math.Abs(k - 11) >= 6).Sum(k => Choose(22, k)) / Math.Pow(2, 22);
        var test = SignFlipTest.Of([differences], seed: 5);
        Assert.False(test.IsExact);
        // Five standard errors of a share over so many draws.
        Assert.InRange(test.P, exact - (5 * Math.Sqrt(exact / SignFlipTest.Draws)), exact + (5 * Math.Sqrt(exact / SignFlipTest.Draws)));
        Assert.Equal(test, SignFlipTest.Of([differences], seed: 5));
    }

    [Fact]
    public void A_stratum_weighs_the_same_however_many_pairs_it_has()
    {
        Assert.Equal((2.0 + 4) / 2, SignFlipTest.Of([[2.0, 2, 2, 2, 2, 2], [4.0], []]).Mean, 14);
        Assert.Equal(1, SignFlipTest.Of([[1.0], [-1.0]]).P);
        Assert.Throws<ArgumentException>(() => SignFlipTest.Of([[], []]));
        Assert.Throws<ArgumentOutOfRangeException>(() => SignFlipTest.Of([[double.NaN]]));
    }

    private static double Choose(int n, int k) => Enumerable.Range(1, k).Aggregate(1.0, (product, i) => product * (n - k + i) / i);
}
