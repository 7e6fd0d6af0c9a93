using Polder.Experiments.Comparison;
using Polder.Experiments.Pages;

namespace Polder.Experiments.Tests.Pages;

/// <summary>The sentence on top of a comparison says what was measured, and no more.</summary>
public class LeadTests
{
    [Fact]
    public void A_difference_that_is_sure_is_named_with_how_sure_it_is()
    {
        string lead = LeadOf(Runs("base", 0.80, 0.81, 0.80, 0.82, 0.79, 0.81), Runs("nso", 0.82, 0.835, 0.815, 0.845, 0.81, 0.83), Runs("sam", 0.80, 0.80,
            0.81, 0.81, 0.80, 0.80));
        Assert.StartsWith("NSO is 2.1 points above SGD, 95 % interval 1.7 to 2.5, 6 seeds, corrected p below 0.001.", lead, StringComparison.Ordinal);
        Assert.EndsWith("No reliable difference was found for SAM.", lead, StringComparison.Ordinal);
    }

    [Fact]
    public void A_method_that_is_worse_is_said_to_be() => Assert.StartsWith(
        "NSO is 2.1 points below SGD, 95 % interval -2.5 to -1.7,",
        LeadOf(Runs("base", 0.82, 0.835, 0.815, 0.845, 0.81, 0.83), Runs("nso", 0.80, 0.81, 0.80, 0.82, 0.79, 0.81)), StringComparison.Ordinal);

    [Fact]
    public void Nothing_found_is_said_with_what_could_have_been_seen()
    {
        string lead = LeadOf(Runs("base", 0.80, 0.82, 0.81, 0.79, 0.80), Runs("nso", 0.81, 0.80, 0.83, 0.80, 0.79));
        Assert.StartsWith("No reliable difference to SGD was found. The largest is that of NSO, 0.2 points above it", lead, StringComparison.Ordinal);
        Assert.Matches("With 5 seeds only a difference of about [0-9.]+ points or more could have been seen", lead);
    }

    [Fact]
    public void Few_seeds_make_no_test()
    {
        Assert.Contains("2 seeds are too few for a test", LeadOf(Runs("base", 0.80, 0.81), Runs("nso", 0.90, 0.91)), StringComparison.Ordinal);
        Assert.Contains("of one seed", LeadOf(Runs("base", 0.80), Runs("nso", 0.90)), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_base_optimizer_nothing_is_compared()
    {
        Assert.Contains("the base optimizer was not among the methods, so nothing is compared", LeadOf(Runs("nso", 0.8), Runs("sam", 0.9)),
            StringComparison.Ordinal);
        Assert.Equal("No run is finished.", LeadOf());
    }

    private static MethodRuns Runs(string method, params double[] accuracies) => new(
        method, new Dictionary<string, object>(), [.. accuracies.Select((a, seed) => new MethodRun(seed, a, 1, a, 1, 1, 1, 1, 1, 1, 1))]);

    private static string LeadOf(params MethodRuns[] methods)
    {
        var comparison = new ComparisonResult("task", methods, methods.Length, [], []);
        return ComparisonPage.Lead(comparison, comparison.Differences(), [.. methods.Select(m => ComparisonPage.Label(m, "sgd"))], "sgd");
    }
}
