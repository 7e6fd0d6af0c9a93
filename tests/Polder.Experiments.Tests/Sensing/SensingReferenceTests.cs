using Polder.Checkpoints;
using Polder.Experiments.Sensing;
using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using Polder.Parameters;
using Polder.Testing;
using TorchSharp;

namespace Polder.Experiments.Tests.Sensing;

/// <summary>Numbers of an independent program (d = 20, n = 200, float64; its f is (1/2n) sum r^2 and its A_i are not symmetric).</summary>
public class SensingReferenceTests
{
    private const double Tolerance = 1e-10;

    [Fact]
    public void Loss_and_gradient_at_the_start_are_the_references()
    {
        SensingProblem problem = Load();
        using var weights = problem.CreateStart();
        ParameterSpace space = ParameterSpace.Of([weights]);
        using ParameterVector gradient = space.CreateVector();
        double loss = problem.Accumulate(space, gradient, 1);
        Assert.Equal(1.0965331653273616, loss, Tolerance);
        AssertClose(Read("grad0"), gradient.Blocks[0]);
    }

    [Fact]
    public void Hessian_at_the_start_is_the_references()
    {
        SensingProblem problem = Load();
        using var weights = problem.CreateStart();
        double[] hessian = Read("hessian0");
        for (int column = 0; column < 400; column++)
        {
            using var unit = torch.zeros(20, 20, torch.ScalarType.Float64);
            unit[column / 20, column % 20] = torch.tensor(1.0, torch.ScalarType.Float64);
            using var product = problem.HessianVectorProduct(weights, unit);
            AssertClose(hessian[(column * 400)..((column + 1) * 400)], product);
        }
    }

    [Theory]
    [InlineData("gd")]
    [InlineData("wp")]
    [InlineData("nso")]
    public void Five_steps_are_the_references(string name)
    {
        SensingProblem problem = Load();
        double[] z = Read("Z"), expected = Read(name);
        var noise = new double[5, 1, 400];
        Buffer.BlockCopy(z, 0, noise, 0, z.Length * sizeof(double));
        IGradientMethod method = name switch
        {
            "gd" => new Plain(),
            "wp" => new WeightPerturbation { Sigma = 0.02 },
            _ => new NoiseStability { Sigma = 0.02 },
        };
        using var weights = problem.CreateStart();
        using var optimizer = new FlatMinimaOptimizer(
            torch.optim.SGD([weights], 0.05), method, noise: new FixedNoise(noise))
        { Runner = new SensingProbeRunner() };
        for (int step = 1; step <= 5; step++)
        {
            optimizer.Step(problem);
            AssertClose(expected[(step * 400)..((step + 1) * 400)], weights);
        }
    }

    private static SensingProblem Load() => SensingProblem.FromArrays(Read("A"), Read("y"), Read("Xstar"), Read("W0"), lossScale: 0.5);

    private static double[] Read(string name) => Npy.Read(SharedFiles.Require("reference", "sensing", name + ".npy")).ToDoubles();

    private static void AssertClose(double[] expected, torch.Tensor actual)
    {
        double[] found = actual.data<double>().ToArray();
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < found.Length; i++)
            Assert.Equal(expected[i], found[i], Tolerance);
    }
}
