namespace Polder.Curvature;

/// <summary>Why a search for eigenvalues ended.</summary>
public enum EigenExit
{
    /// <summary>All residuals are below the tolerance.</summary>
    Converged,

    /// <summary>The whole space is spanned: exact up to rounding.</summary>
    Exact,

    /// <summary>The products are used up.</summary>
    Budget,

    /// <summary>It was stopped; the values are those so far.</summary>
    Cancelled,
}

/// <summary>An approximate eigenvalue.</summary>
/// <param name="Value">The Rayleigh quotient v^T A v; some eigenvalue is within <paramref name="Residual"/> of it.</param>
/// <param name="Residual">||A v - value v||, v of length 1.</param>
/// <param name="Converged">Whether the residual is below the tolerance.</param>
public sealed record Eigenpair(double Value, double Residual, bool Converged);

/// <summary>How far a search for eigenvalues is.</summary>
/// <param name="Products">The products so far.</param>
/// <param name="Pairs">What is known.</param>
public sealed record EigenProgress(long Products, IReadOnlyList<Eigenpair> Pairs);

/// <summary>Approximate eigenvalues and their vectors, which it owns.</summary>
public sealed class Eigenpairs : IDisposable
{
    internal Eigenpairs(IReadOnlyList<Eigenpair> top, IReadOnlyList<Eigenpair> bottom, Tensor vectors, long products, EigenExit exit) =>
        (Top, Bottom, Vectors, Products, Exit) = (top, bottom, vectors, products, exit);

    /// <summary>The largest, in descending order (of absolute value, where those were sought).</summary>
    public IReadOnlyList<Eigenpair> Top { get; }

    /// <summary>The smallest, in ascending order.</summary>
    public IReadOnlyList<Eigenpair> Bottom { get; }

    /// <summary>All: <see cref="Top"/>, then <see cref="Bottom"/>.</summary>
    public IReadOnlyList<Eigenpair> Pairs => [.. Top, .. Bottom];

    /// <summary>Unit vectors, one a row, in the order of <see cref="Pairs"/>: [count, d].</summary>
    public Tensor Vectors { get; }

    /// <summary>The products with the matrix.</summary>
    public long Products { get; }

    /// <summary>Why it ended.</summary>
    public EigenExit Exit { get; }

    /// <summary>Gives the vectors back.</summary>
    public void Dispose() => Vectors.Dispose();
}
