using Polder.Curvature;
using Polder.Noise;
using Polder.Parameters;
using Polder.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Tests.Curvature;

/// <summary>Estimators of the trace: unbiased, and errors that are true over many seeds.</summary>
public class TraceTests
{
    private const int Seeds = 200, Dimension = 160;

    private static double[] SpectrumOf(string name) => name == "flat" ? Spectrum.Flat(Dimension) : Spectrum.Outliers(Dimension);

    [Theory]
    [InlineData("flat", TraceEstimator.Hutchinson, 30)]
    [InlineData("outliers", TraceEstimator.Hutchinson, 100)]
    [InlineData("flat", TraceEstimator.HutchPlusPlus, 60)]
    [InlineData("outliers", TraceEstimator.HutchPlusPlus, 60)]
    public void Intervals_of_a_fixed_number_of_products_cover_as_they_say(string spectrum, TraceEstimator estimator, int products)
    {
        double[] eigenvalues = SpectrumOf(spectrum);
        (double share, double bias, int most) = Cover(eigenvalues, new TraceEstimationOptions { Estimator = estimator, MaxProducts = products });
        Assert.InRange(share, 0.90, 0.99);
        Assert.InRange(bias, -4, 4);
        Assert.Equal(products, most);
    }

    [Fact]
    public void Normal_probes_are_unbiased_too()
    {
        (double share, double bias, _) = Cover(Spectrum.Flat(Dimension),
            new TraceEstimationOptions { Estimator = TraceEstimator.Hutchinson, MaxProducts = 30, Distribution = NoiseDistribution.Normal });
        Assert.InRange(share, 0.90, 0.99);
        Assert.InRange(bias, -4, 4);
    }

    [Theory]
    [InlineData("flat", TraceEstimator.XTrace, null)]
    [InlineData("outliers", TraceEstimator.XTrace, null)]
    [InlineData("flat", TraceEstimator.XTrace, 0.05)]
    [InlineData("outliers", TraceEstimator.XTrace, 0.02)]
    [InlineData("outliers", TraceEstimator.Hutchinson, 0.05)]
    [InlineData("flat", TraceEstimator.HutchPlusPlus, 0.05)]
    [InlineData("outliers", TraceEstimator.HutchPlusPlus, 0.02)]
    [InlineData("flat", TraceEstimator.Auto, 0.05)]
    [InlineData("outliers", TraceEstimator.Auto, 0.02)]
    [InlineData("outliers", TraceEstimator.Auto, null)]
    public void Approximate_intervals_cover_the_trace_of_most_seeds(string spectrum, TraceEstimator estimator, double? relative)
    {
        (double share, double bias, int most) = Cover(SpectrumOf(spectrum),
            new TraceEstimationOptions { Estimator = estimator, MaxProducts = relative is null ? 60 : 2000, RelativeError = relative });
        Assert.True(share >= 0.85, $"{share:P1} of the intervals hold the trace");
        Assert.InRange(bias, -4, 4);
        if (relative is null)
            Assert.InRange(most, 55, 60);
    }

    [Fact]
    public void Auto_takes_large_eigenvalues_out_and_needs_far_fewer_products_than_Hutchinson()
    {
        using var scope = NewDisposeScope();
        DenseOperator a = Spectrum.Operator(Spectrum.Outliers(2000));
        TraceEstimate Estimate(TraceEstimator estimator) =>
            a.Trace(new TraceEstimationOptions { Estimator = estimator, RelativeError = 0.01, MaxProducts = 4000 });
        TraceEstimate plain = Estimate(TraceEstimator.Hutchinson), auto = Estimate(TraceEstimator.Auto);
        Assert.Equal(EstimateExit.Tolerance, auto.Exit);
        Assert.Equal("deflated", auto.Estimator);
        Assert.InRange(auto.Deflated, 10, 80);
        Assert.True(auto.Products * 10 < plain.Products, $"{auto.Products} against {plain.Products}");
        Assert.InRange(auto.Value, 100 - (5 * auto.StandardError), 100 + (5 * auto.StandardError));
    }

    [Fact]
    public void A_trace_of_zero_ends_by_the_absolute_tolerance_or_the_budget_and_never_early()
    {
        using var scope = NewDisposeScope();
        DenseOperator a = Spectrum.Operator(Spectrum.Balanced(100));
        foreach (TraceEstimator estimator in Enum.GetValues<TraceEstimator>().Where(e => e != TraceEstimator.Auto))
        {
            TraceEstimate relative = a.Trace(new TraceEstimationOptions { Estimator = estimator, RelativeError = 0.01, MaxProducts = 60 });
            Assert.NotEqual(EstimateExit.Tolerance, relative.Exit);
            TraceEstimate absolute = a.Trace(new TraceEstimationOptions { Estimator = estimator, AbsoluteError = 1e9 });
            Assert.Equal(EstimateExit.Tolerance, absolute.Exit);
            Assert.True(absolute.Samples >= 10);
        }
        // auto sees that sampling a trace of zero takes more products than the matrix has rows.
        TraceEstimate exact = a.Trace(new TraceEstimationOptions { RelativeError = 0.01 });
        Assert.Equal((EstimateExit.Exact, 0.0), (exact.Exit, exact.StandardError));
        Assert.Equal(0, exact.Value, 1e-9);
    }

