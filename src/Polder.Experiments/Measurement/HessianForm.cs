namespace Polder.Experiments.Measurement;

/// <summary>The paper's bound of the network itself, over the measured sigmas of a bound by draws.</summary>
/// <param name="Trace">The trace of the bounded loss's Hessian.</param>
/// <param name="OptimalSigma">The sigma that would be best; NaN where the trace is not above 0.</param>
/// <param name="MainTerm">Trace and distance term together there.</param>
/// <param name="MainTermByLayer">The same with an optimal sigma for each layer.</param>
/// <param name="Way">Distance and curvature from the start, by layer.</param>
/// <param name="Points">The bound at each sigma, with the remainder that was measured there.</param>
public sealed record HessianForm(
    TraceEstimate Trace, double OptimalSigma, double MainTerm, double MainTermByLayer, DistanceMeasureResult Way, IReadOnlyList<HessianPoint> Points)
{
    /// <summary>What the bound assumes and no measurement can tell.</summary>
    public static IReadOnlyList<string> Assumptions { get; } =
    [
        "the loss is three times differentiable",
        "the sample's trace is the measured one",
        "trace and Taylor remainder of the distribution's loss at the weights are not below the sample's",
    ];

    /// <summary>The point with the smallest bound.</summary>
    public HessianPoint Best => Points.MinBy(p => p.Bound.Value)!;

    /// <summary>Makes it.</summary>
    /// <param name="result">A result with at least one measured sigma.</param>
    /// <param name="trace">The trace, with one block a layer.</param>
    /// <param name="way">The distance measure of the same layers.</param>
    public static HessianForm Of(BoundResult result, TraceEstimate trace, DistanceMeasureResult way)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(way);
        // A sum of curvatures that came out below 0 must not make a bound smaller.
        double alpha = Math.Max(0, trace.Value), share = result.Options.Delta / result.Options.Sigmas.Count;
        double beta = result.Options.Beta, largest = result.Sample.LargestLoss;
        long n = result.Sample.Examples;
        return new HessianForm(
            trace,
            alpha > 0 ? HessianBound.OptimalSigma(alpha, result.Distance, n, beta, largest) : double.NaN,
            HessianBound.MainTerm(alpha, result.Distance, n, beta, largest),
            HessianBound.MainTerm([.. trace.Blocks.Select(b => Math.Max(0, b.Trace.Value))], [.. way.Layers.Select(l => l.Distance)], n, beta, largest),
            way,
            [.. result.Points.Where(p => p.Measured is not null).Select(p =>
            {
                double remainder = p.Measured!.Loss.Value - result.Clean.Loss - (p.Sigma * p.Sigma / 2 * alpha);
                return new HessianPoint(p.Sigma, remainder,
                    HessianBound.At(result.Clean.Loss, alpha, result.Distance, p.Sigma, n, share, beta, largest, 0, remainder));
            })]);
    }
}

/// <summary>The paper's bound at one sigma.</summary>
/// <param name="Sigma">The standard deviation of the noise.</param>
/// <param name="Remainder">The noisy loss beyond the second order, measured there.</param>
/// <param name="Bound">The bound with its terms.</param>
public sealed record HessianPoint(double Sigma, double Remainder, HessianBound Bound);
