using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using Polder.Parameters;
using static TorchSharp.torch;

namespace Polder.Tests.Noise;

/// <summary>A stream is a function of (step, draw, element), however it is asked.</summary>
public class NoiseStreamTests
{
    public static TheoryData<string> Streams => ["normal", "laplace", "uniform", "rademacher", "fixed"];

    [Theory, MemberData(nameof(Streams))]
    public void Any_offset_and_length_give_the_same_elements(string name)
    {
        NoiseStream noise = Make(name);
        float[] whole = new float[1500];
        noise.Fill(1, 2, 0, whole);
        var random = new Random(4);
        for (int i = 0; i < 500; i++)
        {
            int offset = random.Next(whole.Length), length = random.Next(whole.Length - offset + 1);
            float[] part = new float[length];
            noise.Fill(1, 2, offset, part);
            Assert.True(part.AsSpan().SequenceEqual(whole.AsSpan(offset, length)), $"offset {offset}, length {length}");
        }
    }

    [Theory]
    [InlineData("normal")]
    [InlineData("laplace")]
    [InlineData("uniform")]
    [InlineData("rademacher")]
    public void Double_precision_is_the_same_numbers_widened(string name)
    {
        NoiseStream noise = Make(name);
        foreach (int offset in new[] { 0, 1, 63, 777 })
        {
            float[] single = new float[700];
            double[] wide = new double[700];
            noise.Fill(3, 1, offset, single);
            noise.Fill(3, 1, offset, wide);
            Assert.Equal(single.Select(v => (double)v), wide);
        }
    }

    [Fact]
    public void Elements_beyond_32_bits_have_their_own_numbers()
    {
        float[] low = new float[64], high = new float[64];
        var noise = new PhiloxNoise(1);
        noise.Fill(0, 0, 128, low);
        noise.Fill(0, 0, (1L << 34) + 128, high);
        Assert.Empty(low.Intersect(high));
    }

    [Fact]
    public void A_negative_index_is_refused()
    {
        var noise = new PhiloxNoise(1);
        Assert.Throws<ArgumentOutOfRangeException>("step", () => noise.Fill(-1, 0, 0, new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>("draw", () => noise.Fill(0, -1, 0, new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>("offset", () => noise.Fill(0, 0, -1, new float[1]));
    }

    [Fact]
    public void Fixed_noise_gives_its_numbers_unrounded_and_keeps_a_copy()
    {
        double[,,] values = { { { 0.1, 0.2, 0.3 }, { 1, 2, 3 } }, { { 4, 5, 6 }, { 7, 8, 1.0 / 3 } } };
        var noise = new FixedNoise(values);
        values[1, 1, 2] = -1;
        double[] wide = new double[2];
        noise.Fill(1, 1, 1, wide);
        Assert.Equal([8, 1.0 / 3], wide);
        float[] single = new float[1];
        noise.Fill(0, 0, 2, single);
        Assert.Equal([0.3f], single);
    }

    [Fact]
    public void Fixed_noise_says_what_it_has_not()
    {
        var noise = new FixedNoise(new double[2, 3, 4]);
        Assert.Contains("2 steps", Assert.Throws<ArgumentOutOfRangeException>("step", () => noise.Fill(2, 0, 0, new float[1])).Message);
        Assert.Contains("3 draws", Assert.Throws<ArgumentOutOfRangeException>("draw", () => noise.Fill(0, 3, 0, new double[1])).Message);
        Assert.Contains("4 elements", Assert.Throws<ArgumentOutOfRangeException>("offset", () => noise.Fill(0, 0, 2, new float[3])).Message);
    }

    [Theory]
    [InlineData(90), InlineData(80), InlineData(1)]
    public void Fixed_noise_of_another_length_than_the_weights_is_refused_with_both_numbers(int elements)
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(nn.Linear(7, 10), nn.Linear(3, 1, hasBias: false));
        var noise = new FixedNoise(new double[2, 1, elements]);
        string words = $"the noise has {elements} elements a draw and the trainable parameters have 83";
        IGradientMethod method = new NoiseStability { Shape = new NoiseShape { Scale = NoiseScale.LayerRelative } };
        Assert.Contains(words, Assert.Throws<ArgumentException>(() =>
            new FlatMinimaOptimizer(optim.SGD(model.parameters(), 0.1), method, model, noise)).Message);
        ParameterSpace space = ParameterSpace.Of(model.parameters());
        using ParameterVector vector = space.CreateVector();
        Assert.Contains(words, Assert.Throws<ArgumentException>(() => space.Materialize(noise, 0, 0, vector)).Message);
        Assert.Contains(words, Assert.Throws<ArgumentException>(() => space.MoveTo(vector, noise, 0, 0, 1)).Message);
    }

    [Fact]
    public void Fixed_noise_that_no_longer_fits_is_refused_when_a_parameter_is_frozen()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Linear(7, 10);
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(model.parameters(), 0.1), new NoiseStability(), model, new FixedNoise(new double[2, 1, 80]));
        model.bias!.requires_grad = false;
        string message = Assert.Throws<ArgumentException>(() => optimizer.Step(() => model.call(ones(1, 7)).sum())).Message;
        Assert.Contains("the noise has 80 elements a draw and the trainable parameters have 70", message);
    }

    private static NoiseStream Make(string name)
    {
        if (name != "fixed")
            return new PhiloxNoise(17, NoiseDistribution.Named(name));
        double[,,] values = new double[4, 3, 1500];
        for (int i = 0; i < 1500; i++)
            values[1, 2, i] = Math.Sin(i);
        return new FixedNoise(values);
    }
}
