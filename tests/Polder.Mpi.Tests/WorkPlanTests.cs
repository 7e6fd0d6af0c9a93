namespace Polder.Mpi.Tests;

/// <summary>Who does which piece.</summary>
public class WorkPlanTests
{
    [Theory]
    [InlineData(2, 1, 32, 1)]
    [InlineData(2, 2, 32, 1)]
    [InlineData(3, 2, 32, 1)] // whole points before anything else
    [InlineData(2, 4, 32, 2)]
    [InlineData(2, 3, 32, 3)] // two halves of each of two points leave one rank with two of them: no gain
    [InlineData(1, 8, 32, 8)]
    [InlineData(2, 1000, 16, 16)]
    [InlineData(1, 4, 1, 1)]
    public void The_batch_is_cut_as_little_as_makes_the_busiest_rank_least_busy(int points, int ranks, int most, int parts) =>
        Assert.Equal(parts, WorkPlan.Parts(points, ranks, most));

    [Fact]
    public void Every_piece_is_done_once_and_by_ranks_in_order()
    {
        for (int ranks = 1; ranks < 9; ranks++)
            for (int units = 1; units < 20; units++)
            {
                int next = 0;
                for (int rank = 0; rank < ranks; rank++)
                {
                    var (from, to) = WorkPlan.Of(rank, ranks, units);
                    Assert.Equal(next, from);
                    Assert.InRange(to - from, 0, WorkPlan.Most(ranks, units));
                    next = to;
                }
                Assert.Equal(units, next);
            }
    }
}
