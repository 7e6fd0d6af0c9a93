namespace Polder.Curvature;

/// <summary>How a trace is estimated.</summary>
public enum TraceEstimator
{
    /// <summary>Looks at the spectrum first: takes large eigenvalues out as far as that pays, then samples; the exact trace where that is cheaper.</summary>
    Auto,

    /// <summary>The mean of v^T A v over random v (Hutchinson, 1990).</summary>
    Hutchinson,

    /// <summary>A random range of A exactly, the rest by samples (Meyer, Musco, Musco and Woodruff, 2021).</summary>
    HutchPlusPlus,

    /// <summary>Leave-one-out over a random range (Epperly, Tropp and Webber, 2024). Its error is a jackknife's, so approximate.</summary>
    XTrace,
}

/// <summary>Why an estimation ended.</summary>
public enum EstimateExit
{
    /// <summary>The asked number of products is used up.</summary>
    Budget,

    /// <summary>The asked error is reached.</summary>
    Tolerance,

    /// <summary>The value is exact: as many products as the matrix has rows, or the range of the matrix is exhausted.</summary>
    Exact,

    /// <summary>It was stopped; the value is that of the samples so far.</summary>
    Cancelled,
}

/// <summary>How a trace is estimated, and when that ends.</summary>
public sealed record TraceEstimationOptions
{
    /// <summary>The fewest samples before an error is believed.</summary>
    public const int LeastSamples = 10;

    /// <summary>The estimator. Default: auto.</summary>
    public TraceEstimator Estimator { get; init; } = TraceEstimator.Auto;

    /// <summary>The most products; at least 20. Default 1000. Without a tolerance all of them are used (auto: or the exact trace is had for fewer).</summary>
    public int MaxProducts { get; init; } = 1000;

    /// <summary>Ends when the standard error is at most this share of the estimate's absolute value; null (default): never. Between 0 and 1.</summary>
    public double? RelativeError { get; init; }

    /// <summary>
    /// Ends when the standard error is at most this, in the unit of the trace; null (default): never. A trace near 0 never reaches a relative error.
    /// Above 0.
    /// </summary>
    public double? AbsoluteError { get; init; }

    /// <summary>
    /// The distribution of the random vectors of Hutchinson, Hutch++ and auto. Default: Rademacher (+1, -1), the least variance; XTrace takes normal
    /// ones.
    /// </summary>
    public NoiseDistribution Distribution { get; init; } = NoiseDistribution.Rademacher;

    /// <summary>The seed of the random vectors. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Products that share a pass over the data; at least 1. More is faster and takes more memory. Default 5.</summary>
    public int ProductsAtOnce { get; init; } = 5;

    /// <summary>Parts of the diagonal whose traces are estimated beside the whole, each with its own error; null (default): none. Not by XTrace.</summary>
    public IReadOnlyList<ParameterBlock>? Blocks { get; init; }

    /// <summary>Told after each call to the operator.</summary>
    public IProgress<TraceEstimate>? Progress { get; init; }

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range; the message says which and what is allowed.</exception>
    public void Validate()
    {
        Require.Known(Estimator);
        Require.AtLeast(MaxProducts, 2 * LeastSamples);
        Require.Inside(RelativeError);
        Require.Positive(AbsoluteError);
        Require.AtLeast(ProductsAtOnce, 1);
        Require.That(Blocks is null || Estimator != TraceEstimator.XTrace, Blocks?.Count,
            "null by XTrace; Hutchinson, HutchPlusPlus and Auto estimate them", nameof(Blocks));
        ArgumentNullException.ThrowIfNull(Distribution);
    }
}
