using Polder.Statistics;

namespace Polder.Tests.Statistics;

public class HolmCorrectionTests
{
    private const double Tolerance = 1e-15;

    [Fact]
    public void The_smallest_counts_for_all_and_none_is_below_the_one_before()
    {
        // Sorted: 4 x 0.005, 3 x 0.01, 2 x 0.03, 1 x 0.04; the last is below 0.06 and so raised to it.
        Same([0.03, 0.06, 0.06, 0.02], HolmCorrection.Correct([0.01, 0.04, 0.03, 0.005]));
    }

    [Fact]
    public void Equal_values_stay_equal()
    {
        // 3 x 0.02, 2 x 0.02 raised to it, 1 x 0.5.
        Same([0.06, 0.5, 0.06], HolmCorrection.Correct([0.02, 0.5, 0.02]));
    }

    [Fact]
    public void One_is_the_most_and_one_test_is_left_as_it_is()
    {
        Same([1, 1, 0], HolmCorrection.Correct([0.6, 0.7, 0]));
        Same([0.3], HolmCorrection.Correct([0.3]));
        Assert.Empty(HolmCorrection.Correct([]));
    }

    [Fact]
    public void A_test_without_a_value_has_none_and_counts()
    {
        // Three tests: 3 x 0.01, 2 x 0.04.
        Same([0.03, null, 0.08], HolmCorrection.Correct([0.01, null, 0.04]));
    }

    [Fact]
    public void What_is_no_probability_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => HolmCorrection.Correct([0.1, 1.5]));
        Assert.Throws<ArgumentOutOfRangeException>(() => HolmCorrection.Correct([null, double.NaN]));
    }

    private static void Same(double?[] expected, IReadOnlyList<double?> found)
    {
        Assert.Equal(expected.Length, found.Count);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i] is null, found[i] is null);
            Assert.Equal(expected[i] ?? 0, found[i] ?? 0, Tolerance);
        }
    }
}
