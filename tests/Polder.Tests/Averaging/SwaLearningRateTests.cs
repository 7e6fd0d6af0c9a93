using Polder.Averaging;

namespace Polder.Tests.Averaging;

public class SwaLearningRateTests
{
    [Fact]
    public void An_annealed_rate_goes_from_the_schedule_to_the_constant_rate_by_half_a_cosine()
    {
        SwaLearningRate rate = SwaLearningRate.Annealed(0.02, start: 10, length: 4);
        static double Before(long step) => 0.1 - (0.001 * step);
        Assert.Equal(Before(9), rate.At(9, Before));
        Assert.Equal(0.09, rate.At(10, Before), 1e-15);
        Assert.Equal((0.09 + 0.02) / 2, rate.At(12, Before), 1e-15);
        Assert.Equal(0.02, rate.At(14, Before));
        Assert.Equal(0.02, rate.At(1000, Before));
    }

    [Fact]
    public void A_cyclic_rate_ends_every_cycle_at_the_low_rate()
    {
        SwaLearningRate rate = SwaLearningRate.Cyclic(0.05, 0.01, start: 3, length: 4);
        double[] cycle = [0.04, 0.03, 0.02, 0.01];
        for (int i = 0; i < 8; i++)
            Assert.Equal(cycle[i % 4], rate.At(3 + i, _ => 1), 1e-15);
        Assert.Equal(1, rate.At(2, _ => 1));
    }

    [Fact]
    public void Numbers_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => SwaLearningRate.Annealed(0, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => SwaLearningRate.Annealed(0.1, -1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => SwaLearningRate.Cyclic(0.01, 0.02, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => SwaLearningRate.Cyclic(0.02, 0.01, 0, 0));
    }
}
