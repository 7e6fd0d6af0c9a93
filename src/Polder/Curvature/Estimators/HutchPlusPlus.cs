namespace Polder.Curvature.Estimators;

/// <summary>
/// Hutch++ (Meyer, Musco, Musco and Woodruff, 2021): a third of the products for a random range of A, a third for its image, a third for
/// samples of the rest. To a tolerance: of a budget that doubles.
/// </summary>
internal sealed class HutchPlusPlus(ILinearOperator @operator, TraceEstimationOptions options, CancellationToken cancellation)
    : SampledTrace(@operator, options, cancellation)
{
    protected override TraceEstimate Run()
    {
        Name = "hutch++";
        KeepsSamples = HasTolerance;
        for (long budget = HasTolerance ? 3 * TraceEstimationOptions.LeastSamples : Options.MaxProducts; ; budget = Math.Min(2 * budget, Options.MaxProducts))
        {
            int wanted = (int)Math.Min((budget / 3) - Basis.Count, Operator.Dimension - Basis.Count);
            if (wanted > 0)
                AddRange(wanted);
            if (Basis.IsWhole)
                return Current(EstimateExit.Exact);
            while (Products < budget)
            {
                Sample((int)Math.Min(Options.ProductsAtOnce, budget - Products));
                TraceEstimate now = Current(EstimateExit.Budget);
                Options.Progress?.Report(now);
                if (IsReached(now))
                    return now with { Exit = EstimateExit.Tolerance };
            }
            if (budget == Options.MaxProducts)
                return Current(EstimateExit.Budget);
        }
    }

    private void AddRange(int wanted)
    {
        using var scope = NewDisposeScope();
        // Random vectors of their own: the samples must not depend on the range that is taken out of them.
        var range = new ProbeSource(Operator, Options.Seed, Options.Distribution, purpose: 2 + Basis.Count);
        Tensor vectors = range.Next(wanted);
        Tensor images = empty_like(vectors);
        for (int start = 0; start < wanted; start += Options.ProductsAtOnce)
        {
            int count = Math.Min(Options.ProductsAtOnce, wanted - start);
            images.narrow(0, start, count).copy_(Operator.Multiply(vectors.narrow(0, start, count), Cancellation));
            Sampled += count;
        }
        Basis.AddRange(images, Options.ProductsAtOnce, Cancellation);
        Recompute();
    }
}
