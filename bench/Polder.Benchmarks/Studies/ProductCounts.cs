using Polder.Curvature;


namespace Polder.Benchmarks.Studies;

/// <summary>What one run of a trace estimator took to reach an asked error.</summary>
/// <param name="Asked">The standard error that was asked for, as a share of the trace.</param>
/// <param name="Products">The products until it said to have reached it; where it did not, all it was given.</param>
/// <param name="Value">The trace that it gave.</param>
/// <param name="StandardError">The standard error that it stated.</param>
/// <param name="Reached">Whether it came to the asked error.</param>
public sealed record TraceCost(double Asked, long Products, double Value, double StandardError, bool Reached)
{
    /// <summary>The products of a run that was cut short, had it gone on: the error of independent samples falls with the root of their number.</summary>
    public double ProductsToGo => Reached ? Products : Products * Math.Pow(StandardError / (Asked * Math.Abs(Value)), 2);
}

/// <summary>What one search for the first eigenvalue took.</summary>
/// <param name="Error">The relative error in question.</param>
/// <param name="Products">The products until the value was within it of the true one; null where it never was.</param>
/// <param name="OwnProducts">The products until the method's own rule ended it for that error; null where it never did.</param>
/// <param name="OwnError">The true relative error at that end.</param>
public sealed record EigenvalueCost(double Error, long? Products, long? OwnProducts, double? OwnError);

/// <summary>How a first eigenvalue is searched for.</summary>
public enum EigenvalueSearch
{
    /// <summary>Lanczos' method. Its own rule: a residual of at most the root of the error, since the error goes with the residual's square.</summary>
    Lanczos,

    /// <summary>Power iteration. Its own rule, that of PyHessian: the value changed by less than the error, as a share of it.</summary>
    PowerIteration,
}

/// <summary>Counts the products that estimates of a matrix need until they reach an error.</summary>
public static class ProductCounts
{
    /// <summary>Runs an estimator of the trace once for each asked error, each a run of its own where that matters.</summary>
    /// <param name="operator">The matrix.</param>
    /// <param name="estimator">The estimator.</param>
    /// <param name="asked">Standard errors, as shares of the trace.</param>
    /// <param name="seed">The seed of the random vectors.</param>
    /// <param name="maxProducts">The most products of a run.</param>
    /// <param name="cancellation">Stops, by an exception.</param>
    public static IReadOnlyList<TraceCost> OfTrace(
        ILinearOperator @operator, TraceEstimator estimator, IReadOnlyList<double> asked, long seed, int maxProducts, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(asked);
        // What auto takes out depends on the error that it is to reach; the others do the same steps and only end earlier.
        return estimator == TraceEstimator.Auto
            ? [.. asked.Select(error => Follow([error], error)[0])]
            : Follow(asked, asked.Min());

        TraceCost[] Follow(IReadOnlyList<double> errors, double tightest)
        {
            var costs = new TraceCost?[errors.Count];
            var look = new Relay<TraceEstimate>(now =>
            {
                for (int i = 0; i < costs.Length; i++)
                    if (now.Samples >= TraceEstimationOptions.LeastSamples && now.StandardError <= errors[i] * Math.Abs(now.Value))
                        costs[i] ??= new TraceCost(errors[i], now.Products, now.Value, now.StandardError, true);
            });
            TraceEstimate last = @operator.Trace(
                new TraceEstimationOptions { Estimator = estimator, RelativeError = tightest, MaxProducts = maxProducts, Seed = seed, Progress = look },
                cancellation);
            cancellation.ThrowIfCancellationRequested();
            // Auto reports while it looks at the spectrum, before it would end.
            if (estimator == TraceEstimator.Auto)
                costs[0] = null;
            return [.. costs.Select((cost, i) => cost
                ?? new TraceCost(errors[i], last.Products, last.Value, last.StandardError, last.Exit is EstimateExit.Tolerance or EstimateExit.Exact))];
        }
    }

    /// <summary>
    /// The products at which an error is reached: between two measured means by a straight line of the logarithms; below the first one
    /// those of the first, since an estimator has a least number; beyond the last one as the error of independent samples goes on falling.
    /// </summary>
    /// <param name="measured">Mean products and true error, in ascending order of products.</param>
    /// <param name="error">The error, as a share of the trace.</param>
    public static double AtError(IReadOnlyList<(double Products, double Error)> measured, double error)
    {
        ArgumentNullException.ThrowIfNull(measured);
        (double Products, double Error)? before = null;
        foreach ((double Products, double Error) now in measured)
        {
            if (now.Error <= error)
                return before is not { } above
                    ? now.Products
                    : above.Products * Math.Pow(now.Products / above.Products, Math.Log(error / above.Error) / Math.Log(now.Error / above.Error));
            before = now;
        }
        return before is { } last ? last.Products * Math.Pow(last.Error / error, 2) : double.NaN;
    }

    /// <summary>Searches for the largest eigenvalue until the smallest of some errors is reached and the method's own rule would have ended it.</summary>
    /// <param name="operator">A matrix whose largest eigenvalue is also the largest in absolute value.</param>
    /// <param name="search">The method.</param>
    /// <param name="truth">The eigenvalue.</param>
    /// <param name="errors">Relative errors.</param>
    /// <param name="seed">The seed of the start.</param>
    /// <param name="maxProducts">The most products.</param>
    /// <param name="cancellation">Stops, by an exception.</param>
    public static IReadOnlyList<EigenvalueCost> OfFirstEigenvalue(
        ILinearOperator @operator, EigenvalueSearch search, double truth, IReadOnlyList<double> errors, long seed, int maxProducts,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(errors);
        var costs = errors.Select(error => new EigenvalueCost(error, null, null, null)).ToArray();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        double? before = null;
        var look = new Relay<EigenProgress>(now =>
        {
            (double value, double residual) = (now.Pairs[0].Value, now.Pairs[0].Residual);
            double error = Math.Abs(value - truth) / Math.Abs(truth);
            for (int i = 0; i < costs.Length; i++)
            {
                if (costs[i].Products is null && error <= errors[i])
                    costs[i] = costs[i] with { Products = now.Products };
                bool ends = search == EigenvalueSearch.Lanczos
                    ? residual <= Math.Sqrt(errors[i]) * Math.Abs(value)
                    : before is { } last && Math.Abs(value - last) < errors[i] * Math.Abs(last);
                if (costs[i].OwnProducts is null && ends)
                    costs[i] = costs[i] with { OwnProducts = now.Products, OwnError = error };
            }
            before = value;
            if (costs.All(c => c is { Products: not null, OwnProducts: not null }))
                stop.Cancel();
        });
        var options = new EigenOptions { Tolerance = 1e-12, MaxProducts = maxProducts, Seed = seed, Progress = look };
        using Eigenpairs found = search == EigenvalueSearch.Lanczos
            ? @operator.TopEigenvalues(1, options, stop.Token)
            : @operator.PowerIteration(options, stop.Token);
        cancellation.ThrowIfCancellationRequested();
        return costs;
    }
}
