using System.Diagnostics;
using Polder.Statistics;
using Polder.Vision.Data;
using Polder.Vision.Training;

namespace Polder.Experiments.Comparison;

/// <summary>One method on one seed.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="TestAccuracy">The accuracy of the best epoch's weights on the test images, between 0 and 1.</param>
/// <param name="TestLoss">Their mean cross entropy on the test images.</param>
/// <param name="ValidationAccuracy">The accuracy that chose the epoch.</param>
/// <param name="ValidationLoss">The mean cross entropy on the validation images at that epoch.</param>
/// <param name="TrainLoss">The training loss of the last epoch.</param>
/// <param name="BestEpoch">The epoch that was tested, from 1.</param>
/// <param name="Steps">Steps of the base optimizer.</param>
/// <param name="GradientEvaluations">Gradients, each over one batch.</param>
/// <param name="SecondsPerStep">The mean time of a step.</param>
/// <param name="Seconds">The time of the whole run.</param>
public sealed record MethodRun(
    long Seed, double TestAccuracy, double TestLoss, double ValidationAccuracy, double ValidationLoss, double TrainLoss, int BestEpoch, long Steps,
    long GradientEvaluations, double SecondsPerStep, double Seconds)
{
    /// <summary>Steps that were left out since a loss or gradient was not finite.</summary>
    public long SkippedSteps { get; init; }

    /// <summary>The curvature of the training loss at the tested weights; null where it was not asked for, not finished, or not finite.</summary>
    public WeightCurvature? Curvature { get; init; }
}

/// <summary>One method over all seeds.</summary>
/// <param name="Method">Its name.</param>
/// <param name="Options">Its options.</param>
/// <param name="Runs">Its runs, one a seed.</param>
public sealed record MethodRuns(string Method, IReadOnlyDictionary<string, object> Options, IReadOnlyList<MethodRun> Runs)
{
    /// <summary>What reports call it, <see cref="MethodChoice.Label"/>.</summary>
    public string Label { get; init; } = Method;

    /// <summary>Mean and spread of the test accuracy.</summary>
    public Summary TestAccuracy => Summary.Of([.. Runs.Select(r => r.TestAccuracy)]);

    /// <summary>Mean and spread of the validation accuracy.</summary>
    public Summary ValidationAccuracy => Summary.Of([.. Runs.Select(r => r.ValidationAccuracy)]);

    /// <summary>Mean and spread of a figure over the runs that have it; null where none has.</summary>
    /// <param name="figure">The figure of a run; null where the run has none.</param>
    public Summary? SummaryOf(Func<MethodRun, double?> figure)
    {
        ArgumentNullException.ThrowIfNull(figure);
        double[] values = [.. Runs.Select(figure).OfType<double>()];
        return values.Length == 0 ? null : Summary.Of(values);
    }

    /// <summary>The paired difference of a figure to another method's on the seeds where both have it; null where there is none.</summary>
    /// <param name="other">The other method.</param>
    /// <param name="figure">The figure of a run, null where the run has none; without it the test accuracy.</param>
    public PairedDifference? DifferenceTo(MethodRuns other, Func<MethodRun, double?>? figure = null)
    {
        ArgumentNullException.ThrowIfNull(other);
        figure ??= run => run.TestAccuracy;
        var pairs = Runs.Join(other.Runs, r => r.Seed, r => r.Seed, (a, b) => (Value: figure(a), Reference: figure(b)))
            .Where(p => p is { Value: not null, Reference: not null }).ToArray();
        return pairs.Length == 0 ? null : PairedDifference.Of([.. pairs.Select(p => p.Value!.Value)], [.. pairs.Select(p => p.Reference!.Value)]);
    }
}

/// <summary>A training that diverged.</summary>
/// <param name="Method">The method's <see cref="MethodChoice.Label"/>.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Message">Where and how.</param>
public sealed record DivergedRun(string Method, long Seed, string Message);

/// <summary>A run whose curvature is not finite.</summary>
/// <param name="Method">The method's <see cref="MethodChoice.Label"/>.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Message">What was found.</param>
public sealed record UnmeasuredRun(string Method, long Seed, string Message);

/// <summary>Where a comparison stands.</summary>
/// <param name="Method">The <see cref="MethodChoice.Label"/> of the method that runs.</param>
/// <param name="Seed">Its seed.</param>
/// <param name="Done">Runs done, with the share of the one at hand.</param>
/// <param name="Runs">All runs.</param>
/// <param name="Training">The training at hand.</param>
public sealed record ComparisonProgress(string Method, long Seed, double Done, int Runs, TrainingProgress Training);

/// <summary>Where the measurement after a training stands.</summary>
/// <param name="Method">The <see cref="MethodChoice.Label"/> of the method that was trained.</param>
/// <param name="Seed">Its seed.</param>
/// <param name="Done">Trainings done, this one included.</param>
/// <param name="Curvature">The measurement at hand.</param>
public sealed record MeasuringProgress(string Method, long Seed, int Done, WeightCurvatureProgress Curvature);

/// <summary>Every method on every seed of a task, from the same starts.</summary>
/// <param name="task">The task.</param>
/// <param name="methods">The methods.</param>
/// <param name="training">The training, the same for all; the seed of each run replaces its seed.</param>
public sealed class ComparisonStudy(IFineTuningTask task, IReadOnlyList<MethodChoice> methods, TrainingOptions training)
{
    private readonly List<UnmeasuredRun> _unmeasured = [];

