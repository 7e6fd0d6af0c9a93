namespace Polder.Optimization;

/// <summary>
/// Running estimates of the curvature that the steps' antithetic pairs showed. The weights move while they are taken, so they describe
/// the stretch of the training since <see cref="Reset"/>; standard errors come from means of batches of steps, since neighbours are alike.
/// </summary>
/// <remarks>
/// H is the Hessian of a mini-batch's loss as the steps saw it, with BatchNorm by the batch's statistics; the errors hold the spread from
/// batch to batch. Against the trace of the Hessian of f, <see cref="Trace"/> is biased by (sigma^2 / 2) B and <see cref="LossTrace"/> by
/// (sigma^2 / 4) B, B the sum of the fourth derivatives d^4 f / dw_i^2 dw_j^2; so 2 LossTrace - Trace is right to sigma^4, and
/// <see cref="Bias"/>, their difference, shows how large the bias is.
/// </remarks>
public sealed class CurvatureMeter
{
    private const string TracesName = "curvature.traces", SquaresName = "curvature.squares", LossesName = "curvature.losses", SigmaName = "curvature.sigma";

    private BatchMeans? _traces;
    private BatchMeans _squares = new(1);
    private BatchMeans _losses = new(2);

    /// <summary>The number of steps with pairs.</summary>
    public long Count => _traces?.Count ?? 0;

    /// <summary>The sigma of the last step with pairs; NaN where there is none.</summary>
    public double Sigma { get; private set; } = double.NaN;

    /// <summary>The trace of the Hessian, from the gradients (<see cref="CurvatureSample.Trace"/>).</summary>
    public MeanEstimate Trace => _traces?.Estimate(0) ?? new MeanEstimate(double.NaN, double.NaN, 0);

    /// <summary>
    /// The same for each parameter of the optimizer's <see cref="FlatMinimaOptimizer.Space"/>. The variance of a block's estimate has the
    /// squares of its rows' couplings to all other blocks in it, so small layers have large errors beside large ones.
    /// </summary>
    public IReadOnlyList<MeanEstimate> TraceByParameter => _traces is null ? [] : [.. Enumerable.Range(1, _traces.Width - 1).Select(_traces.Estimate)];

    /// <summary>
    /// The Frobenius norm of the Hessian: the root of the mean of <see cref="CurvatureSample.FrobeniusSquared"/>, with its first-order error; its
    /// count is 0 where no step showed it.
    /// </summary>
    public MeanEstimate FrobeniusNorm
    {
        get
        {
            MeanEstimate square = _squares.Estimate(0);
            double norm = Math.Sqrt(square.Value);
            return new MeanEstimate(norm, square.StandardError / (2 * norm), square.Count);
        }
    }

    /// <summary>The trace from the losses (<see cref="CurvatureSample.LossTrace"/>); its count is 0 where no step evaluated f(W).</summary>
    public MeanEstimate LossTrace => _losses.Estimate(0);

    /// <summary>Trace - LossTrace over the steps that have both: (sigma^2 / 4) B up to sigma^4.</summary>
    public MeanEstimate Bias => _losses.Estimate(1);

    /// <summary>Adds a step; one whose numbers are not finite is left out.</summary>
    public void Add(CurvatureSample sample)
    {
        ArgumentNullException.ThrowIfNull(sample);
        if (!double.IsFinite(sample.Trace))
            return;
        if (_traces?.Width != sample.TraceByParameter.Count + 1)
            _traces = new BatchMeans(sample.TraceByParameter.Count + 1);
        Sigma = sample.Sigma;
        _traces.Add([sample.Trace, .. sample.TraceByParameter]);
        if (sample.FrobeniusSquared is { } square && double.IsFinite(square))
            _squares.Add([square]);
        if (sample.LossTrace is { } loss && double.IsFinite(loss))
            _losses.Add([loss, sample.Trace - loss]);
    }

    /// <summary>Begins anew, for example at the start of an epoch.</summary>
    public void Reset()
    {
        _traces = null;
        Sigma = double.NaN;
        _squares = new BatchMeans(1);
        _losses = new BatchMeans(2);
    }

    /// <summary>Adds what <see cref="Load"/> needs to an optimizer's saved state.</summary>
    internal void Save(IDictionary<string, Tensor> state)
    {
        if (_traces is null)
            return;
        foreach (var (name, means) in new[] { (TracesName, _traces), (SquaresName, _squares), (LossesName, _losses) })
            state[name] = tensor(means.Save());
        state[SigmaName] = tensor(Sigma);
    }

    /// <summary>Goes on where a saved state was; one without these numbers begins anew.</summary>
    internal void Load(IReadOnlyDictionary<string, Tensor> state)
    {
        Reset();
        if (!state.ContainsKey(TracesName))
            return;
        (_traces, _squares, _losses) = (Read(TracesName), Read(SquaresName), Read(LossesName));
        Sigma = state[SigmaName].item<double>();

        BatchMeans Read(string name) => BatchMeans.Load([.. state[name].data<double>()]);
    }
}
