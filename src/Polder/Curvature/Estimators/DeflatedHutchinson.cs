namespace Polder.Curvature.Estimators;

/// <summary>
/// The choice of auto: Hutchinson's samples with the ends of the spectrum, from Lanczos, taken out exactly as far as that pays
/// (Gambhir, Stathopoulos and Orginos, 2017, deflate before they sample); the exact trace where that is cheaper.
/// </summary>
internal sealed class DeflatedHutchinson(ILinearOperator @operator, TraceEstimationOptions options, CancellationToken cancellation)
    : SampledTrace(@operator, options, cancellation)
{
    // More than this for the subspace and its products, and taking more out would cost memory rather than time.
    private const long MostBytes = 1L << 31;

    protected override TraceEstimate Run()
    {
        long dimension = Operator.Dimension;
        if (dimension <= 2 * TraceEstimationOptions.LeastSamples || (!HasTolerance && dimension <= Options.MaxProducts))
            return Exact();
        KeepsSamples = true;
        while (Values.Count < TraceEstimationOptions.LeastSamples)
        {
            Sample(Math.Min(Options.ProductsAtOnce, TraceEstimationOptions.LeastSamples - Values.Count));
            Options.Progress?.Report(Current(EstimateExit.Budget));
        }
        // Take directions out, twice as many each time, as long as the last doubling saved more products than it cost.
        double cost = CostToGo();
        while (WorthExtending(cost))
        {
            int steps = Math.Max(TraceEstimationOptions.LeastSamples, Basis.Count);
            Name = "deflated";
            for (int i = 0; i < steps && Basis.AddKrylov(Cancellation); i++)
            {
            }
            Recompute();
            Options.Progress?.Report(Current(EstimateExit.Budget));
            if (Basis.IsWhole)
                return Current(EstimateExit.Exact);
            double next = CostToGo();
            // The samples' variance is itself an estimate: a saving below a tenth may be chance.
            bool saved = steps + next < cost * 0.9;
            cost = next;
            if (!saved)
                break;
        }
        // A few samples may overstate the variance twofold, and the whole matrix is a high price: look closer first.
        bool mayBeWhole = HasTolerance && Products + dimension + (dimension / 20) <= Options.MaxProducts;
        while (mayBeWhole && Products + cost >= dimension && Values.Count < Math.Min(100, dimension / 20))
        {
            Sample(Options.ProductsAtOnce);
            Options.Progress?.Report(Current(EstimateExit.Budget));
            cost = CostToGo();
        }
        if (HasTolerance && Products + cost >= dimension && Products + dimension <= Options.MaxProducts)
            return Exact();
        // The samples do not depend on what was taken out since: where they are enough already, no more are needed.
        TraceEstimate taken = Current(EstimateExit.Tolerance);
        if (HasTolerance && Basis.Count > 0 && TraceEstimation.IsReached(Options, taken.Value, taken.StandardError))
            return taken;
        Forget();
        return SampleToTheEnd();
    }

    // With a tolerance: the products that are still needed. Without: in the same unit, what the rest of the budget leaves of the variance.
    private double CostToGo()
    {
        (double mean, double error, _) = MeanEstimate.Of(Values);
        double variance = error * error * Values.Count;
        if (!HasTolerance)
            return variance / Math.Max(1, Options.MaxProducts - Products + Values.Count);
        double tolerance = Math.Max(Options.RelativeError * Math.Abs(mean + Basis.Trace()) ?? 0, Options.AbsoluteError ?? 0);
        return Math.Max(0, (variance / (tolerance * tolerance)) - Values.Count);
    }

    private bool WorthExtending(double cost)
    {
        int steps = Math.Max(TraceEstimationOptions.LeastSamples, Basis.Count);
        long bytes = 2 * (Basis.Count + steps) * Operator.Dimension * (Operator.DataType == ScalarType.Float64 ? 8 : 4);
        bool room = Products + steps + TraceEstimationOptions.LeastSamples <= Options.MaxProducts
            && bytes <= MostBytes && Basis.Count + steps < Operator.Dimension;
        return room && (HasTolerance ? cost > steps : steps <= (Options.MaxProducts - Products) / 2);
    }

    private TraceEstimate Exact()
    {
        using var scope = NewDisposeScope();
        double trace = 0, squares = 0;
        double[] blocks = new double[Options.Blocks?.Count ?? 0];
        long done = 0;
        for (; done < Operator.Dimension; done += Options.ProductsAtOnce)
        {
            using var pass = NewDisposeScope();
            long count = Math.Min(Options.ProductsAtOnce, Operator.Dimension - done);
            Tensor units = zeros([count, Operator.Dimension], Operator.DataType, Operator.Device);
            units.narrow(1, done, count).copy_(eye(count, dtype: Operator.DataType, device: Operator.Device));
            Tensor products = Operator.Multiply(units, Cancellation).to(ScalarType.Float64);
            Sampled += count;
            squares += products.pow(Number(2)).sum().ToDouble();
            double[] diagonal = products.narrow(1, done, count).diagonal().cpu().data<double>().ToArray();
            trace += diagonal.Sum();
            for (int i = 0; i < diagonal.Length; i++)
                for (int b = 0; b < blocks.Length; b++)
                    if (done + i >= Options.Blocks![b].Offset && done + i < Options.Blocks[b].Offset + Options.Blocks[b].Count)
                        blocks[b] += diagonal[i];
        }
        int samples = (int)Math.Min(int.MaxValue, Operator.Dimension);
        return new TraceEstimate(trace, 0, samples, Products, "exact", samples, EstimateExit.Exact)
        {
            SquaredFrobeniusNorm = new Estimate(squares, 0, samples, Products),
            Blocks = [.. blocks.Select((value, i) => (Options.Blocks![i], new Estimate(value, 0, samples, Products)))],
        };
    }
}
