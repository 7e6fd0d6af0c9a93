using Polder.Curvature.Estimators;

namespace Polder.Curvature;

/// <summary>
/// How far curvature depends on the choice of the examples, which the error of an estimator does not say: the spread of v^T A_g v over parts g
/// of the examples that are alike in size. A is the mean of the A_g, so the standard error is that of A's own v^T A v over the draw of examples.
/// </summary>
/// <remarks>Of an eigenvector v it is the error of the eigenvalue to first order (dlambda = v^T dA v), of random v that of the trace.</remarks>
public static class PartSpread
{
    private const int RowsAtOnce = 5;
    private const long Purpose = 0x70617274;

    /// <summary>v^T A v of some vectors, with its standard error over the parts.</summary>
    /// <param name="parts">The matrix of each part, two or more.</param>
    /// <param name="vectors">One a row: [count, d].</param>
    /// <param name="cancellation">Stops between products.</param>
    /// <returns>One a vector, in their order.</returns>
    /// <exception cref="ArgumentException">There are fewer than two parts.</exception>
    public static IReadOnlyList<MeanEstimate> OfForms(IReadOnlyList<ILinearOperator> parts, Tensor vectors, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(vectors);
        double[][] forms = Forms(parts, vectors, cancellation);
        return [.. Enumerable.Range(0, (int)vectors.shape[0]).Select(row => MeanEstimate.Of([.. forms.Select(part => part[row])]))];
    }

    /// <summary>The mean of v^T A v over random v, an estimate of the trace, with its standard error over the parts: all parts see the same v.</summary>
    /// <param name="parts">The matrix of each part, two or more.</param>
    /// <param name="probes">Vectors of random signs, 1 or more; more make the error less uncertain.</param>
    /// <param name="seed">Their seed.</param>
    /// <param name="cancellation">Stops between products.</param>
    /// <exception cref="ArgumentException">There are fewer than two parts.</exception>
    public static MeanEstimate OfTrace(IReadOnlyList<ILinearOperator> parts, int probes = 10, long seed = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(parts);
        Require.AtLeast(probes, 1);
        Require.AtLeast(parts.Count, 2, nameof(parts));
        using Tensor vectors = new ProbeSource(parts[0], seed, NoiseDistribution.Rademacher, Purpose).Next(probes);
        return MeanEstimate.Of([.. Forms(parts, vectors, cancellation).Select(part => part.Average())]);
    }

    private static double[][] Forms(IReadOnlyList<ILinearOperator> parts, Tensor vectors, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(parts);
        Require.AtLeast(parts.Count, 2, nameof(parts));
        return [.. parts.Select(part => Enumerable.Range(0, ((int)vectors.shape[0] + RowsAtOnce - 1) / RowsAtOnce).SelectMany(chunk =>
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            Tensor rows = vectors.narrow(0, chunk * RowsAtOnce, Math.Min(RowsAtOnce, vectors.shape[0] - (chunk * RowsAtOnce)));
            using Tensor forms = part.Multiply(rows, cancellation).to(ScalarType.Float64).mul(rows).sum(1).cpu();
            return forms.data<double>().ToArray();
        }).ToArray())];
    }
}
