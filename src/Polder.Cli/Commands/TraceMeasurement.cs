using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Curvature;
using Polder.Experiments.Comparison;
using Polder.Experiments.Measurement;
using Polder.Noise;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Cli.Commands;

/// <summary>The options of commands that need the trace of the Hessian beside what they are about.</summary>
internal sealed class TraceMeasurement
{
    private readonly CliOption<int> _probes = OptionOf.Count(
        "--probes", "Hessian-vector products for the trace of the Hessian; 0 leaves the trace out", 30, ValueRange.AtLeast(0));

    public TraceMeasurement(PolderCommand command) => command.Add(_probes);

    /// <summary>Measures the trace of a loss over a network's images; null where it was not asked for or was stopped before its second product.</summary>
    /// <param name="context">The command.</param>
    /// <param name="network">The network.</param>
    /// <param name="loss">The mean loss of logits and labels.</param>
    public MeasuredTrace? Measure(CommandContext context, MeasuredNetwork network, Func<Tensor, Tensor, Tensor> loss)
    {
        int probes = context.Get(_probes);
        if (probes == 0)
            return null;
        var hessian = Hessian.Of(network.Model, network.Batches, loss);
        var noise = new PhiloxNoise(0, NoiseDistribution.Rademacher);
        var samples = new List<double>();
        context.Output.Track("trace of the Hessian", probes, tracker =>
        {
            try
            {
                using var vector = hessian.Loss.Space.CreateVector();
                for (int i = 0; i < probes; i++)
                {
                    using var scope = NewDisposeScope();
                    hessian.Loss.Space.Materialise(noise, 0, i, vector);
                    Tensor probe = cat([.. vector.Blocks.Select(b => b.reshape(-1))]).unsqueeze(0);
                    samples.Add(hessian.Multiply(probe, context.Cancellation).mul(probe).sum(ScalarType.Float64).ToDouble());
                    tracker.Report(i + 1, () => $"product {samples.Count} of {probes}, {samples.Average():G4} +- {StandardError(samples):G2}");
                }
            }
            catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
            {
                // What is finished counts.
            }
        });
        return samples.Count < 2 ? null : new MeasuredTrace(samples.Average(), StandardError(samples), samples.Count);
    }

    private static double StandardError(List<double> samples) => Summary.Of(samples).StandardDeviation / Math.Sqrt(samples.Count);
}

/// <summary>The trace of a Hessian.</summary>
/// <param name="Value">The estimate.</param>
/// <param name="StandardError">Its standard error.</param>
/// <param name="Products">The Hessian-vector products that it took.</param>
internal sealed record MeasuredTrace(double Value, double StandardError, long Products);
