using Polder.Methods;
using Polder.Vision.Recipes;

namespace Polder.Vision.Tests.Recipes;

public class GradientBudgetTests
{
    [Theory]
    [InlineData(1, 120, 120)]
    [InlineData(2, 120, 60)]
    [InlineData(4, 120, 30)]
    [InlineData(7, 120, 17)] // 119 gradients; an 18th step would make it 126
    [InlineData(7, 3, 1)] // no run is empty
    public void Equal_steps_share_the_gradients_evenly(int draws, long gradients, long steps) =>
        Assert.Equal(steps, GradientBudget.Steps(_ => new WeightPerturbation { Draws = draws }, gradients));

    [Fact]
    public void Steps_of_unequal_cost_are_counted_one_by_one()
    {
        // LookSAM with every 5: 2, 1, 1, 1, 1, so 6 gradients in 5 steps; after 100 steps 120, after 101 already 122.
        Assert.Equal(100, GradientBudget.Steps(_ => new LookSharpnessAware { Every = 5 }, 120));
        Assert.Equal(100, GradientBudget.Steps(_ => new LookSharpnessAware { Every = 5 }, 121));
        Assert.Equal(101, GradientBudget.Steps(_ => new LookSharpnessAware { Every = 5 }, 122));
    }

    [Fact]
    public void A_schedule_is_stretched_over_the_steps_that_it_allows()
    {
        // The first half of the steps costs 1, the second 2: 80 steps are 40 + 80 = 120 gradients.
        Assert.Equal(80, GradientBudget.Steps(steps => new NoiseStability { Sigma = Sigma.Late(0.1, steps) }, 120));
        // Only the first step of a line from 0 is without noise: 1 + 2 x 59 = 119, and a 61st step would make it 121.
        Assert.Equal(60, GradientBudget.Steps(steps => new NoiseStability { Sigma = Sigma.Linear(0.1, steps) }, 120));
    }

    [Fact]
    public void No_gradients_are_no_budget() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => GradientBudget.Steps(_ => new Plain(), 0));
}
