using Polder.Statistics;

namespace Polder.Tests.Statistics;

public class KendallTauTests
{
    [Fact]
    public void The_same_order_is_one_and_the_reverse_minus_one()
    {
        Assert.Equal(1, KendallTau.Of([1, 2, 3, 9], [0.1, 0.2, 5, 7]), 15);
        Assert.Equal(-1, KendallTau.Of([1, 2, 3, 9], [7, 5, 0.2, 0.1]), 15);
    }

    [Fact]
    public void Ties_take_their_pairs_from_the_divisor()
    {
        // Ten pairs: of 12,2,1,12,2 two are ties, of 1,4,7,1,0 one; two concordant and six discordant: -4 / sqrt(8 x 9).
        Assert.Equal(-4 / Math.Sqrt(72), KendallTau.Of([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]), 15);
        Assert.True(double.IsNaN(KendallTau.Of([1, 1, 1], [1, 2, 3])));
        Assert.Throws<ArgumentException>(() => KendallTau.Of([1.0], [1, 2]));
    }
}
