using Polder.Curvature.Estimators;

namespace Polder.Curvature;

/// <summary>Estimates of the trace and the diagonal of an operator.</summary>
public static class TraceEstimation
{
    /// <summary>Estimates the trace with a number of products, automatically (<see cref="TraceEstimator.Auto"/>).</summary>
    /// <param name="operator">The matrix.</param>
    /// <param name="probes">The products; at least 20.</param>
    /// <param name="seed">The seed of the random vectors.</param>
    /// <param name="cancellation">Stops; where two samples are there, what is known is returned (<see cref="EstimateExit.Cancelled"/>).</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="probes"/> is below 20.</exception>
    public static TraceEstimate Trace(this ILinearOperator @operator, int probes, long seed = 0, CancellationToken cancellation = default)
    {
        Require.AtLeast(probes, 2 * TraceEstimationOptions.LeastSamples);
        return @operator.Trace(new TraceEstimationOptions { MaxProducts = probes, Seed = seed }, cancellation);
    }

    /// <summary>Estimates the trace.</summary>
    /// <param name="operator">The matrix.</param>
    /// <param name="options">The estimator and when it ends; null is the defaults.</param>
    /// <param name="cancellation">Stops; where two samples are there, what is known is returned (<see cref="EstimateExit.Cancelled"/>).</param>
    /// <exception cref="OperationCanceledException">It was stopped before two samples.</exception>
    /// <remarks>
    /// The standard error of Hutchinson's estimator with a fixed number of products is that of independent samples, and intervals with
    /// Student's t cover as they say. An end at a reached error (optional stopping), the jackknife of XTrace and the choices of
    /// <see cref="TraceEstimator.Auto"/> make it approximate.
    /// </remarks>
    public static TraceEstimate Trace(this ILinearOperator @operator, TraceEstimationOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(@operator);
        options ??= new TraceEstimationOptions();
        options.Validate();
        foreach (ParameterBlock block in options.Blocks ?? [])
            if (block.Offset < 0 || block.Count < 1 || block.Offset + block.Count > @operator.Dimension)
                throw new ArgumentException(
                    $"block {block.Name} is {block.Offset} to {block.Offset + block.Count}; the operator has dimension {@operator.Dimension}", nameof(options));
        if (options.Estimator == TraceEstimator.XTrace)
            return new XTrace(@operator, options, cancellation).Estimate();
        using SampledTrace estimator = options.Estimator switch
        {
            TraceEstimator.Hutchinson => new Hutchinson(@operator, options, cancellation),
            TraceEstimator.HutchPlusPlus => new HutchPlusPlus(@operator, options, cancellation),
            _ => new DeflatedHutchinson(@operator, options, cancellation),
        };
        return estimator.Estimate();
    }

    /// <summary>
    /// Estimates the diagonal: the mean of v * (A v), element by element (Bekas, Kokiopoulou and Saad, 2007). The variance of element i is the
    /// sum of the squares of the rest of its row, so it is rough where rows are long.
    /// </summary>
    /// <param name="operator">The matrix.</param>
    /// <param name="probes">The products; at least 2.</param>
    /// <param name="seed">The seed of the random vectors (Rademacher).</param>
    /// <param name="productsAtOnce">Products that share a pass over the data.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>The diagonal and the standard error of each element, [d] each; of the caller's dispose scope.</returns>
    public static (Tensor Diagonal, Tensor StandardError) Diagonal(
        this ILinearOperator @operator, int probes, long seed = 0, int productsAtOnce = 5, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(@operator);
        Require.AtLeast(probes, 2);
        Require.AtLeast(productsAtOnce, 1);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var source = new ProbeSource(@operator, seed, NoiseDistribution.Rademacher, purpose: 0);
        Tensor sum = zeros([@operator.Dimension], ScalarType.Float64, @operator.Device), squares = zeros_like(sum);
        for (int done = 0; done < probes; done += productsAtOnce)
        {
            using var pass = NewDisposeScope();
            Tensor vectors = source.Next(Math.Min(productsAtOnce, probes - done));
            Tensor terms = vectors.mul(@operator.Multiply(vectors, cancellation)).to(ScalarType.Float64);
            sum.add_(terms.sum(0, type: ScalarType.Float64)); // sum(0) would be the sum as a byte: 0 is any enumeration's
            squares.add_(terms.pow(Number(2)).sum(0, type: ScalarType.Float64));
        }
        Tensor mean = sum.div(Number(probes));
        Tensor error = squares.div(Number(probes)).sub(mean.pow(Number(2))).clamp_min(Number(0)).div(Number(probes - 1)).sqrt();
        return (mean.MoveToOuterDisposeScope(), error.MoveToOuterDisposeScope());
    }

    internal static bool IsReached(TraceEstimationOptions options, double value, double error) =>
        (options.RelativeError is { } relative && error <= relative * Math.Abs(value)) || (options.AbsoluteError is { } absolute && error <= absolute);
}
