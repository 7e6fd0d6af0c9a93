using Polder.Benchmarks.Studies;
using Polder.Curvature;
using static TorchSharp.torch;

namespace Polder.Experiments.Tests.Studies;

/// <summary>Counts of products on a matrix whose spectrum is known.</summary>
public class ProductCountsTests
{
    private static readonly double[] Asked = [0.1, 0.005];

    [Theory]
    [InlineData(TraceEstimator.Hutchinson)]
    [InlineData(TraceEstimator.HutchPlusPlus)]
    [InlineData(TraceEstimator.XTrace)]
    [InlineData(TraceEstimator.Auto)]
    public void A_count_is_that_of_a_run_of_its_own(TraceEstimator estimator)
    {
        using var scope = NewDisposeScope();
        DenseOperator matrix = Matrix();
        IReadOnlyList<TraceCost> costs = ProductCounts.OfTrace(matrix, estimator, Asked, seed: 3, maxProducts: 2000);
        for (int i = 0; i < Asked.Length; i++)
        {
            TraceEstimate alone = matrix.Trace(new TraceEstimationOptions { Estimator = estimator, RelativeError = Asked[i], MaxProducts = 2000, Seed = 3 });
            Assert.Equal(new TraceCost(Asked[i], alone.Products, alone.Value, alone.StandardError, true), costs[i]);
            Assert.Equal(alone.Products, costs[i].ProductsToGo);
        }
        Assert.True(costs[0].Products < costs[1].Products);
    }

    [Fact]
    public void A_run_that_is_cut_short_says_so_and_its_error_says_how_far_it_was()
    {
        using var scope = NewDisposeScope();
        TraceCost cost = ProductCounts.OfTrace(Matrix(), TraceEstimator.Hutchinson, [0.01], seed: 0, maxProducts: 50)[0];
        Assert.False(cost.Reached);
        Assert.Equal(50, cost.Products);
        Assert.Equal(50 * Math.Pow(cost.StandardError / (0.01 * cost.Value), 2), cost.ProductsToGo, 1e-9);
    }

    [Fact]
    public void The_first_eigenvalue_is_counted_by_its_true_error()
    {
        using var scope = NewDisposeScope();
        DenseOperator matrix = Matrix();
        IReadOnlyList<EigenvalueCost> lanczos = ProductCounts.OfFirstEigenvalue(matrix, EigenvalueSearch.Lanczos, 10, [1e-3, 1e-6], 0, 500);
        IReadOnlyList<EigenvalueCost> power = ProductCounts.OfFirstEigenvalue(matrix, EigenvalueSearch.PowerIteration, 10, [1e-3, 1e-6], 0, 500);
        foreach (EigenvalueCost cost in lanczos.Concat(power))
            Assert.True(cost is { Products: > 1, OwnProducts: > 1, OwnError: not null });
        Assert.True(5 * lanczos[1].Products < power[1].Products, $"{lanczos[1]} against {power[1]}");
        // The value of so many products is within the error, of one fewer not.
        double Error(long products)
        {
            using Eigenpairs pairs = matrix.PowerIteration(new EigenOptions { Tolerance = 1e-12, MaxProducts = (int)products });
            return Math.Abs(pairs.Top[0].Value - 10) / 10;
        }
        Assert.True(Error(power[1].Products!.Value) <= 1e-6 && Error(power[1].Products!.Value - 1) > 1e-6);
        Assert.Null(ProductCounts.OfFirstEigenvalue(matrix, EigenvalueSearch.PowerIteration, 10, [1e-9], 0, 20)[0].Products);
    }

    [Fact]
    public void Products_at_an_error_lie_on_the_line_between_what_was_measured()
    {
        (double, double)[] measured = [(20, 0.08), (80, 0.04), (320, 0.02)];
        Assert.Equal(20, ProductCounts.AtError(measured, 0.1));
        Assert.Equal(80, ProductCounts.AtError(measured, 0.04), 1e-9);
        Assert.Equal(160, ProductCounts.AtError(measured, 0.04 / Math.Sqrt(2)), 1e-9);
        Assert.Equal(1280, ProductCounts.AtError(measured, 0.01), 1e-9);
    }

    // The second eigenvalue is near the first, so power iteration is slow; the tail makes every estimator of the trace sample.
    private static DenseOperator Matrix()
    {
        double[] eigenvalues = [10, 9.5, 9, .. Enumerable.Range(0, 197).Select(i => 0.1 + (i * 0.01))];
        (Tensor q, _) = linalg.qr(randn([eigenvalues.Length, eigenvalues.Length], ScalarType.Float64, generator: new Generator(2)));
        Tensor matrix = q.mul(tensor(eigenvalues)).mm(q.t());
        return new DenseOperator(matrix.add(matrix.t()).mul(0.5));
    }
}
