using Polder.Experiments.Comparison;

namespace Polder.Experiments.Tests.Comparison;

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

    [Fact]
    public void Methods_are_corrected_over_those_compared_with_the_reference()
    {
        double[] start = [0.80, 0.88, 0.81, 0.90, 0.84];
        MethodRuns reference = Runs("base", start);
        MethodRuns far = Runs("far", [0.85, 0.90, 0.80, 0.95, 0.88]), near = Runs("near", [0.81, 0.87, 0.83, 0.89, 0.84]);
        IReadOnlyList<PairedDifference?> differences = HolmCorrection.Differences([reference, near, far], reference);

        // The reference is no test: two are left, and the smaller p counts twice.
        double small = far.DifferenceTo(reference)!.P!.Value, large = near.DifferenceTo(reference)!.P!.Value;
        Assert.True(2 * small < large);
        Assert.Equal((small, 2 * small), (differences[2]!.P!.Value, differences[2]!.PHolm!.Value));
        Assert.Equal((large, large), (differences[1]!.P!.Value, differences[1]!.PHolm!.Value));
        Assert.Equal((0.0, null, null), (differences[0]!.Mean, differences[0]!.P, differences[0]!.PHolm));
    }

    [Fact]
    public void Below_five_pairs_there_is_neither_and_without_a_reference_no_difference()
    {
        MethodRuns reference = Runs("base", [0.1, 0.2, 0.3, 0.4]), other = Runs("other", [0.2, 0.4, 0.3, 0.6]);
        PairedDifference four = HolmCorrection.Differences([other, reference], reference)[0]!;
        Assert.Equal((4, null, null), (four.Pairs, four.P, four.PHolm));
        Assert.Equal([null, null], HolmCorrection.Differences([other, reference], null));
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

    private static MethodRuns Runs(string method, double[] accuracies) => new(
        method, new Dictionary<string, object>(), [.. accuracies.Select((a, seed) => new MethodRun(seed, a, 0, 0, 0, 0, 1, 1, 1, 0, 0))]);
}
