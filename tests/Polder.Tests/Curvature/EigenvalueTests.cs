using Polder.Curvature;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Tests.Curvature;

/// <summary>Eigenvalues of matrices whose spectrum is known.</summary>
public class EigenvalueTests
{
    private static readonly EigenOptions Tight = new() { Tolerance = 1e-8 };

    [Theory, InlineData(null), InlineData(12)]
    public void Both_ends_of_an_indefinite_spectrum_are_found_with_and_without_restarts(int? subspace)
    {
        using var scope = NewDisposeScope();
        double[] eigenvalues = [9, 7, 6.5, .. Enumerable.Range(0, 190).Select(i => 4 - (0.04 * i)), -5, -5.5, -8];
        DenseOperator a = Spectrum.Operator(eigenvalues);
        using Eigenpairs pairs = a.FindEigenvalues(Tight with { Top = 3, Bottom = 2, SubspaceSize = subspace, MaxProducts = 2000 });
        Assert.Equal(EigenExit.Converged, pairs.Exit);
        Close([9, 7, 6.5], pairs.Top, 1e-9);
        Close([-8, -5.5], pairs.Bottom, 1e-9);
        Assert.All(pairs.Pairs, p => Assert.True(p is { Converged: true, Residual: < 1e-7 }));
        Tensor vectors = pairs.Vectors;
        Assert.True(vectors.mm(vectors.t()).sub(eye(5, dtype: ScalarType.Float64)).abs().max().ToDouble() < 1e-10);
        Tensor residual = a.Multiply(vectors).sub(vectors.mul(tensor(pairs.Pairs.Select(p => p.Value).ToArray()).unsqueeze(1)));
        Assert.True(residual.abs().max().ToDouble() < 1e-7);
        Assert.InRange(pairs.Products, 10, subspace is null ? 100 : 1000);
    }

    [Fact]
    public void The_largest_magnitude_may_be_negative()
    {
        using var scope = NewDisposeScope();
        DenseOperator a = Spectrum.Operator([6, 5, .. Spectrum.Flat(100), -7, -5.5]);
        using Eigenpairs pairs = a.LargestEigenvalues(3, Tight);
        Close([-7, 6, -5.5], pairs.Top, 1e-9);
        using Eigenpairs power = a.PowerIteration(new EigenOptions { Tolerance = 1e-6, MaxProducts = 5000 });
        Close([-7], power.Top, 1e-9);
        Assert.True(power.Products > 2 * pairs.Products);
    }

    [Fact]
    public void Repeated_eigenvalues_are_found_as_often_as_they_are_there()
    {
        using var scope = NewDisposeScope();
        DenseOperator identity = Spectrum.Operator([.. Enumerable.Repeat(2.0, 30)]);
        using Eigenpairs same = identity.TopEigenvalues(3, Tight);
        Close([2, 2, 2], same.Top, 1e-12);
        DenseOperator rank = Spectrum.Operator([5, 5, 1, .. new double[47]]);
        using Eigenpairs found = rank.TopEigenvalues(4, Tight with { MaxProducts = 50 });
        Close([5, 5, 1, 0], found.Top, 1e-9);
        using Eigenpairs zero = new DenseOperator(zeros(9, 9, ScalarType.Float64)).TopEigenvalues(2);
        Close([0, 0], zero.Top, 1e-15);
        using Eigenpairs all = Spectrum.Operator([3, 2, 1]).TopEigenvalues(3);
        Assert.Equal(EigenExit.Exact, all.Exit);
        Close([3, 2, 1], all.Top, 1e-12);
        using Eigenpairs one = new DenseOperator(tensor(new[,] { { -4.0 } })).BottomEigenvalues(1);
        Close([-4], one.Bottom, 1e-15);
    }

    [Fact]
    public void A_budget_that_is_too_small_says_so_and_its_residual_bounds_the_error()
    {
        using var scope = NewDisposeScope();
        double[] eigenvalues = Spectrum.Flat(400);
        DenseOperator a = Spectrum.Operator(eigenvalues);
        using Eigenpairs pairs = a.TopEigenvalues(2, Tight with { MaxProducts = 15 });
        Assert.Equal((EigenExit.Budget, 15L), (pairs.Exit, pairs.Products));
        Assert.All(pairs.Top, p => Assert.True(!p.Converged && eigenvalues.Min(e => Math.Abs(e - p.Value)) <= p.Residual));
    }

    [Fact]
    public void Float32_reaches_its_own_precision()
    {
        using var scope = NewDisposeScope();
        using Eigenpairs pairs = Spectrum.Operator(Spectrum.Outliers(300), type: ScalarType.Float32).TopEigenvalues(5, new EigenOptions { Tolerance = 1e-5 });
        Assert.Equal(EigenExit.Converged, pairs.Exit);
        Close([40, 12, 9, 7, 5], pairs.Top, 1e-4);
    }

