using Polder.Noise;

namespace Polder.Tests.Noise;

public class NormalNoiseTests
{
    private const int Count = 1 << 20;

    [Fact]
    public void Vector_and_scalar_give_the_same_bits()
    {
        float[] vector = new float[Philox.BlockLength], scalar = new float[Philox.BlockLength];
        for (int block = 0; block < 16384; block++)
        {
            var counter = new PhiloxCounter(block, 3, 1);
            NormalDistribution.FillVector(99, counter, vector);
            NormalDistribution.FillScalar(99, counter, scalar);
            Assert.True(scalar.AsSpan().SequenceEqual(vector), $"block {block}");
        }
    }

    // Box and Muller's transform of the same words in double precision. The bound is the one that the documentation gives.
    [Fact]
    public void Values_are_those_of_double_precision_to_the_documented_bound()
    {
        float[] values = new float[Philox.BlockLength];
        for (int block = 0; block < 16384; block++)
        {
            var counter = new PhiloxCounter(block, 1, 0);
            NoiseDistribution.Normal.FillBlock(7, counter, values);
            for (int lane = 0; lane < Philox.Lanes; lane++)
            {
                var (x0, x1, x2, x3) = Philox.GenerateLane(7, counter, lane);
                Check(x0, x1, values[lane], values[lane + 16]);
                Check(x2, x3, values[lane + 32], values[lane + 48]);
            }
        }

        static void Check(uint radius, uint angle, float cos, float sin)
        {
            double r = Math.Sqrt(-2 * Math.Log((radius + 0.5) / 4294967296.0));
            double turn = angle / 4294967296.0 * 2 * Math.PI;
            double error = Math.Max(Math.Abs((r * Math.Cos(turn)) - cos), Math.Abs((r * Math.Sin(turn)) - sin));
            Assert.True(error < 6e-7 + (Math.Pow(2, -24) / r), $"error {error} at radius {r}");
        }
    }

    // Mean, variance, skewness, kurtosis within five standard errors: var(z^m) = E z^2m - (E z^m)^2.
    [Theory]
    [InlineData(1, 0, 1)]
    [InlineData(2, 1, 3)]
    [InlineData(3, 0, 15)]
    [InlineData(4, 3, 105)]
    public void Moments_are_the_normals(int order, double moment, double doubled)
    {
        float[] values = Draw();
        Assert.Equal(moment, values.Average(z => Math.Pow(z, order)), 5 * Math.Sqrt((doubled - (moment * moment)) / Count));
    }

    // P(|z| > t) of the normal distribution, as counts within five standard deviations.
    [Theory]
    [InlineData(1, 0.31731050786291410)]
    [InlineData(2, 0.04550026389635841)]
    [InlineData(3, 0.002699796063260190)]
    [InlineData(4, 6.334248366623996e-5)]
    public void Tails_are_the_normals(double threshold, double probability)
    {
        int beyond = Draw().Count(z => Math.Abs(z) > threshold);
        Assert.Equal(Count * probability, beyond, 5 * Math.Sqrt(Count * probability));
    }

    [Fact]
    public void No_value_is_beyond_the_largest_that_the_words_can_give()
    {
        float[] values = Draw();
        Assert.All([values.Max(), -values.Min()], z => Assert.InRange(z, 4.2f, 6.67f));
    }

    [Fact]
    public void Elements_draws_steps_and_seeds_are_uncorrelated()
    {
        float[] values = Draw(), step = Draw(step: 1), draw = Draw(draw: 1), seed = Draw(seed: 43);
        double limit = 5 / Math.Sqrt(Count);
        foreach (int lag in new[] { 1, 2, 16, 32, 48, 64, 1024 })
            Assert.Equal(0, values.Skip(lag).Zip(values, (a, b) => (double)a * b).Average(), 1.1 * limit);
        foreach (float[] other in new[] { step, draw, seed })
            Assert.Equal(0, values.Zip(other, (a, b) => (double)a * b).Average(), limit);
    }

    private static float[] Draw(long step = 0, int draw = 0, long seed = 42)
    {
        float[] values = new float[Count];
        new PhiloxNoise(seed).Fill(step, draw, 0, values);
        return values;
    }
}
