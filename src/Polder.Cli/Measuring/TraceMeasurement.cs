namespace Polder.Cli.Measuring;

/// <summary>The options of commands that need the trace of the Hessian beside what they are about.</summary>
internal sealed class TraceMeasurement
{
    private readonly CliOption<int> _probes = OptionOf.Count(
        "--probes", $"Hessian-vector products for the trace of the Hessian, at most, and at least {2 * TraceEstimationOptions.LeastSamples}; "
            + "0 leaves the trace out", 100, ValueRange.AtLeast(0));

    private readonly CliOption<double> _relativeError = OptionOf.Number(
        "--relative-error", "standard error of the trace, as a share of it, that ends its estimation", 0.05, ValueRange.Inside(0, 1));

    public TraceMeasurement(PolderCommand command)
    {
        command.Add(Heading.Measurement, _probes, _relativeError);
    }

    /// <summary>Whether the trace is asked for; a number of products that is none is refused.</summary>
    /// <exception cref="UserErrorException">There are too few products for an error.</exception>
    public bool IsAsked(CommandContext context)
    {
        int probes = context.Get(_probes);
        if (probes is > 0 and < 2 * TraceEstimationOptions.LeastSamples)
            throw UserErrorException.ForOption(_probes.Name, $"{probes}", $"0, or a whole number >= {2 * TraceEstimationOptions.LeastSamples}");
        return probes > 0;
    }

    /// <summary>Measures the trace; null where it was not asked for or was stopped before anything is known.</summary>
    /// <param name="context">The command.</param>
    /// <param name="hessian">The Hessian.</param>
    /// <param name="seed">The seed of the random vectors.</param>
    /// <param name="blocks">Blocks whose traces are wanted, too.</param>
    public TraceEstimate? Measure(CommandContext context, Hessian hessian, long seed, IReadOnlyList<ParameterBlock>? blocks = null)
    {
        if (!IsAsked(context) || context.Cancellation.IsCancellationRequested)
            return null;
        int probes = context.Get(_probes);
        return context.Output.Track("trace of the Hessian", probes, tracker =>
        {
            try
            {
                return hessian.Trace(
                    new TraceEstimationOptions
                    {
                        MaxProducts = probes,
                        RelativeError = context.Get(_relativeError),
                        Seed = seed,
                        Blocks = blocks,
                        Progress = new Relay<TraceEstimate>(e =>
                            tracker.Report(e.Products, () => $"product {e.Products}, {e.Value:G4} +- {e.StandardError:G2}")),
                    },
                    context.Cancellation);
            }
            catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
            {
                return null;
            }
        });
    }

    /// <summary>What JSON says of a trace.</summary>
    public static object? Describe(TraceEstimate? trace) => trace is null ? null : new { trace.Value, trace.StandardError, trace.Products, trace.Estimator };
}
