namespace Polder.Curvature.Estimators;

/// <summary>
/// XTrace (Epperly, Tropp and Webber, 2024): with random vectors w_1 to w_n and the range Q of their products, the trace is that of
/// Q_i A Q_i plus a sample of the rest along w_i, Q_i the range without the product of w_i; the mean over i uses every product twice.
/// </summary>
internal sealed class XTrace(ILinearOperator @operator, TraceEstimationOptions options, CancellationToken cancellation)
{
    public TraceEstimate Estimate()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var source = new ProbeSource(@operator, options.Seed, NoiseDistribution.Normal, purpose: 0);
        using var range = new Subspace(@operator, options.Seed);
        bool toTolerance = options.RelativeError is not null || options.AbsoluteError is not null;
        int most = (int)Math.Min(options.MaxProducts / 2, @operator.Dimension);
        int target = toTolerance ? Math.Min(TraceEstimationOptions.LeastSamples, most) : most;
        Tensor? vectors = null, products = null;
        TraceEstimate? estimate = null;
        try
        {
            while (true)
            {
                int wanted = target - (int)(vectors?.shape[0] ?? 0);
                Tensor fresh = source.Next(wanted), images = empty_like(fresh);
                for (int start = 0; start < wanted; start += options.ProductsAtOnce)
                {
                    int count = Math.Min(options.ProductsAtOnce, wanted - start);
                    images.narrow(0, start, count).copy_(@operator.Multiply(fresh.narrow(0, start, count), cancellation));
                }
                int added = range.AddRange(images, options.ProductsAtOnce, cancellation);
                vectors = vectors is null ? fresh : cat([vectors, fresh]);
                products = products is null ? images : cat([products, images]);
                if (added < wanted || range.IsWhole)
                    return new TraceEstimate(range.Trace(), 0, target, target + range.Products, "xtrace", range.Count, EstimateExit.Exact);
                double[] values = LeaveOneOut(range, vectors, products);
                (double mean, double error, _) = MeanEstimate.Of(values);
                // The error falls with n at least like 1/n; where it falls faster from one look to the next, that may be chance, and ending on it
                // would state too little.
                if (estimate is not null)
                    error = Math.Max(error, estimate.StandardError * estimate.Samples / target);
                estimate = new TraceEstimate(mean, error, target, 2L * target, "xtrace", range.Count, EstimateExit.Budget);
                options.Progress?.Report(estimate);
                if (toTolerance && target >= TraceEstimationOptions.LeastSamples && TraceEstimation.IsReached(options, mean, error))
                    return estimate with { Exit = EstimateExit.Tolerance };
                if (target == most)
                    return estimate;
                target = Math.Min(most, target * 3 / 2);
            }
        }
        catch (OperationCanceledException) when (estimate is not null && cancellation.IsCancellationRequested)
        {
            return estimate with { Exit = EstimateExit.Cancelled };
        }
    }

    private double[] LeaveOneOut(Subspace range, Tensor vectors, Tensor products)
    {
        using var scope = NewDisposeScope();
        Tensor projected = range.Projected();                                                   // Q A Q^T, n x n
        Tensor coefficients = range.Basis.mm(products.t()).to(ScalarType.Float64).cpu();        // R: products = R^T Q
        Tensor inverse = linalg.inv(coefficients);
        Tensor left = inverse.div(inverse.pow(Number(2)).sum(1, keepdim: true).sqrt());               // row i: what only product i gives of the range
        Tensor along = vectors.mm(range.Basis.t()).to(ScalarType.Float64).cpu();                // row i: Q w_i
        Tensor kept = along.sub(left.mul(along.mul(left).sum(1, keepdim: true)));               // without that direction
        Tensor keptHere = kept.to(@operator.DataType).to(@operator.Device);
        Tensor rest = vectors.sub(keptHere.mm(range.Basis)).to(ScalarType.Float64);
        Tensor image = products.sub(keptHere.mm(range.Images)).to(ScalarType.Float64);
        // w_i is normal, so what is left of it has a uniform direction in a space of d - n + 1 dimensions: its length is chance and is divided out.
        Tensor scale = rest.pow(Number(2)).sum(1).reciprocal().mul(Number(@operator.Dimension - range.Count + 1));
        Tensor samples = rest.mul(image).sum(1).mul(scale).cpu();
        Tensor exact = left.mm(projected).mul(left).sum(1).neg().add(projected.diagonal().sum());
        return exact.add(samples).data<double>().ToArray();
    }
}
