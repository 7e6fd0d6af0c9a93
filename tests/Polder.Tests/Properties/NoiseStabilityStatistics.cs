using Polder.Methods;
using Polder.Noise;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Tests.Properties;

/// <summary>What holds in the mean over the noise: on fixed networks with fixed seeds, judged at five standard errors.</summary>
public class NoiseStabilityStatistics
{
    private const double Sigma = 0.25;

    // The reference knows no backward pass at W +- sigma U. By Stein's identity grad F(W) = E U (f(W + sigma U) - f(W - sigma U)) / 2 sigma; with
    // (g'U) U - g, whose mean is 0, taken off (g = grad f(W)), only terms of third order in U have variance.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void The_two_point_gradient_is_the_gradient_of_F_in_the_mean(uint number)
    {
        using var scope = NewDisposeScope();
        const int Draws = 20000, Steps = 1000;
        var network = new RandomNetwork(NetworkRecipe.Numbered(number));
        double[] clean = network.Gradients(new Plain(), new PhiloxNoise(0))[0];
        using var generator = new Generator(number);
        Tensor u = randn([Draws, network.Dimension], ScalarType.Float64, generator: generator), w = tensor(network.Weights), g = tensor(clean);
        Tensor difference = network.LossAt(w + (u * Sigma)).sub(network.LossAt(w - (u * Sigma))).div(2 * Sigma);
        Tensor stein = u.mul(difference.sub(u.mv(g)).unsqueeze(1)).add(g);
        Tensor found = Matrix(network.Gradients(new NoiseStability { Sigma = Sigma }, new PhiloxNoise(number), Steps));

        double[] error = StandardErrorSquared(stein).add(StandardErrorSquared(found)).sqrt().data<double>().ToArray();
        double[] expected = stein.mean([0L]).data<double>().ToArray(), mean = found.mean([0L]).data<double>().ToArray();
        double[] ownError = StandardErrorSquared(found).sqrt().data<double>().ToArray();
        for (int i = 0; i < network.Dimension; i++)
            Assert.Equal(expected[i], mean[i], (5 * error[i]) + 1e-14);
        // The test can tell the gradient of F from that of f.
        Assert.Contains(Enumerable.Range(0, network.Dimension), i => Math.Abs(mean[i] - clean[i]) > 10 * ownError[i] + 1e-6);
    }

    [Theory]
    [InlineData(5, 2)]
    [InlineData(6, 4)]
    public void The_variance_falls_as_one_over_the_number_of_pairs(uint number, int pairs)
    {
        using var scope = NewDisposeScope();
        const int Steps = 1200;
        var network = new RandomNetwork(NetworkRecipe.Numbered(number));
        var (one, oneError) = Variance(network.Gradients(new NoiseStability { Sigma = Sigma }, new PhiloxNoise(number), Steps));
        var (many, manyError) = Variance(network.Gradients(new NoiseStability { Sigma = Sigma, Pairs = pairs }, new PhiloxNoise(number + 100), Steps));
        double error = Math.Sqrt((oneError * oneError) + (pairs * pairs * manyError * manyError));
        Assert.Equal(one, pairs * many, 5 * error);
        // The test can tell 1/k from a variance that stays.
        Assert.True(5 * error < (pairs - 1) * one, $"{error} is no error to judge {one} by");
    }

    // The sum of the elements' variances, with its standard error from the squares of the single draws.
    private static (double Value, double Error) Variance(double[][] gradients)
    {
        Tensor all = Matrix(gradients);
        Tensor squares = all.sub(all.mean([0L])).pow(2).sum(1);
        return (squares.mean().ToDouble() * gradients.Length / (gradients.Length - 1), StandardErrorSquared(squares).sqrt().ToDouble());
    }

    private static Tensor StandardErrorSquared(Tensor draws) => draws.var(0).div(draws.shape[0]);

    private static Tensor Matrix(double[][] rows) => tensor([.. rows.SelectMany(row => row)], [rows.Length, rows[0].Length]);
}