    /// <summary>Told after every step of every training.</summary>
    public IProgress<ComparisonProgress>? Progress { get; init; }

    /// <summary>Told after every pass of every measurement of curvature.</summary>
    public IProgress<MeasuringProgress>? Measuring { get; init; }

    /// <summary>What every method has the same of.</summary>
    public ComparisonBudget Budget { get; init; } = ComparisonBudget.Epochs;

    /// <summary>How the curvature of the training loss is measured at the tested weights of each run; null (default): not at all.</summary>
    public WeightCurvatureOptions? Curvature { get; init; }

    /// <summary>Told when a run has ended.</summary>
    public IProgress<(string Method, MethodRun Run)>? Run { get; init; }

    /// <summary>The trainings of the last <see cref="Execute"/> that diverged; a comparison leaves them out.</summary>
    public IReadOnlyList<DivergedRun> Diverged { get; private set; } = [];

    /// <summary>The runs of the last <see cref="Execute"/> whose curvature is not finite; their accuracy counts.</summary>
    public IReadOnlyList<UnmeasuredRun> Unmeasured => _unmeasured;

    /// <summary>Runs the study: seed by seed, all methods on a seed before the next, so that a stopped study has whole pairs.</summary>
    /// <param name="seeds">The seeds.</param>
    /// <param name="cancellation">Stops the study; what is finished is returned, methods without a finished run are left out.</param>
    /// <exception cref="TrainingDivergedException">Every training diverged; the message names the first's method and seed. One among others is in <see cref="Diverged"/>.</exception>
    public IReadOnlyList<MethodRuns> Execute(IReadOnlyList<long> seeds, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(seeds);
        var runs = methods.Select(_ => new List<MethodRun>()).ToArray();
        var diverged = new List<DivergedRun>();
        Diverged = diverged;
        _unmeasured.Clear();
        TrainingDivergedException? first = null;
        int total = seeds.Count * methods.Count, done = 0;
        try
        {
            foreach (long seed in seeds)
            {
                for (int m = 0; m < methods.Count; m++)
                {
                    done++;
                    try
                    {
                        runs[m].Add(RunOne(methods[m], seed, done - 1, total, cancellation));
                    }
                    catch (TrainingDivergedException e)
                    {
                        first ??= e;
                        diverged.Add(new DivergedRun(methods[m].Label, seed, e.Message));
                        continue;
                    }
                    Run?.Report((methods[m].Label, runs[m][^1]));
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // What is finished is kept.
        }
        if (first is not null && runs.All(r => r.Count == 0))
            throw first;
        return [.. methods.Select((method, m) => new MethodRuns(method.Name, method.Options, runs[m]) { Label = method.Label }).Where(r => r.Runs.Count > 0)];
    }

    private MethodRun RunOne(MethodChoice method, long seed, int done, int total, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        using FineTuningCase @case = task.Prepare(seed);
        TrainingOptions options = method.Fit(training) with { Seed = seed };
        if (Budget == ComparisonBudget.Gradients)
            options = options with { Steps = method.StepsForGradientsOfNso(@case, training) };
        var trainer = new Trainer(options, method.For(@case, options))
        {
            Distribution = method.Distribution,
            Progress = Progress is null
                ? null
                : new Relay<TrainingProgress>(p => Progress.Report(new ComparisonProgress(method.Label, seed, done + ((double)p.Step / p.Steps), total, p))),
        };
        TrainingResult result;
        try
        {
            result = trainer.Run(
                @case.Model, @case.Splits.Train, @case.Splits.Validation, @case.File.Normalization, @case.File.ImageSize, cancellation);
        }
        catch (TrainingDivergedException e)
        {
            throw new TrainingDivergedException($"{method.Label}, seed {seed}: {e.Message}", e);
        }
        var test = new Loader(@case.Splits.Test, new LoaderOptions
        {
            BatchSize = training.BatchSize,
            Normalization = @case.File.Normalization,
            ImageSize = @case.File.ImageSize,
        });
        EvaluationResult evaluation = EvaluationResult.Of(@case.Model, test, cancellation);
        var run = new MethodRun(
            seed, evaluation.Accuracy, evaluation.Loss, result.Best.ValidationAccuracy, result.Best.ValidationLoss, result.TrainLoss, result.Best.Epoch,
            result.Steps, result.GradientEvaluations, result.SecondsPerStep, Stopwatch.GetElapsedTime(start).TotalSeconds)
        {
            SkippedSteps = result.SkippedSteps,
        };
        return Curvature is null ? run : run with { Curvature = Measure(Curvature, @case, method, seed, done + 1, cancellation) };
    }

    private WeightCurvature? Measure(WeightCurvatureOptions options, FineTuningCase @case, MethodChoice method, long seed, int done, CancellationToken cancellation)
    {
        if (Measuring is not null)
            options = options with { Progress = new Relay<WeightCurvatureProgress>(p => Measuring.Report(new MeasuringProgress(method.Label, seed, done, p))) };
        try
        {
            return options.Measure(@case.Model, @case.File, @case.Splits.Train, seed, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return null; // the run is finished and stays
        }
        catch (ArithmeticException e)
        {
            _unmeasured.Add(new UnmeasuredRun(method.Label, seed, e.Message));
            return null;
        }
    }
}
