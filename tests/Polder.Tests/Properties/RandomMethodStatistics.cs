using Polder.Methods;
using Polder.Noise;
using static TorchSharp.torch;

namespace Polder.Tests.Properties;

/// <summary>
/// What the methods with noise other than NSO come to in the mean: their definitions, evaluated at many points at once with torch's own generator; on fixed
/// networks with fixed seeds, judged at five standard errors.
/// </summary>
public class RandomMethodStatistics
{
    private const double Sigma = 0.25, Rho = 0.3, Lambda = 0.5;
    private const int Draws = 10000, Steps = 1000;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(4, 2)]
    public void One_point_noise_is_unbiased_for_the_gradient_of_F(uint number, int draws) => AssertMean(
        number, new WeightPerturbation { Sigma = Sigma, Draws = draws }, (network, weights, noise) => Gradient(network, weights + (noise * Sigma)));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Random_SAM_has_the_mean_of_its_definition(uint number) => AssertMean(
        number,
        new RandomSharpnessAware { Sigma = Sigma, Rho = Rho, GradientWeight = Lambda, FilterNormalize = false },
        (network, weights, noise) =>
        {
            Tensor start = noise * Sigma, direction = start + (Gradient(network, weights + start) * Lambda);
            return Gradient(network, weights + (direction / direction.norm(1, keepdim: true) * Rho));
        });

    private static void AssertMean(uint number, IGradientMethod method, Func<RandomNetwork, Tensor, Tensor, Tensor> definition)
    {
        using var scope = NewDisposeScope();
        var network = new RandomNetwork(NetworkRecipe.Numbered(number));
        using var generator = new Generator(number + 50);
        Tensor defined = definition(network, tensor(network.Weights), randn([Draws, network.Dimension], ScalarType.Float64, generator: generator));
        double[][] rows = network.Gradients(method, new PhiloxNoise(number), Steps);
        Tensor found = tensor([.. rows.SelectMany(row => row)], [Steps, network.Dimension]);
        double[] clean = network.Gradients(new Plain(), new PhiloxNoise(0))[0];

        double[] expected = Values(defined.mean([0L])), mean = Values(found.mean([0L]));
        double[] foundError = Values((found.var(0) / Steps).sqrt()), error = Values(((defined.var(0) / Draws) + (found.var(0) / Steps)).sqrt());
        for (int i = 0; i < network.Dimension; i++)
            Assert.Equal(expected[i], mean[i], (5 * error[i]) + 1e-14);
        // The test can tell the mean from the gradient at W.
        Assert.Contains(Enumerable.Range(0, network.Dimension), i => Math.Abs(mean[i] - clean[i]) > 10 * foundError[i]);
    }

    // The points do not know of each other, so the gradient of the sum of their losses has each one's gradient in its row.
    private static Tensor Gradient(RandomNetwork network, Tensor points)
    {
        Tensor leaf = points.detach().requires_grad_();
        return autograd.grad([network.LossAt(leaf).sum()], [leaf])[0];
    }

    private static double[] Values(Tensor tensor) => tensor.data<double>().ToArray();
}
