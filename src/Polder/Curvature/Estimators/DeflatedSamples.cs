using Polder.Statistics;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Curvature.Estimators;

/// <summary>
/// The trace as an exact part and a sampled rest: tr A = tr(Q A Q^T) + E v^T P A P v, P the projection that takes the rows of Q out.
/// Without Q it is Hutchinson's estimator, with Q from random products Hutch++, with Q from Lanczos the deflated one of auto.
/// </summary>
/// <remarks>
/// The products A v of the samples are kept while Q may still grow: P A P v for a larger Q follows from A v and A Q without new products.
/// The variance of a sample is 2 (||P A P||_F^2 - sum of squared diagonal) for Rademacher vectors, so each direction that is taken out
/// lowers it by twice its squared eigenvalue, for one product.
/// </remarks>
internal sealed class DeflatedSamples : IDisposable
{
    // More than this for the subspace and its products, and taking more out would cost memory rather than time.
    private const long MostBytes = 1L << 31;

    private readonly ILinearOperator _operator;
    private readonly TraceOptions _options;
    private readonly CancellationToken _cancellation;
    private readonly ProbeSource _source;
    private readonly Subspace _subspace;
    private readonly List<(Tensor Vectors, Tensor Products)> _kept = [];
    private readonly List<double> _values = [], _squares = [];
    private readonly List<double>[] _blockValues;
    private bool _keep;
    private long _sampled;
    private string _name = "hutchinson";

    public DeflatedSamples(ILinearOperator @operator, TraceOptions options, CancellationToken cancellation)
    {
        (_operator, _options, _cancellation) = (@operator, options, cancellation);
        _source = new ProbeSource(@operator, options.Seed, options.Distribution, purpose: 0);
        _subspace = new Subspace(@operator, options.Seed);
        _blockValues = [.. (options.Blocks ?? []).Select(_ => new List<double>())];
    }

    private long Products => _sampled + _subspace.Products;

    private bool HasTolerance => _options.RelativeError is not null || _options.AbsoluteError is not null;

    public TraceEstimate Estimate()
    {
        try
        {
            return _options.Estimator switch
            {
                TraceEstimator.Hutchinson => SampleToTheEnd(),
                TraceEstimator.HutchPlusPlus => HutchPlusPlus(),
                _ => Auto(),
            };
        }
        catch (OperationCanceledException) when (_values.Count >= 2 && _cancellation.IsCancellationRequested)
        {
            // The basis may have grown since the samples were last looked at: exact part and samples must be of the same split.
            if (_keep)
                Recompute();
            return Current(EstimateExit.Cancelled);
        }
    }

    public void Dispose()
    {
        foreach ((Tensor vectors, Tensor products) in _kept)
        {
            vectors.Dispose();
            products.Dispose();
        }
        _subspace.Dispose();
    }

    private TraceEstimate SampleToTheEnd()
    {
        while (Products < _options.MaxProducts)
        {
            long room = _options.MaxProducts - Products;
            Sample((int)Math.Min(_options.ProductsAtOnce, Math.Max(1, room)));
            TraceEstimate now = Current(EstimateExit.Budget);
            _options.Progress?.Report(now);
            if (HasTolerance && _values.Count >= TraceOptions.LeastSamples && TraceEstimation.IsReached(_options, now.Value, now.StandardError))
                return now with { Exit = EstimateExit.Tolerance };
        }
        return Current(EstimateExit.Budget);
    }

    // A third of the products for the range, a third for its image, a third for the rest. To a tolerance: of a budget that doubles.
    private TraceEstimate HutchPlusPlus()
    {
        _name = "hutch++";
        _keep = HasTolerance;
        for (long budget = HasTolerance ? 3 * TraceOptions.LeastSamples : _options.MaxProducts; ; budget = Math.Min(2 * budget, _options.MaxProducts))
        {
            int wanted = (int)Math.Min((budget / 3) - _subspace.Count, _operator.Dimension - _subspace.Count);
            if (wanted > 0)
                AddRange(wanted);
            if (_subspace.IsWhole)
                return Current(EstimateExit.Exact);
            while (Products < budget)
            {
                Sample((int)Math.Min(_options.ProductsAtOnce, budget - Products));
                TraceEstimate now = Current(EstimateExit.Budget);
                _options.Progress?.Report(now);
                if (HasTolerance && _values.Count >= TraceOptions.LeastSamples && TraceEstimation.IsReached(_options, now.Value, now.StandardError))
                    return now with { Exit = EstimateExit.Tolerance };
            }
            if (budget == _options.MaxProducts)
                return Current(EstimateExit.Budget);
        }
    }

