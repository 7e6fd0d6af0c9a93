using Polder.Curvature;
using Polder.Flatness;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Mpi.Tests;

/// <summary>A measurement that ranks share is that of one process.</summary>
public sealed class SharedLossTests
{
    private const int Batches = 3;

    public SharedLossTests() => Threads.One();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)] // two of them wait: they are no whole group
    [InlineData(7)] // two groups, with other vectors
    public void Values_are_the_same_bits_and_products_the_same_numbers_on_all_ranks(int size)
    {
        using var alone = new Problem();
        using var scope = NewDisposeScope();
        Tensor vectors = alone.Vectors(4);
        double value = alone.Loss.Value();
        Tensor gradient = alone.Loss.Gradient(), products = new Hessian(alone.Loss).Multiply(vectors);
        NoiseGapResult gap = Gap(alone.Loss);

        Problem[] problems = [.. Enumerable.Range(0, size).Select(_ => new Problem())];
        var found = ThreadRanks.Run(size, ranks =>
        {
            using var own = NewDisposeScope();
            EmpiricalLoss loss = problems[ranks.Rank].Loss.Over(ranks);
            return (Value: loss.Value(), Gradient: Numbers(loss.Gradient()), Products: Numbers(new Hessian(loss).Multiply(problems[ranks.Rank].Vectors(4))),
                Differences: Numbers(new FiniteDifferenceHessian(loss).Multiply(problems[ranks.Rank].Vectors(1))),
                Trace: new Hessian(loss).Trace(new TraceEstimationOptions { MaxProducts = 40, Seed = 1 }).Value, Gap: Gap(loss));
        });
        foreach (Problem problem in problems)
            problem.Dispose();
        Assert.All(found, rank =>
        {
            Assert.Equal(value, rank.Value);
            AssertClose(Numbers(gradient), rank.Gradient, 1e-12);
            AssertClose(Numbers(products), rank.Products, 1e-12);
            AssertClose(Numbers(products)[..rank.Differences.Length], rank.Differences, 1e-4);
            Assert.Equal(found[0].Products, rank.Products);
            Assert.Equal(found[0].Trace, rank.Trace);
            Assert.Equal(gap.Points.Select(p => p.Gap), rank.Gap.Points.Select(p => p.Gap));
        });
    }

    private static NoiseGapResult Gap(EmpiricalLoss loss) =>
        NoiseGap.Measure(loss.Space, loss, new PhiloxNoise(2), new NoiseGapOptions { Draws = 3, Sigmas = [0.01, 0.1] });

    private static double[] Numbers(Tensor tensor) => [.. tensor.detach().reshape(-1).data<double>()];

    private static void AssertClose(double[] expected, double[] found, double tolerance)
    {
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - found[i]) <= tolerance * (1 + Math.Abs(expected[i])), $"{i}: {expected[i]} and {found[i]}");
    }

    private sealed class Problem : IDisposable
    {
        private readonly nn.Module<Tensor, Tensor> _model;
        private readonly List<(Tensor, Tensor)> _data;

        public Problem()
        {
            random.manual_seed(4);
            _model = nn.Sequential(("first", nn.Linear(5, 6)), ("tanh", nn.Tanh()), ("second", nn.Linear(6, 3))).to(ScalarType.Float64);
            // The last batch is smaller: it counts by its size.
            _data = [.. Enumerable.Range(0, Batches).Select(i => (randn(9 - i, 5, ScalarType.Float64), randint(0, 3, [9 - i])))];
            Loss = EmpiricalLoss.Of(_model, _data, (outputs, labels) => nn.functional.cross_entropy(outputs, labels));
        }

        public EmpiricalLoss Loss { get; }

        public Tensor Vectors(int count)
        {
            long d = Loss.Space.Dimension;
            return arange(count * d, ScalarType.Float64).sin().reshape(count, d);
        }

        public void Dispose()
        {
            _model.Dispose();
            foreach ((Tensor inputs, Tensor labels) in _data)
            {
                inputs.Dispose();
                labels.Dispose();
            }
        }
    }
}