    [Theory, InlineData(TraceEstimator.Hutchinson), InlineData(TraceEstimator.HutchPlusPlus), InlineData(TraceEstimator.Auto)]
    public void Traces_of_blocks_add_up_and_hold_the_truth(TraceEstimator estimator)
    {
        using var scope = NewDisposeScope();
        DenseOperator a = Spectrum.Operator(Spectrum.Outliers(200));
        Tensor diagonal = a.ToDense().diagonal();
        ParameterBlock[] blocks = [new("a", 0, 30), new("b", 30, 100), new("c", 130, 70)];
        TraceEstimate estimate = a.Trace(new TraceEstimationOptions { Estimator = estimator, Blocks = blocks, MaxProducts = 90 });
        Assert.Equal(estimate.Value, estimate.Blocks.Sum(b => b.Trace.Value), 1e-9);
        foreach ((ParameterBlock block, Estimate trace) in estimate.Blocks)
            Assert.InRange(diagonal.narrow(0, block.Offset, block.Count).sum().ToDouble(), trace.Value - (5 * trace.StandardError) - 1e-9, trace.Value
                + (5 * trace.StandardError) + 1e-9);
        double squares = a.ToDense().square().sum().ToDouble();
        Estimate frobenius = estimate.SquaredFrobeniusNorm!;
        Assert.InRange(squares, frobenius.Value - (5 * frobenius.StandardError) - 1e-9, frobenius.Value + (5 * frobenius.StandardError) + 1e-9);
    }

    [Fact]
    public void A_matrix_of_low_rank_is_exact_and_small_ones_are_too()
    {
        using var scope = NewDisposeScope();
        DenseOperator low = Spectrum.Operator([5, 4, 3, .. new double[97]]);
        foreach (TraceEstimator estimator in new[] { TraceEstimator.HutchPlusPlus, TraceEstimator.XTrace, TraceEstimator.Auto })
            Assert.Equal(12, low.Trace(new TraceEstimationOptions { Estimator = estimator, MaxProducts = 60 }).Value, 1e-8);
        foreach (TraceEstimator estimator in Enum.GetValues<TraceEstimator>())
            Assert.Equal(2.5, new DenseOperator(tensor(new[,] { { 2.5 } })).Trace(new TraceEstimationOptions { Estimator = estimator }).Value, 1e-12);
        Assert.Equal(0, new DenseOperator(zeros(50, 50, ScalarType.Float64)).Trace(new TraceEstimationOptions { RelativeError = 0.1 }).Value, 1e-12);
    }

    [Fact]
    public void The_diagonal_is_estimated_with_its_error()
    {
        using var scope = NewDisposeScope();
        DenseOperator a = Spectrum.Operator(Spectrum.Flat(80));
        (Tensor diagonal, Tensor error) = a.Diagonal(200);
        double[] z = diagonal.sub(a.ToDense().diagonal()).div(error).data<double>().ToArray();
        Assert.InRange(z.Count(x => Math.Abs(x) < 2), 68, 80); // 95 % of 80, give or take four standard deviations
    }

    [Fact]
    public void A_stop_returns_what_is_known_and_a_seed_repeats()
    {
        using var scope = NewDisposeScope();
        DenseOperator a = Spectrum.Operator(Spectrum.Outliers(200));
        foreach (TraceEstimator estimator in Enum.GetValues<TraceEstimator>())
        {
            using var stop = new CancellationTokenSource();
            int calls = 0;
            var progress = new Inline<TraceEstimate>(e => { if (++calls == 2) stop.Cancel(); });
            TraceEstimate part = a.Trace(new TraceEstimationOptions { Estimator = estimator, RelativeError = 1e-4, MaxProducts = 200, Progress = progress },
                stop.Token);
            Assert.Equal(EstimateExit.Cancelled, part.Exit);
            Assert.True(double.IsFinite(part.Value) && part.StandardError > 0);
            Assert.Throws<OperationCanceledException>(() => a.Trace(new TraceEstimationOptions { Estimator = estimator }, stop.Token));
            TraceEstimationOptions again = new() { Estimator = estimator, MaxProducts = 40, Seed = 3 };
            Assert.Equal(a.Trace(again).Value, a.Trace(again).Value);
            Assert.NotEqual(a.Trace(again).Value, a.Trace(again with { Seed = 4 }).Value);
        }
    }

