using Polder.Vision.Training.Metrics;

namespace Polder.Vision.Tests.Training.Metrics;

public class ConfusionMatrixTests
{
    // Rows are true classes: 0 is taken 3, 1, 0 times; 1 is taken 1, 2, 1 times; 2 is taken 0, 0, 2 times.
    private static readonly long[][] Counts = [[3, 1, 0], [1, 2, 1], [0, 0, 2]];

    [Fact]
    public void Shares_are_those_worked_out_by_hand()
    {
        ConfusionMatrix m = Make(Counts);
        Assert.Equal(10, m.Count);
        Assert.Equal(0.7, m.Accuracy, 1e-15);
        Assert.Equal([3.0 / 4, 2.0 / 3, 2.0 / 3], Enumerable.Range(0, 3).Select(m.Precision));
        Assert.Equal([3.0 / 4, 1.0 / 2, 1.0], Enumerable.Range(0, 3).Select(m.Recall));
        Assert.Equal([6.0 / 8, 4.0 / 7, 4.0 / 5], Enumerable.Range(0, 3).Select(m.F1));
        Assert.Equal((0.75 + 4.0 / 7 + 0.8) / 3, m.MacroF1, 1e-15);
        Assert.Equal(0.75, m.BalancedAccuracy, 1e-15);
        Assert.Equal(Counts, m.ToRows());
    }

    [Fact]
    public void Quadratic_kappa_is_that_worked_out_by_hand()
    {
        // Found: three neighbours confused, each weight 1. By chance, from the margins (4, 4, 2) and (4, 3, 3):
        // (0,1) 1.2, (1,0) 1.6, (1,2) 1.2, (2,1) 0.6, and with weight 4 (0,2) 1.2, (2,0) 0.8: 4.6 + 8 = 12.6.
        Assert.Equal(1 - 3 / 12.6, Make(Counts).QuadraticKappa, 1e-14);
    }

    [Fact]
    public void Kappa_is_1_for_agreement_0_for_chance_and_below_for_reversal()
    {
        Assert.Equal(1, Make([[2, 0, 0], [0, 3, 0], [0, 0, 4]]).QuadraticKappa);
        Assert.Equal(0, Make([[4, 8, 4], [2, 4, 2], [1, 2, 1]]).QuadraticKappa, 1e-14);
        Assert.Equal(-1, Make([[0, 0, 1], [0, 1, 0], [1, 0, 0]]).QuadraticKappa, 1e-14);
    }

    [Fact]
    public void A_class_that_neither_occurs_nor_is_predicted_has_no_part_in_the_mean()
    {
        ConfusionMatrix m = Make([[1, 1, 0], [0, 2, 0], [0, 0, 0]]);
        Assert.Equal((2.0 / 3 + 4.0 / 5) / 2, m.MacroF1, 1e-15);
        Assert.Equal(0.75, m.BalancedAccuracy);
        Assert.Equal(0, m.F1(2));
    }

    [Fact]
    public void Nothing_has_no_shares()
    {
        var m = new ConfusionMatrix(2);
        Assert.All([m.Accuracy, m.MacroF1, m.BalancedAccuracy, m.QuadraticKappa], value => Assert.Equal(double.NaN, value));
    }

    private static ConfusionMatrix Make(long[][] counts)
    {
        var m = new ConfusionMatrix(counts.Length);
        for (int t = 0; t < counts.Length; t++)
            for (int p = 0; p < counts.Length; p++)
                for (long i = 0; i < counts[t][p]; i++)
                    m.Add(t, p);
        return m;
    }
}
