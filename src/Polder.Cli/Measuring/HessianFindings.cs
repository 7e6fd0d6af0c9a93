using Polder.Curvature;
using Polder.Objectives;
using Polder.Parameters;

namespace Polder.Cli.Measuring;

/// <summary>Eigenvalues without their vectors, which a command does not keep.</summary>
/// <param name="Top">The largest, descending.</param>
/// <param name="Bottom">The smallest, ascending.</param>
/// <param name="Products">The Hessian-vector products.</param>
/// <param name="Exit">Why the search ended.</param>
internal sealed record FoundEigenvalues(IReadOnlyList<Eigenpair> Top, IReadOnlyList<Eigenpair> Bottom, long Products, EigenExit Exit);

/// <summary>What <c>polder hessian</c> has found so far; a stop shows what is there.</summary>
internal sealed class HessianFindings(EmpiricalLoss loss)
{
    public EmpiricalLoss Loss { get; } = loss;

    public FoundEigenvalues? Eigenvalues { get; set; }

    public TraceEstimate? Trace { get; set; }

    public SpectralDensity? Density { get; set; }

    /// <summary>The largest eigenvalue of each layer's own block, by the layer's name.</summary>
    public Dictionary<string, FoundEigenvalues> LayerEigenvalues { get; } = [];

    /// <summary>The layers of which something is known.</summary>
    public IReadOnlyList<ParameterBlock> Layers => [.. Loss.Layers.Where(layer => TraceOf(layer) is not null || LayerEigenvalues.ContainsKey(layer.Name))];

    /// <summary>Whether no estimate was begun.</summary>
    public bool IsEmpty => Trace is null && Eigenvalues is null && Density is null && LayerEigenvalues.Count == 0;

    /// <summary>The members of the JSON result.</summary>
    public object Describe(int samples, double value) => new
    {
        Parameters = Loss.Space.Dimension,
        Samples = samples,
        Loss = value,
        Trace = Trace is null ? null : new
        {
            Trace.Value,
            Trace.StandardError,
            Trace.Products,
            Trace.Estimator,
            Trace.Deflated,
            Trace.Exit,
            Low = Trace.Value - Trace.HalfWidth(),
            High = Trace.Value + Trace.HalfWidth(),
            SquaredFrobeniusNorm = Trace.SquaredFrobeniusNorm is { } squares ? new { squares.Value, squares.StandardError } : null,
        },
        Eigenvalues = Eigenvalues is null ? [] : Eigenvalues.Top.Concat(Eigenvalues.Bottom).ToArray(),
        EigenvaluesExit = Eigenvalues?.Exit,
        Products = (Trace?.Products ?? 0) + (Eigenvalues?.Products ?? 0) + (Density?.Products ?? 0) + LayerEigenvalues.Values.Sum(l => l.Products),
        Layers = Layers.Select(layer => new
        {
            layer.Name,
            Parameters = layer.Count,
            Trace = TraceOf(layer)?.Value,
            TraceOf(layer)?.StandardError,
            TopEigenvalue = TopOf(layer)?.Value,
            TopEigenvalueResidual = TopOf(layer)?.Residual,
            TopEigenvalueConverged = TopOf(layer)?.Converged,
        }),
        Density = Density is null ? null : new { Density.Points, Density = Density.Density, Density.StandardError, Density.Bandwidth, Density.Products },
    };

    /// <summary>The largest eigenvalue of a layer; null where it was not begun.</summary>
    public Eigenpair? TopOf(ParameterBlock layer) => LayerEigenvalues.GetValueOrDefault(layer.Name)?.Top[0];

    /// <summary>The trace of a layer's block; null where it was not asked for.</summary>
    public Estimate? TraceOf(ParameterBlock layer) => Trace?.Blocks.FirstOrDefault(b => b.Block == layer).Trace;
}