    private void AddRange(int wanted)
    {
        using var scope = NewDisposeScope();
        // Random vectors of their own: the samples must not depend on the range that is taken out of them.
        var range = new ProbeSource(_operator, _options.Seed, _options.Distribution, purpose: 2 + _subspace.Count);
        Tensor vectors = range.Next(wanted);
        Tensor images = empty_like(vectors);
        for (int start = 0; start < wanted; start += _options.ProductsAtOnce)
        {
            int count = Math.Min(_options.ProductsAtOnce, wanted - start);
            images.narrow(0, start, count).copy_(_operator.Multiply(vectors.narrow(0, start, count), _cancellation));
            _sampled += count;
        }
        _subspace.AddRange(images, _options.ProductsAtOnce, _cancellation);
        Recompute();
    }

    private TraceEstimate Auto()
    {
        long dimension = _operator.Dimension;
        if (dimension <= 2 * TraceOptions.LeastSamples || (!HasTolerance && dimension <= _options.MaxProducts))
            return Exact();
        _keep = true;
        while (_values.Count < TraceOptions.LeastSamples)
        {
            Sample(Math.Min(_options.ProductsAtOnce, TraceOptions.LeastSamples - _values.Count));
            _options.Progress?.Report(Current(EstimateExit.Budget));
        }
        // Take directions out, twice as many each time, as long as the last doubling saved more products than it cost.
        double cost = CostToGo();
        while (WorthExtending(cost))
        {
            int steps = Math.Max(TraceOptions.LeastSamples, _subspace.Count);
            _name = "deflated";
            for (int i = 0; i < steps && _subspace.AddKrylov(_cancellation); i++)
            {
            }
            Recompute();
            _options.Progress?.Report(Current(EstimateExit.Budget));
            if (_subspace.IsWhole)
                return Current(EstimateExit.Exact);
            double next = CostToGo();
            // The samples' variance is itself an estimate: a saving below a tenth may be chance.
            bool saved = steps + next < cost * 0.9;
            cost = next;
            if (!saved)
                break;
        }
        // A few samples may overstate the variance twofold, and the whole matrix is a high price: look closer first.
        bool mayBeWhole = HasTolerance && Products + dimension + (dimension / 20) <= _options.MaxProducts;
        while (mayBeWhole && Products + cost >= dimension && _values.Count < Math.Min(100, dimension / 20))
        {
            Sample(_options.ProductsAtOnce);
            _options.Progress?.Report(Current(EstimateExit.Budget));
            cost = CostToGo();
        }
        if (HasTolerance && Products + cost >= dimension && Products + dimension <= _options.MaxProducts)
            return Exact();
        // The samples do not depend on what was taken out since: where they are enough already, no more are needed.
        TraceEstimate taken = Current(EstimateExit.Tolerance);
        if (HasTolerance && _subspace.Count > 0 && TraceEstimation.IsReached(_options, taken.Value, taken.StandardError))
            return taken;
        Forget();
        return SampleToTheEnd();
    }

    // With a tolerance: the products that are still needed. Without: in the same unit, what the rest of the budget leaves of the variance.
    private double CostToGo()
    {
        (double mean, double error, _) = MeanEstimate.Of(_values);
        double variance = error * error * _values.Count;
        if (!HasTolerance)
            return variance / Math.Max(1, _options.MaxProducts - Products + _values.Count);
        double tolerance = Math.Max(_options.RelativeError * Math.Abs(mean + _subspace.Trace()) ?? 0, _options.AbsoluteError ?? 0);
        return Math.Max(0, (variance / (tolerance * tolerance)) - _values.Count);
    }

    private bool WorthExtending(double cost)
    {
        int steps = Math.Max(TraceOptions.LeastSamples, _subspace.Count);
        long bytes = 2 * (_subspace.Count + steps) * _operator.Dimension * (_operator.DataType == ScalarType.Float64 ? 8 : 4);
        bool room = Products + steps + TraceOptions.LeastSamples <= _options.MaxProducts && bytes <= MostBytes && _subspace.Count + steps < _operator.Dimension;
        return room && (HasTolerance ? cost > steps : steps <= (_options.MaxProducts - Products) / 2);
    }

