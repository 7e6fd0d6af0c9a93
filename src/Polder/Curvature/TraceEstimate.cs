namespace Polder.Curvature;

/// <summary>An estimated number: value, standard error, and what it cost.</summary>
/// <param name="Value">The estimate.</param>
/// <param name="StandardError">Its standard error; 0 where it is exact, NaN where there are too few samples for one.</param>
/// <param name="Samples">The samples that the error comes from.</param>
/// <param name="Products">The products with the matrix.</param>
public record Estimate(double Value, double StandardError, int Samples, long Products)
{
    /// <summary>
    /// Half the width of the interval around <see cref="Value"/>: the standard error times Student's t with <see cref="Samples"/> - 1 degrees of
    /// freedom.
    /// </summary>
    /// <param name="confidence">Between 0 and 1, both excluded.</param>
    public double HalfWidth(double confidence = 0.95) =>
        StandardError == 0 ? 0 : Samples < 2 ? double.NaN : StandardError * StudentT.TwoSided(confidence, Samples - 1);
}

/// <summary>An estimated trace.</summary>
/// <param name="Value">The estimate.</param>
/// <param name="StandardError">Its standard error; 0 where it is exact.</param>
/// <param name="Samples">The samples that the error comes from.</param>
/// <param name="Products">The products with the matrix.</param>
/// <param name="Estimator">What was done: "hutchinson", "hutch++", "xtrace", "deflated" or "exact".</param>
/// <param name="Deflated">The dimension of the subspace whose part is exact.</param>
/// <param name="Exit">Why it ended.</param>
public sealed record TraceEstimate(double Value, double StandardError, int Samples, long Products, string Estimator, int Deflated, EstimateExit Exit)
    : Estimate(Value, StandardError, Samples, Products)
{
    /// <summary>The squared Frobenius norm of the matrix, the sum of its squared eigenvalues, from the same products; null by XTrace.</summary>
    public Estimate? SquaredFrobeniusNorm { get; init; }

    /// <summary>The traces of the asked blocks.</summary>
    public IReadOnlyList<(ParameterBlock Block, Estimate Trace)> Blocks { get; init; } = [];
}
