using Polder.Statistics;

namespace Polder.Tests.Statistics;

public class EquivalenceTestTests
{
    [Fact]
    public void Equivalence_at_five_percent_is_that_the_ninety_percent_interval_lies_within_the_margin()
    {
        var random = new Random(3);
        int inside = 0;
        for (int i = 0; i < 200; i++)
        {
            double[] differences = [.. Enumerable.Range(0, 4 + (i % 7)).Select(_ => random.NextDouble() - 0.4)];
            var test = EquivalenceTest.Of(differences, 0.35);
            Assert.Equal(test.Low > -0.35 && test.High < 0.35, test.IsEquivalent);
            inside += test.IsEquivalent ? 1 : 0;
        }
        Assert.InRange(inside, 20, 180); // both happen
    }

    [Fact]
    public void It_is_the_one_sided_t_test_against_the_nearer_margin()
    {
        // Mean 0.1 and standard error 0.1 of three: t = (0.4 - 0.1) / 0.1 = 3 with two degrees, whose tail is 1/2 - 3 / (2 sqrt(11)).
        double spread = 0.1 * Math.Sqrt(3);
        var test = EquivalenceTest.Of([0.1 - spread, 0.1, 0.1 + spread], 0.4);
        Assert.Equal(0.5 - (3 / (2 * Math.Sqrt(11))), test.P!.Value, 12);
        var beyond = EquivalenceTest.Of([0.5 - spread, 0.5, 0.5 + spread], 0.4);
        Assert.Equal(0.5 + (1 / (2 * Math.Sqrt(3))), beyond.P!.Value, 12);
        Assert.False(beyond.IsEquivalent);
    }

    [Fact]
    public void One_pair_says_nothing_and_equal_differences_say_all()
    {
        Assert.Null(EquivalenceTest.Of([0.1], 0.5).P);
        Assert.True(EquivalenceTest.Of([0.1, 0.1, 0.1], 0.5).IsEquivalent);
        Assert.False(EquivalenceTest.Of([0.6, 0.6, 0.6], 0.5).IsEquivalent);
        Assert.Throws<ArgumentOutOfRangeException>(() => EquivalenceTest.Of([1.0], 0));
    }
}
