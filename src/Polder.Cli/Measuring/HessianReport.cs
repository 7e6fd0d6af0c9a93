namespace Polder.Cli.Measuring;

/// <summary>Eigenvalues without their vectors, which a command does not keep.</summary>
/// <param name="Top">The largest, descending.</param>
/// <param name="Bottom">The smallest, ascending.</param>
/// <param name="Products">The Hessian-vector products.</param>
/// <param name="Exit">Why the search ended.</param>
internal sealed record FoundEigenvalues(IReadOnlyList<Eigenpair> Top, IReadOnlyList<Eigenpair> Bottom, long Products, EigenExit Exit);

/// <summary>What <c>polder hessian</c> has found so far; a stop shows what is there.</summary>
internal sealed class HessianReport(IReadOnlyList<ParameterBlock> layers, long parameters)
{
    public FoundEigenvalues? Eigenvalues { get; set; }

    public TraceEstimate? Trace { get; set; }

    public SpectralDensity? Density { get; set; }

    /// <summary>The largest eigenvalue of each layer's own block, by the layer's name.</summary>
    public Dictionary<string, FoundEigenvalues> LayerEigenvalues { get; } = [];

    /// <summary>The layers of which something is known.</summary>
    public IReadOnlyList<ParameterBlock> Layers => [.. layers.Where(layer => TraceOf(layer) is not null || LayerEigenvalues.ContainsKey(layer.Name))];

    /// <summary>Whether no estimate was begun.</summary>
    public bool IsEmpty => Trace is null && Eigenvalues is null && Density is null && LayerEigenvalues.Count == 0;

    /// <summary>What is there as tables.</summary>
    /// <param name="name">The name of the data.</param>
    /// <param name="samples">The images.</param>
    /// <param name="value">The loss.</param>
    /// <param name="layerSamples">The images for the eigenvalues of the layers.</param>
    public Result ToResult(string name, int samples, double value, int layerSamples) => new(Members(samples, value))
    {
        Blocks =
        [
            $"{name}: {parameters} parameters, {samples} images, loss {value:G5}",
            .. TraceLines(),
            .. Eigenvalues is null ? [] : EigenvalueTable(Eigenvalues),
            .. Layers.Count == 0 ? [] : LayerTable(layerSamples),
            .. Density is null ? [] : DensityTable(Density),
        ],
    };

    /// <summary>The largest eigenvalue of a layer; null where it was not begun.</summary>
    public Eigenpair? TopOf(ParameterBlock layer) => LayerEigenvalues.GetValueOrDefault(layer.Name)?.Top[0];

    /// <summary>The trace of a layer's block; null where it was not asked for.</summary>
    public Estimate? TraceOf(ParameterBlock layer) => Trace?.Blocks.FirstOrDefault(b => b.Block == layer).Trace;

    private IEnumerable<ResultBlock> TraceLines()
    {
        if (Trace is not { } trace)
            yield break;
        yield return
            $"trace {trace.Value:G5} +- {trace.StandardError:G2} (standard error; "
            + $"{trace.Estimator}{(trace is { Estimator: "deflated" } ? $" of {trace.Deflated} directions" : "")}, {trace.Products} products"
            + $"{(trace.Exit is EstimateExit.Tolerance or EstimateExit.Exact ? "" : $", ended by {Word(trace.Exit)}")})";
        if (trace.SquaredFrobeniusNorm is { Value: > 0 } squares)
            yield return $"Frobenius norm {Math.Sqrt(squares.Value):G4} +- {squares.StandardError / (2 * Math.Sqrt(squares.Value)):G2}";
    }

    private static IEnumerable<ResultBlock> EigenvalueTable(FoundEigenvalues eigenvalues) =>
    [
        ResultTable.Of(
            "eigenvalues",
            ["eigenvalue", "residual", new("", "converged")],
            eigenvalues.Top.Concat(eigenvalues.Bottom.Reverse()),
            pair => [ResultCell.Of(pair.Value, "G6"), ResultCell.Of(pair.Residual, "G2"), new(pair.Converged ? "" : "not converged", pair.Converged)]),
        $"An eigenvalue is within its residual of the value; "
            + $"{eigenvalues.Products} products{(eigenvalues.Exit is EigenExit.Converged or EigenExit.Exact ? "" : $", ended by {Word(eigenvalues.Exit)}")}.",
    ];

    private IEnumerable<ResultBlock> LayerTable(int samples)
    {
        yield return ResultTable.Of(
            "layers",
            ["layer", "parameters", "share", "trace", new("+-", "traceStandardError"), new("top eigenvalue", "topEigenvalue", "topEigenvalueResidual")],
            Layers,
            layer => [
                layer.Name, layer.Count, ResultCell.Of((double)layer.Count / parameters, "P1"), ResultCell.Of(TraceOf(layer)?.Value, "G4"),
                ResultCell.Of(TraceOf(layer)?.StandardError, "G2"),
                TopOf(layer) is { } top ? new($"{top.Value:G4}{(top.Converged ? "" : $" +- {top.Residual:G2}")}", top.Value, top.Residual) : ResultCell.None,
            ]);
        if (LayerEigenvalues.Count > 0)
            yield return $"Top eigenvalues are those of each layer's own block, on {samples} images.";
    }

    private static IEnumerable<ResultBlock> DensityTable(SpectralDensity density) =>
    [
        $"density: {density.Products} products, from {density.Points[0]:G3} to {density.Points[^1]:G3}",
        ResultTable.Of(
            "density", ["point", "density", "standardError"], density.Points.Index(),
            p => [new("", p.Item), new("", density.Density[p.Index]), new("", density.StandardError[p.Index])]) with { In = ResultPlace.Programs },
    ];

    private static string Word(Enum exit) => exit.ToString().ToLowerInvariant() switch
    {
        "budget" => "the budget of products",
        "cancelled" => "the stop",
        var other => other,
    };

    private object Members(int samples, double value) => new
    {
        Parameters = parameters,
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
}
