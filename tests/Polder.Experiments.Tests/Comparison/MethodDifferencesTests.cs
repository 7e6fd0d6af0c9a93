using Polder.Experiments.Comparison;
using Polder.Statistics;

namespace Polder.Experiments.Tests.Comparison;

public class MethodDifferencesTests
{
    [Fact]
    public void Methods_are_corrected_over_those_compared_with_the_reference()
    {
        double[] start = [0.80, 0.88, 0.81, 0.90, 0.84];
        MethodRuns reference = Runs("base", start);
        MethodRuns far = Runs("far", [0.85, 0.90, 0.80, 0.95, 0.88]), near = Runs("near", [0.81, 0.87, 0.83, 0.89, 0.84]);
        IReadOnlyList<PairedDifference?> differences = MethodDifferences.Of([reference, near, far], reference);

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
        PairedDifference four = MethodDifferences.Of([other, reference], reference)[0]!;
        Assert.Equal((4, null, null), (four.Pairs, four.P, four.PHolm));
        Assert.Equal([null, null], MethodDifferences.Of([other, reference], null));
    }

    [Fact]
    public void Runs_are_paired_by_seed_and_not_by_place()
    {
        MethodRuns method = BySeed((7, 0.9), (3, 0.8), (5, 0.1)), reference = BySeed((3, 0.7), (7, 0.5), (9, 0.0));
        PairedDifference difference = method.DifferenceTo(reference)!;
        Assert.Equal(2, difference.Pairs);
        Assert.Equal(0.25, difference.Mean, 1e-12);
        Assert.Null(method.DifferenceTo(BySeed((1, 0.5))));
    }

    private static MethodRuns Runs(string method, double[] accuracies) => new(
        method, new Dictionary<string, object>(), [.. accuracies.Select((a, seed) => new MethodRun(seed, a, 0, 0, 0, 0, 1, 1, 1, 0, 0))]);

    private static MethodRuns BySeed(params (long Seed, double Accuracy)[] runs) => new(
        "any", new Dictionary<string, object>(), [.. runs.Select(r => new MethodRun(r.Seed, r.Accuracy, 0, 0, 0, 0, 1, 1, 1, 0, 0))]);
}
