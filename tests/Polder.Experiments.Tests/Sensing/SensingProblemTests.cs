using Polder.Experiments.Sensing;
using Polder.Methods;
using Polder.Optimization;
using Polder.Parameters;
using Polder.Probes;
using TorchSharp;

namespace Polder.Experiments.Tests.Sensing;

public class SensingProblemTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 3)]
    [InlineData(17, 43)]
    [InlineData(33, 70)]
    public void Loss_and_gradient_equal_the_dense_form(int d, int n)
    {
        var random = new Random(d);
        double[] a = Gaussian(random, n * d * d), y = Gaussian(random, n), x = Gaussian(random, d * d), start = Gaussian(random, d * d);
        SensingProblem problem = SensingProblem.FromArrays(a, y, x, start);
        using var weights = problem.CreateStart();
        ParameterSpace space = ParameterSpace.Of([weights]);
        using ParameterVector gradient = space.CreateVector();
        double loss = problem.Accumulate(space, gradient, 1);

        using var scope = torch.NewDisposeScope();
        var dense = torch.tensor(a, [n, d, d]);
        dense = (dense + dense.transpose(1, 2)) / 2;
        var r = (dense * weights.detach().matmul(weights.detach().T)).sum([1L, 2L]) - torch.tensor(y);
        var expected = torch.einsum("n,nij->ij", r, dense).matmul(weights.detach()) / n;
        double expectedLoss = r.square().sum().item<double>() / (4 * n);
        Assert.Equal(expectedLoss, loss, 1e-12 * (1 + expectedLoss));
        Assert.True((expected - gradient.Blocks[0]).abs().max().item<double>() <= 1e-12 * (1 + expected.abs().max().item<double>()));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(20)]
    public void One_pass_equals_one_probe_after_another(int pairs)
    {
        SensingProblem problem = SensingProblem.Generate(13, 2, 60, seed: 3, dataType: torch.ScalarType.Float64);
        double[] together = Steps(problem, new NoiseStability { Sigma = 0.1, Pairs = pairs, CleanWeight = 0.25 }, new SensingProbeRunner());
        double[] apart = Steps(problem, new NoiseStability { Sigma = 0.1, Pairs = pairs, CleanWeight = 0.25 }, new SequentialProbeRunner());
        for (int i = 0; i < together.Length; i++)
            Assert.Equal(apart[i], together[i], 1e-12);
    }

    [Theory]
    [InlineData(torch.ScalarType.Float32)]
    [InlineData(torch.ScalarType.Float64)]
    public void The_number_of_threads_does_not_change_a_bit(torch.ScalarType type)
    {
        SensingMetrics one = Final(1), two = Final(2);
        Assert.Equal(one, two);

        SensingMetrics Final(int threads) => SensingStudy.Run(new SensingOptions
        {
            Dimension = 19,
            Rank = 2,
            Steps = 20,
            DataType = type,
            Threads = threads,
            Methods = [new("nso", new NoiseStability { Sigma = 0.05, Pairs = 3 })],
        })[0].Final;
    }

    [Fact]
    public void Every_vector_width_gives_the_scalar_result()
    {
        Compare<float>(2e-5);
        Compare<double>(1e-13);

        static unsafe void Compare<T>(double tolerance)
            where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
        {
            const int D = 21, N = 50;
            var random = new Random(1);
            Measurements<T> set = Measurements<T>.FromDense(Gaussian(random, N * D * D), Gaussian(random, N), D);
            double[] u = Gaussian(random, 5 * D * D);
            var kernels = SensingKernel<T>.Supported();
            (double[] Squares, double[] Results) scalar = Evaluate(kernels[^1]);
            foreach (SensingKernel<T> kernel in kernels)
            {
                (double[] squares, double[] results) = Evaluate(kernel);
                for (int i = 0; i < squares.Length; i++)
                    Assert.Equal(scalar.Squares[i], squares[i], tolerance * scalar.Squares.Max());
                double largest = scalar.Results.Max(Math.Abs);
                for (int i = 0; i < results.Length; i++)
                    Assert.Equal(scalar.Results[i], results[i], tolerance * largest);
            }

            (double[] Squares, double[] Results) Evaluate(SensingKernel<T> kernel)
            {
                var engine = new SensingEngine<T>(set, 2, kernel);
                engine.Reserve(5);
                for (int i = 0; i < u.Length; i++)
                    engine.Weights(i / (D * D))[(i / D % D * engine.Pitch) + (i % D)] = T.CreateTruncating(u[i]);
                double[] squares = new double[5], results = new double[u.Length];
                engine.Evaluate(5, true, squares);
                for (int i = 0; i < u.Length; i++)
                    results[i] = double.CreateTruncating(engine.Result(i / (D * D))[(i / D % D * engine.Pitch) + (i % D)]);
                return (squares, results);
            }
        }
    }

    private static double[] Steps(SensingProblem problem, IGradientMethod method, IProbeRunner runner)
    {
        using var weights = problem.CreateStart();
        using var optimizer = new FlatMinimaOptimizer(torch.optim.SGD([weights], 0.002), method, seed: 5) { Runner = runner };
        for (int step = 0; step < 4; step++)
            optimizer.Step(problem);
        return weights.data<double>().ToArray();
    }

    private static double[] Gaussian(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))];
}
