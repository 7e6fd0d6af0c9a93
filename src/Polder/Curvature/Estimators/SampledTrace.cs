namespace Polder.Curvature.Estimators;

/// <summary>
/// The trace as an exact part and a sampled rest: tr A = tr(Q A Q^T) + E v^T P A P v, P the projection that takes the rows of Q out.
/// How Q is found is the estimator's own: none by <see cref="Hutchinson"/>, random products by <see cref="HutchPlusPlus"/>, Lanczos by
/// <see cref="DeflatedHutchinson"/>.
/// </summary>
/// <remarks>
/// The products A v of the samples are kept while Q may still grow: P A P v for a larger Q follows from A v and A Q without new products.
/// The variance of a sample is 2 (||P A P||_F^2 - sum of squared diagonal) for Rademacher vectors, so each direction that is taken out
/// lowers it by twice its squared eigenvalue, for one product.
/// </remarks>
internal abstract class SampledTrace : IDisposable
{
    private readonly ProbeSource _source;
    private readonly List<(Tensor Vectors, Tensor Products)> _kept = [];
    private readonly List<double> _squares = [];
    private readonly List<double>[] _blockValues;

    protected SampledTrace(ILinearOperator @operator, TraceEstimationOptions options, CancellationToken cancellation)
    {
        (Operator, Options, Cancellation) = (@operator, options, cancellation);
        _source = new ProbeSource(@operator, options.Seed, options.Distribution, purpose: 0);
        Basis = new Subspace(@operator, options.Seed);
        _blockValues = [.. (options.Blocks ?? []).Select(_ => new List<double>())];
    }

    /// <summary>The matrix.</summary>
    protected ILinearOperator Operator { get; }

    /// <summary>When the estimation ends.</summary>
    protected TraceEstimationOptions Options { get; }

    /// <summary>Stops it.</summary>
    protected CancellationToken Cancellation { get; }

    /// <summary>Q, with its products.</summary>
    protected Subspace Basis { get; }

    /// <summary>v^T P A P v of the samples.</summary>
    protected List<double> Values { get; } = [];

    /// <summary>Whether vectors and products are kept since the basis may yet grow.</summary>
    protected bool KeepsSamples { get; set; }

    /// <summary>Products but for those of the basis.</summary>
    protected long Sampled { get; set; }

    /// <summary>What was done, for <see cref="TraceEstimate.Estimator"/>.</summary>
    protected string Name { get; set; } = "hutchinson";

    /// <summary>All products.</summary>
    protected long Products => Sampled + Basis.Products;

    /// <summary>Whether an error is asked for, and not only a number of products.</summary>
    protected bool HasTolerance => Options.RelativeError is not null || Options.AbsoluteError is not null;

    public TraceEstimate Estimate()
    {
        try
        {
            return Run();
        }
        catch (OperationCanceledException) when (Values.Count >= 2 && Cancellation.IsCancellationRequested)
        {
            // The basis may have grown since the samples were last looked at: exact part and samples must be of the same split.
            if (KeepsSamples)
                Recompute();
            return Current(EstimateExit.Cancelled);
        }
    }

    public void Dispose()
    {
        Forget();
        Basis.Dispose();
    }

    /// <summary>The estimator.</summary>
    protected abstract TraceEstimate Run();

    /// <summary>Samples until the error or the number of products that is asked for is reached.</summary>
    protected TraceEstimate SampleToTheEnd()
    {
        while (Products < Options.MaxProducts)
        {
            long room = Options.MaxProducts - Products;
            Sample((int)Math.Min(Options.ProductsAtOnce, Math.Max(1, room)));
            TraceEstimate now = Current(EstimateExit.Budget);
            Options.Progress?.Report(now);
            if (IsReached(now))
                return now with { Exit = EstimateExit.Tolerance };
        }
        return Current(EstimateExit.Budget);
    }

    /// <summary>Whether the error that is asked for is reached, by enough samples to believe it.</summary>
    protected bool IsReached(TraceEstimate now) =>
        HasTolerance && Values.Count >= TraceEstimationOptions.LeastSamples && TraceEstimation.IsReached(Options, now.Value, now.StandardError);

    /// <summary>Takes some samples, in one pass over the data.</summary>
    protected void Sample(int count)
    {
        using var scope = NewDisposeScope();
        Tensor vectors = _source.Next(count);
        Tensor products = Operator.Multiply(vectors, Cancellation);
        Sampled += count;
        TakeIn(vectors, products);
        if (KeepsSamples)
            _kept.Add((vectors.DetachFromDisposeScope(), products.DetachFromDisposeScope()));
    }

    /// <summary>The basis has grown: what the samples say now.</summary>
    protected void Recompute()
    {
        Values.Clear();
        _squares.Clear();
        foreach (List<double> block in _blockValues)
            block.Clear();
        foreach ((Tensor vectors, Tensor products) in _kept)
            TakeIn(vectors, products);
    }

    /// <summary>The basis stays as it is: vectors and products are no longer needed.</summary>
    protected void Forget()
    {
        foreach ((Tensor vectors, Tensor products) in _kept)
        {
            vectors.Dispose();
            products.Dispose();
        }
        _kept.Clear();
        KeepsSamples = false;
    }

    /// <summary>The estimate as it is known now.</summary>
    protected TraceEstimate Current(EstimateExit exit)
    {
        using var scope = NewDisposeScope();
        bool whole = Basis.IsWhole;
        double exactSquares = Basis.Count == 0 ? 0 : Basis.Images.to(ScalarType.Float64).pow(Number(2)).sum().ToDouble();
        double[] exactBlocks = new double[_blockValues.Length];
        if (_blockValues.Length > 0 && Basis.Count > 0)
        {
            Tensor diagonal = Basis.DeflatedDiagonal();
            exactBlocks = [.. Options.Blocks!.Select(b => diagonal.narrow(0, b.Offset, b.Count).sum().ToDouble())];
        }
        Estimate Join(double exact, List<double> samples)
        {
            (double mean, double error, _) = MeanEstimate.Of(samples);
            return whole ? new Estimate(exact, 0, samples.Count, Products) : new Estimate(exact + mean, error, samples.Count, Products);
        }

        Estimate trace = Join(Basis.Trace(), Values);
        return new TraceEstimate(trace.Value, trace.StandardError, trace.Samples, Products, Name, Basis.Count, exit)
        {
            SquaredFrobeniusNorm = Join(exactSquares, _squares),
            Blocks = [.. _blockValues.Select((values, i) => (Options.Blocks![i], Join(exactBlocks[i], values)))],
        };
    }

    private void TakeIn(Tensor vectors, Tensor products)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor terms = vectors.to(ScalarType.Float64).mul(Basis.Deflate(vectors, products));
        Values.AddRange(terms.sum(1).cpu().data<double>().ToArray());
        _squares.AddRange(Basis.ProductWithoutBasis(vectors, products).to(ScalarType.Float64).pow(Number(2)).sum(1).cpu().data<double>().ToArray());
        for (int b = 0; b < _blockValues.Length; b++)
            _blockValues[b].AddRange(terms.narrow(1, Options.Blocks![b].Offset, Options.Blocks[b].Count).sum(1).cpu().data<double>().ToArray());
    }
}