    private TraceEstimate Exact()
    {
        using var scope = NewDisposeScope();
        double trace = 0, squares = 0;
        double[] blocks = new double[_blockValues.Length];
        long done = 0;
        for (; done < _operator.Dimension; done += _options.ProductsAtOnce)
        {
            using var pass = NewDisposeScope();
            long count = Math.Min(_options.ProductsAtOnce, _operator.Dimension - done);
            Tensor units = zeros([count, _operator.Dimension], _operator.DataType, _operator.Device);
            units.narrow(1, done, count).copy_(eye(count, dtype: _operator.DataType, device: _operator.Device));
            Tensor products = _operator.Multiply(units, _cancellation).to(ScalarType.Float64);
            _sampled += count;
            squares += products.square().sum().ToDouble();
            double[] diagonal = products.narrow(1, done, count).diagonal().cpu().data<double>().ToArray();
            trace += diagonal.Sum();
            for (int i = 0; i < diagonal.Length; i++)
                for (int b = 0; b < blocks.Length; b++)
                    if (done + i >= _options.Blocks![b].Offset && done + i < _options.Blocks[b].Offset + _options.Blocks[b].Count)
                        blocks[b] += diagonal[i];
        }
        int samples = (int)Math.Min(int.MaxValue, _operator.Dimension);
        return new TraceEstimate(trace, 0, samples, Products, "exact", samples, EstimateExit.Exact)
        {
            SquaredFrobeniusNorm = new Estimate(squares, 0, samples, Products),
            Blocks = [.. blocks.Select((value, i) => (_options.Blocks![i], new Estimate(value, 0, samples, Products)))],
        };
    }

    private void Sample(int count)
    {
        using var scope = NewDisposeScope();
        Tensor vectors = _source.Next(count);
        Tensor products = _operator.Multiply(vectors, _cancellation);
        _sampled += count;
        TakeIn(vectors, products);
        if (_keep)
            _kept.Add((vectors.DetachFromDisposeScope(), products.DetachFromDisposeScope()));
    }

    private void TakeIn(Tensor vectors, Tensor products)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor terms = vectors.to(ScalarType.Float64).mul(_subspace.Deflate(vectors, products));
        _values.AddRange(terms.sum(1).cpu().data<double>().ToArray());
        _squares.AddRange(_subspace.ProductWithoutBasis(vectors, products).to(ScalarType.Float64).square().sum(1).cpu().data<double>().ToArray());
        for (int b = 0; b < _blockValues.Length; b++)
            _blockValues[b].AddRange(terms.narrow(1, _options.Blocks![b].Offset, _options.Blocks[b].Count).sum(1).cpu().data<double>().ToArray());
    }

    // The basis has grown: what the samples say now.
    private void Recompute()
    {
        _values.Clear();
        _squares.Clear();
        foreach (List<double> block in _blockValues)
            block.Clear();
        foreach ((Tensor vectors, Tensor products) in _kept)
            TakeIn(vectors, products);
    }

    private void Forget()
    {
        foreach ((Tensor vectors, Tensor products) in _kept)
        {
            vectors.Dispose();
            products.Dispose();
        }
        _kept.Clear();
        _keep = false;
    }

    private TraceEstimate Current(EstimateExit exit)
    {
        using var scope = NewDisposeScope();
        bool whole = _subspace.IsWhole;
        double exactSquares = _subspace.Count == 0 ? 0 : _subspace.Images.to(ScalarType.Float64).square().sum().ToDouble();
        double[] exactBlocks = new double[_blockValues.Length];
        if (_blockValues.Length > 0 && _subspace.Count > 0)
        {
            Tensor diagonal = _subspace.DeflatedDiagonal();
            exactBlocks = [.. _options.Blocks!.Select(b => diagonal.narrow(0, b.Offset, b.Count).sum().ToDouble())];
        }
        Estimate Join(double exact, List<double> samples)
        {
            (double mean, double error, _) = MeanEstimate.Of(samples);
            return whole ? new Estimate(exact, 0, samples.Count, Products) : new Estimate(exact + mean, error, samples.Count, Products);
        }

        Estimate trace = Join(_subspace.Trace(), _values);
        return new TraceEstimate(trace.Value, trace.StandardError, trace.Samples, Products, _name, _subspace.Count, exit)
        {
            SquaredFrobeniusNorm = Join(exactSquares, _squares),
            Blocks = [.. _blockValues.Select((values, i) => (_options.Blocks![i], Join(exactBlocks[i], values)))],
        };
    }
}
