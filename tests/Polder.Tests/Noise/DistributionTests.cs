using Polder.Noise;

namespace Polder.Tests.Noise;

public class DistributionTests
{
    private const int Count = 1 << 20;

    public static TheoryData<string> Wordwise => ["laplace", "uniform", "rademacher"];

    [Theory, MemberData(nameof(Wordwise))]
    public void Vector_and_scalar_give_the_same_bits(string name)
    {
        var distribution = (WordwiseDistribution)NoiseDistribution.Named(name);
        float[] vector = new float[Philox.BlockLength], scalar = new float[Philox.BlockLength];
        for (int block = 0; block < 4096; block++)
        {
            var counter = new PhiloxCounter(block, 5, 2);
            distribution.FillVector(77, counter, vector);
            distribution.FillScalar(77, counter, scalar);
            Assert.Equal(scalar.Select(BitConverter.SingleToUInt32Bits), vector.Select(BitConverter.SingleToUInt32Bits));
        }
    }

    // Mean, variance and fourth moment within five standard errors of their exact values; m8 is the exact eighth moment.
    [Theory]
    [InlineData("normal", 3, 105)]
    [InlineData("laplace", 6, 2520)]
    [InlineData("uniform", 9.0 / 5, 9)]
    [InlineData("rademacher", 1, 1)]
    public void Moments_are_those_of_the_distribution(string name, double fourth, double eighth)
    {
        float[] values = new float[Count];
        new PhiloxNoise(3, NoiseDistribution.Named(name)).Fill(0, 0, 0, values);
        double Mean(Func<double, double> f) => values.Average(v => f(v));
        double Allowed(double variance) => (5 * Math.Sqrt(variance / Count)) + 1e-6;
        Assert.Equal(0, Mean(v => v), Allowed(1));
        Assert.Equal(1, Mean(v => v * v), Allowed(fourth - 1));
        Assert.Equal(fourth, Mean(v => v * v * v * v), Allowed(eighth - (fourth * fourth)));
    }

    // Kolmogorov and Smirnov: sqrt(n) times the largest distance exceeds 1.95 with probability 0.001.
    [Theory]
    [InlineData("laplace")]
    [InlineData("uniform")]
    public void Values_follow_the_cumulative_distribution(string name)
    {
        float[] values = new float[100_000];
        new PhiloxNoise(11, NoiseDistribution.Named(name)).Fill(4, 1, 0, values);
        Array.Sort(values);
        double Cumulative(double x) => name == "uniform"
            ? (x / Math.Sqrt(12)) + 0.5
            : x < 0 ? 0.5 * Math.Exp(x * Math.Sqrt(2)) : 1 - (0.5 * Math.Exp(-x * Math.Sqrt(2)));
        double distance = values.Select((v, i) =>
            Math.Max(Math.Abs(Cumulative(v) - ((double)i / values.Length)), Math.Abs(Cumulative(v) - ((i + 1.0) / values.Length)))).Max();
        Assert.True(Math.Sqrt(values.Length) * distance < 1.95, $"distance {distance}");
    }

    [Fact]
    public void Rademacher_values_are_signs_and_uniform_ones_stay_inside()
    {
        float[] values = new float[Count];
        new PhiloxNoise(1, NoiseDistribution.Rademacher).Fill(0, 0, 0, values);
        Assert.All(values.Distinct(), v => Assert.Equal(1, Math.Abs(v)));
        new PhiloxNoise(1, NoiseDistribution.Uniform).Fill(0, 0, 0, values);
        Assert.True(values.Max(Math.Abs) <= (float)Math.Sqrt(3));
        Assert.DoesNotContain(0f, values);
    }

    // Laplace's magnitude against double precision, from the words themselves.
    [Fact]
    public void Laplace_is_its_quantile_function()
    {
        float[] values = new float[Philox.BlockLength];
        for (int block = 0; block < 1000; block++)
        {
            var counter = new PhiloxCounter(block, 0, 0);
            NoiseDistribution.Laplace.FillBlock(9, counter, values);
            for (int lane = 0; lane < Philox.Lanes; lane++)
            {
                uint x = Philox.GenerateLane(9, counter, lane).X0;
                double expected = -Math.Log(((x << 1) + 0.5) / 4294967296.0) / Math.Sqrt(2) * ((x >> 31) == 1 ? -1 : 1);
                Assert.Equal(expected, values[lane], 1e-7 + (3e-7 * Math.Abs(expected)));
            }
        }
    }

    [Fact]
    public void An_own_distribution_comes_from_its_quantile_function()
    {
        var triangle = NoiseDistribution.FromQuantile("triangular",
            u => Math.Sqrt(6) * (u < 0.5 ? Math.Sqrt(2 * u) - 1 : 1 - Math.Sqrt(2 * (1 - u))));
        float[] values = new float[1000], tail = new float[1];
        var noise = new PhiloxNoise(5, triangle);
        noise.Fill(2, 0, 0, values);
        noise.Fill(2, 0, 777, tail);
        Assert.Equal(values[777], tail[0]);
        Assert.Equal(1, values.Average(v => v * v), 5 * Math.Sqrt(1.4 / 1000));
        Assert.True(values.Max(Math.Abs) <= Math.Sqrt(6));
        Assert.Equal("triangular", triangle.Name);
    }

    [Fact]
    public void An_unknown_name_lists_the_known_ones() =>
        Assert.Contains("normal, laplace, uniform, rademacher", Assert.Throws<ArgumentException>(() => NoiseDistribution.Named("cauchy")).Message);
}
