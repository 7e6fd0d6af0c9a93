using System.Diagnostics;

namespace Polder.Experiments.Sensing;

/// <summary>What a <see cref="SensingStudy"/> runs: every method on every seed.</summary>
public sealed record SensingOptions
{
    /// <summary>d.</summary>
    public int Dimension { get; init; } = 100;

    /// <summary>The rank r of X, 1 to d.</summary>
    public int Rank { get; init; } = 5;

    /// <summary>n; null for 5 d r.</summary>
    public int? Measurements { get; init; }

    /// <summary>Steps of a run.</summary>
    public int Steps { get; init; } = 5000;

    /// <summary>The learning rate of plain gradient descent, above 0.</summary>
    public double LearningRate { get; init; } = 0.0025;

    /// <summary>The methods by name; gd is <see cref="Plain"/>.</summary>
    public IReadOnlyList<KeyValuePair<string, IGradientMethod>> Methods { get; init; } =
        [new("gd", new Plain()), new("wp", new WeightPerturbation { Sigma = 0.08 }), new("nso", new NoiseStability { Sigma = 0.08 })];

    /// <summary>The seeds: problem, start and noise follow from each.</summary>
    public IReadOnlyList<long> Seeds { get; init; } = [0];

    /// <summary>The standard deviation of the start's elements, above 0.</summary>
    public double InitialScale { get; init; } = 1;

    /// <summary>Float32 or Float64.</summary>
    public torch.ScalarType DataType { get; init; } = torch.ScalarType.Float32;

    /// <summary>The metrics are taken every so many steps, at the start and after the last step.</summary>
    public int MetricsEvery { get; init; } = 50;

    /// <summary>The greatest number of threads; 0 for all processors. It does not change the result.</summary>
    public int Threads { get; init; }

    /// <summary>Products with the Hessian that estimate its trace after the last step, 0 (default: no estimate) or at least 20.</summary>
    public int TraceProducts { get; init; }

    /// <summary>n, given or by default.</summary>
    public int MeasurementCount => Measurements ?? (5 * Dimension * Rank);

    /// <summary>Checks every field.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A field is outside its range; the message names it, what was found and what is allowed.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Dimension, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Rank, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Rank, Dimension);
        ArgumentOutOfRangeException.ThrowIfLessThan(MeasurementCount, 1, nameof(Measurements));
        ArgumentOutOfRangeException.ThrowIfLessThan(Steps, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(LearningRate);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(InitialScale);
        ArgumentOutOfRangeException.ThrowIfLessThan(MetricsEvery, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Threads);
        Require.That(TraceProducts == 0 || TraceProducts >= 2 * TraceEstimationOptions.LeastSamples, TraceProducts, "0 or an integer of at least 20");
        foreach (var method in Methods)
            method.Value.Validate();
    }
}

/// <summary>A point of a learning curve.</summary>
/// <param name="Step">How many steps were taken.</param>
/// <param name="Metrics">The errors there.</param>
public readonly record struct SensingPoint(int Step, SensingMetrics Metrics);

/// <summary>One method on one seed.</summary>
/// <param name="Method">The method's name.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Final">The errors after the last step.</param>
/// <param name="SecondsPerStep">Seconds of a step, metrics not counted.</param>
/// <param name="Curve">The learning curve, from step 0.</param>
public sealed record SensingResult(string Method, long Seed, SensingMetrics Final, double SecondsPerStep, IReadOnlyList<SensingPoint> Curve)
{
    /// <summary>Tr H of the training loss after the last step; null where it was not asked for.</summary>
    public TraceEstimate? Trace { get; init; }
}

/// <summary>How far a study is.</summary>
/// <param name="Run">Runs that are done.</param>
/// <param name="Runs">All runs.</param>
/// <param name="Method">The method that runs.</param>
/// <param name="Seed">The seed that runs.</param>
/// <param name="Point">The last point of its curve.</param>
public sealed record SensingProgress(int Run, int Runs, string Method, long Seed, SensingPoint Point);

/// <summary>Full-batch gradient descent on matrix sensing with the gradients of several methods.</summary>
public static class SensingStudy
{
    /// <summary>Runs every method on every seed.</summary>
    /// <param name="options">What to run.</param>
    /// <param name="progress">Told at every point of a curve.</param>
    /// <param name="cancellation">Checked before every step.</param>
    /// <returns>One result a method and seed, seed after seed.</returns>
    /// <exception cref="NonFiniteGradientException">A run diverged: the learning rate is too large for it.</exception>
    public static IReadOnlyList<SensingResult> Run(SensingOptions options, IProgress<SensingProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var results = new List<SensingResult>();
        int runs = options.Seeds.Count * options.Methods.Count;
        foreach (long seed in options.Seeds)
        {
            cancellation.ThrowIfCancellationRequested();
            SensingProblem problem = SensingProblem.Generate(
                options.Dimension, options.Rank, options.MeasurementCount, seed, options.InitialScale, options.DataType, options.Threads);
            foreach (var method in options.Methods)
            {
                int done = results.Count;
                results.Add(RunOne(problem, options, method, seed, point => progress?.Report(new SensingProgress(done, runs, method.Key, seed, point)),
                    cancellation));
            }
        }

        return results;
    }

    private static SensingResult RunOne(
        SensingProblem problem, SensingOptions options, KeyValuePair<string, IGradientMethod> method, long seed, Action<SensingPoint> report,
        CancellationToken cancellation)
    {
        using var scope = torch.NewDisposeScope();
        using Parameter weights = problem.CreateStart();
        using var optimizer = new FlatMinimaOptimizer(
            torch.optim.SGD([weights], options.LearningRate), method.Value, seed: seed)
        { Runner = new SensingProbeRunner() };
        var curve = new List<SensingPoint>();
        var clock = new Stopwatch();
        Measure(0);
        for (int step = 1; step <= options.Steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            clock.Start();
            optimizer.Step(problem);
            clock.Stop();
            if (step % options.MetricsEvery == 0 || step == options.Steps)
                Measure(step);
        }

        return new SensingResult(method.Key, seed, curve[^1].Metrics, clock.Elapsed.TotalSeconds / options.Steps, curve)
        {
            Trace = options.TraceProducts == 0 ? null : new SensingHessian(problem, weights).Trace(
                new TraceEstimationOptions { Estimator = TraceEstimator.Hutchinson, MaxProducts = options.TraceProducts, Seed = seed }, cancellation),
        };

        void Measure(int step)
        {
            var point = new SensingPoint(step, problem.Measure(weights));
            curve.Add(point);
            report(point);
        }
    }
}