    [Fact]
    public void Composed_operators_have_the_spectrum_of_the_composition()
    {
        using var scope = NewDisposeScope();
        DenseOperator a = Spectrum.Operator([.. Spectrum.Outliers(60)]), b = Spectrum.Operator(Spectrum.Flat(60), seed: 2);
        Tensor A = a.ToDense(7), B = b.ToDense();
        void Same(Tensor expected, ILinearOperator composed) => Assert.True(composed.ToDense().sub(expected).abs().max().ToDouble() < 1e-12);
        Same(A.mul(-2).add(B).add(eye(60, dtype: ScalarType.Float64).mul(3)), a.Scaled(-2).Plus(b).Shifted(3));
        Same(A.narrow(0, 10, 20).narrow(1, 10, 20), a.Block(10, 20));
        using Eigenpairs top = a.TopEigenvalues(2, Tight);
        ILinearOperator rest = a.Without(top.Vectors);
        using Eigenpairs next = rest.TopEigenvalues(2, Tight);
        Close([9, 7], next.Top, 1e-8);
        Assert.Throws<ArgumentException>(() => a.Plus(Spectrum.Operator([1, 2])));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Block(50, 11));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Scaled(double.NaN));
        Assert.Throws<ArgumentException>(() => a.Without(ones(1, 59, ScalarType.Float64)));
    }

    [Fact]
    public void The_sum_of_layer_quotients_is_no_eigenvalue()
    {
        using var scope = NewDisposeScope();
        // Two layers that do not interact: the sum is that of their largest eigenvalues.
        Tensor matrix = zeros(40, 40, ScalarType.Float64);
        matrix.narrow(0, 0, 15).narrow(1, 0, 15).copy_(Spectrum.Matrix([4, .. Enumerable.Repeat(0.1, 14)]));
        matrix.narrow(0, 15, 25).narrow(1, 15, 25).copy_(Spectrum.Matrix([3, .. Enumerable.Repeat(0.1, 24)]));
        var a = new DenseOperator(matrix);
        Assert.Equal(7, a.SumOfLayerRayleighQuotients([new("first", 0, 15), new("second", 15, 25)], tolerance: 1e-9), 1e-4);
        using Eigenpairs top = a.TopEigenvalues(1, Tight);
        Close([4], top.Top, 1e-9);
    }

    [Fact]
    public void The_density_integrates_to_one_and_its_sums_hold_the_truth()
    {
        using var scope = NewDisposeScope();
        double[] eigenvalues = Spectrum.Outliers(300);
        DenseOperator a = Spectrum.Operator(eigenvalues);
        SpectralDensity density = SpectralDensity.Of(a, new DensityOptions { Probes = 20, Steps = 30 });
        double step = density.Points[1] - density.Points[0];
        Assert.Equal(1, density.Density.Sum() * step, 1e-3);
        Assert.Equal(600, density.Products);
        void Holds(double truth, Estimate estimate) =>
            Assert.InRange(truth, estimate.Value - (4 * estimate.StandardError), estimate.Value + (4 * estimate.StandardError));
        Holds(eigenvalues.Sum(), density.SumOver(x => x));
        Holds(eigenvalues.Sum(x => x / (x + 0.5)), density.EffectiveDimension(0.5));
        // The bulk holds 288 of 300 eigenvalues, between 0.02 and 0.062.
        Holds(288, density.SumOver(x => x < 0.5 ? 1 : 0));
        double[] flat = Spectrum.Flat(300);
        SpectralDensity wide = SpectralDensity.Of(Spectrum.Operator(flat), new DensityOptions { Probes = 20, Steps = 30, Seed = 1 });
        Holds(flat.Sum(), wide.SumOver(x => x));
        Holds(flat.Sum(x => x * x), wide.SumOver(x => x * x));
        Assert.Throws<ArgumentOutOfRangeException>(() => density.EffectiveDimension(0));
    }

    [Fact]
    public void Searches_out_of_range_are_refused_and_a_stop_keeps_what_is_known()
    {
        using var scope = NewDisposeScope();
        DenseOperator a = Spectrum.Operator(Spectrum.Flat(300));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.TopEigenvalues(301));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.TopEigenvalues(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.FindEigenvalues(new EigenOptions { Top = 1, LargestMagnitude = 1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.TopEigenvalues(1, new EigenOptions { Tolerance = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.TopEigenvalues(2, new EigenOptions { SubspaceSize = 4 }));
        Assert.Contains("for Top = 3", Assert.Throws<ArgumentException>(() => a.TopEigenvalues(5, new EigenOptions { Top = 3 })).Message);
        Assert.Contains("for Bottom = 1", Assert.Throws<ArgumentException>(() => a.TopEigenvalues(1, new EigenOptions { Bottom = 1 })).Message);
        using var stop = new CancellationTokenSource();
        using Eigenpairs pairs = a.TopEigenvalues(2, Tight with { Progress = new StopAfter(5, stop) }, stop.Token);
        Assert.Equal((EigenExit.Cancelled, 5L), (pairs.Exit, pairs.Products));
        Assert.Throws<OperationCanceledException>(() => a.TopEigenvalues(1, null, stop.Token));
    }

    private static void Close(double[] expected, IReadOnlyList<Eigenpair> actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Count);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i].Value, tolerance * Math.Max(1, Math.Abs(expected[i])));
    }

    private sealed class StopAfter(int products, CancellationTokenSource source) : IProgress<EigenProgress>
    {
        public void Report(EigenProgress value)
        {
            if (value.Products == products)
                source.Cancel();
        }
    }
}