    [Theory, InlineData(TraceEstimator.Auto), InlineData(TraceEstimator.HutchPlusPlus)]
    public void A_stop_while_directions_are_taken_out_leaves_exact_part_and_samples_of_one_split(TraceEstimator estimator)
    {
        using var scope = NewDisposeScope();
        DenseOperator a = Spectrum.Operator(Spectrum.Outliers(400));
        for (int products = 12; products < 60; products += 3)
        {
            using var stopping = new StopsAfter(a, products);
            TraceEstimate part;
            try
            {
                part = stopping.Trace(new TraceEstimationOptions { Estimator = estimator, RelativeError = 1e-4, MaxProducts = 300, ProductsAtOnce = 1 },
                    stopping.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.True(estimator == TraceEstimator.HutchPlusPlus && products < 22); // twenty products make the range, and two samples an error
                continue;
            }
            Assert.Equal(EstimateExit.Cancelled, part.Exit);
            Assert.True(Math.Abs(part.Value - 100) <= 6 * part.StandardError, $"{part.Value} +- {part.StandardError} after {products}");
        }
    }

    private sealed class StopsAfter(ILinearOperator inner, int products) : ILinearOperator, IDisposable
    {
        private readonly CancellationTokenSource _source = new();
        private int _done;

        public CancellationToken Token => _source.Token;

        public void Dispose() => _source.Dispose();

        public long Dimension => inner.Dimension;

        public ScalarType DataType => inner.DataType;

        public Device Device => inner.Device;

        public Tensor Multiply(Tensor vectors, CancellationToken cancellation = default)
        {
            if (_done == products)
                _source.Cancel();
            _done++;
            return inner.Multiply(vectors, cancellation);
        }
    }

    [Fact]
    public void Options_out_of_range_are_named()
    {
        using var scope = NewDisposeScope();
        DenseOperator a = Spectrum.Operator([1, 2]);
        void Refused(TraceEstimationOptions options, string name) =>
            Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(() => a.Trace(options)).ParamName);
        Refused(new() { MaxProducts = 19 }, "MaxProducts");
        Assert.Contains("probes must be an integer of at least 20", Assert.Throws<ArgumentOutOfRangeException>(() => a.Trace(probes: 10)).Message);
        Refused(new() { RelativeError = 0 }, "RelativeError");
        Refused(new() { RelativeError = double.NaN }, "RelativeError");
        Refused(new() { AbsoluteError = -1 }, "AbsoluteError");
        Refused(new() { ProductsAtOnce = 0 }, "ProductsAtOnce");
        Refused(new() { Estimator = (TraceEstimator)9 }, "Estimator");
        Assert.Throws<ArgumentException>(() => a.Trace(new TraceEstimationOptions { Blocks = [new("x", 1, 2)] }));
        Assert.Throws<ArgumentException>(() => new DenseOperator(tensor(new[,] { { 1.0, 2 }, { 3, 4 } })));
        Assert.Throws<ArgumentException>(() => new DenseOperator(ones(2, 3)));
    }

    [Fact]
    public void Estimators_give_their_tensors_back()
    {
        using Tensor matrix = Spectrum.Matrix(Spectrum.Outliers(100));
        var a = new DenseOperator(matrix);
        foreach (TraceEstimator estimator in Enum.GetValues<TraceEstimator>())
            LiveTensors.AssertSteady(() => a.Trace(new TraceEstimationOptions { Estimator = estimator, RelativeError = 0.3, MaxProducts = 60 }));
        LiveTensors.AssertSteady(() => a.TopEigenvalues(2).Dispose());
        LiveTensors.AssertSteady(() => a.PowerIteration().Dispose());
        LiveTensors.AssertSteady(() => SpectralDensity.Of(a, new DensityOptions { Probes = 2, Steps = 5 }));
        LiveTensors.AssertSteady(() => a.SumOfLayerRayleighQuotients([new("x", 0, 60), new("y", 60, 40)], 5));
    }

    // The share of seeds whose 95 % interval holds the trace, the mean error in units of its own standard error, and the most products.
    private static (double Share, double Bias, int MostProducts) Cover(double[] eigenvalues, TraceEstimationOptions options)
    {
        using Tensor matrix = Spectrum.Matrix(eigenvalues);
        var a = new DenseOperator(matrix);
        double trace = eigenvalues.Sum();
        int covered = 0;
        long most = 0;
        var errors = new List<double>();
        for (int seed = 0; seed < Seeds; seed++)
        {
            TraceEstimate estimate = a.Trace(options with { Seed = seed });
            errors.Add(estimate.Value - trace);
            most = Math.Max(most, estimate.Products);
            if (Math.Abs(estimate.Value - trace) <= estimate.HalfWidth() + (1e-9 * Math.Abs(trace)))
                covered++;
        }
        (double mean, double error) = (errors.Average(), Math.Sqrt(errors.Sum(e => e * e)) / Seeds);
        return ((double)covered / Seeds, error > 1e-9 ? mean / error : 0, (int)most);
    }

    private sealed class Inline<T>(Action<T> action) : IProgress<T>
    {
        public void Report(T value) => action(value);
    }
}
