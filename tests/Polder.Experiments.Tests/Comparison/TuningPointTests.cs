using Polder.Experiments.Comparison;

namespace Polder.Experiments.Tests.Comparison;

public class TuningPointTests
{
    [Fact]
    public void A_point_that_diverged_on_a_seed_is_behind_all_that_did_not()
    {
        TuningPoint broken = Point(0.1, 1, (0.99, 0.1)), good = Point(0.2, 0, (0.6, 1), (0.7, 1)), poor = Point(0.3, 0, (0.2, 2), (0.3, 2));
        TuningPoint gone = Point(0.4, 2);
        Assert.Same(good, TuningPoint.Best([broken, poor, good, gone]));
        Assert.Same(poor, TuningPoint.Best([broken, poor]));
        // Where nothing else is left, the one with more seeds.
        Assert.Same(broken, TuningPoint.Best([gone, broken]));
        Assert.Same(gone, TuningPoint.Best([gone]));
        Assert.Throws<ArgumentException>(() => TuningPoint.Best([]));
    }

    [Fact]
    public void Equal_accuracies_are_parted_by_the_loss()
    {
        TuningPoint high = Point(1, 0, (0.5, 2)), low = Point(2, 0, (0.5, 1));
        Assert.Same(low, TuningPoint.Best([high, low]));
    }

    [Fact]
    public void The_first_above_an_accuracy_has_no_seed_that_diverged()
    {
        TuningPoint broken = Point(1, 1, (0.95, 0.1)), few = Point(2, 0, (0.5, 1)), enough = Point(3, 0, (0.9, 1)), more = Point(4, 0, (0.97, 1));
        Assert.Same(enough, TuningPoint.FirstAbove([broken, few, enough, more], 0.85));
        Assert.Same(more, TuningPoint.FirstAbove([few, enough, more], 0.99));
        Assert.Same(enough, TuningPoint.FirstAbove([few, enough, broken], 0.94));
        Assert.Same(broken, TuningPoint.FirstAbove([broken], 0.85));
    }

    [Fact]
    public void Means_are_over_the_seeds_that_are_left()
    {
        TuningPoint point = Point(1, 1, (0.5, 1), (0.75, 2));
        Assert.Equal((0.625, 2, 1.5, 1), (point.Validation.Mean, point.Validation.Count, point.Loss, point.Diverged));
        TuningPoint gone = Point(1, 3);
        Assert.Equal((double.NaN, 0, double.NaN), (gone.Validation.Mean, gone.Validation.Count, gone.Loss));
    }

    private static TuningPoint Point(double value, int diverged, params (double Accuracy, double Loss)[] runs) => TuningPoint.Of(
        "any", $"value {value}", value, [.. runs.Select((r, seed) => new MethodRun(seed, 0, 0, r.Accuracy, r.Loss, 0, 1, 1, 1, 0, 0))], diverged);
}
