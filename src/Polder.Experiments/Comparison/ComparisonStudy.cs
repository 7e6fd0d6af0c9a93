using System.Diagnostics;

namespace Polder.Experiments.Comparison;

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
    private readonly HashSet<string> _notes = [];

    /// <summary>Compares methods on a recipe; its own method is not looked at.</summary>
    /// <param name="task">The opened recipe.</param>
    /// <param name="methods">The methods.</param>
    public ComparisonStudy(RecipeTask task, IReadOnlyList<MethodChoice> methods)
        : this(task, methods, (task ?? throw new ArgumentNullException(nameof(task))).Recipe.Training)
    {
    }

    /// <summary>Told after every step of every training.</summary>
    public IProgress<ComparisonProgress>? Progress { get; init; }

    /// <summary>Told in words what the trainings keep so that it need not be computed again; each line once.</summary>
    public IProgress<string>? Note { get; init; }

    /// <summary>Told after every pass of every measurement of curvature.</summary>
    public IProgress<MeasuringProgress>? Measuring { get; init; }

    /// <summary>What every method has the same of.</summary>
    public ComparisonBudget Budget { get; init; } = ComparisonBudget.Epochs;

    /// <summary>How the curvature of the training loss is measured at the tested weights of each run; null (default): not at all.</summary>
    public WeightCurvatureOptions? Curvature { get; init; }

    /// <summary>Told when a run has ended.</summary>
    public IProgress<(string Method, MethodRun Run)>? Run { get; init; }

    /// <summary>Runs the study: seed by seed, all methods on a seed before the next, so that a stopped study has whole pairs.</summary>
    /// <param name="seeds">The seeds.</param>
    /// <param name="cancellation">Stops the study; what is finished is returned.</param>
    /// <exception cref="TrainingDivergedException">Every training diverged; the message names the first's method and seed. One among others is in the
    /// result.</exception>
    public ComparisonResult Execute(IReadOnlyList<long> seeds, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(seeds);
        var runs = methods.Select(_ => new List<MethodRun>()).ToArray();
        var diverged = new List<DivergedRun>();
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
        return new ComparisonResult(
            task.Name, [.. methods.Select((method, m) => new MethodRuns(method.Name, method.Options, runs[m]) { Label = method.Label })
                .Where(r => r.Runs.Count > 0)],
            total, diverged, [.. _unmeasured]);
    }

    private MethodRun RunOne(MethodChoice method, long seed, int done, int total, CancellationToken cancellation)
    {
        long clock = Stopwatch.GetTimestamp();
        using FineTuningStart start = task.Prepare(seed);
        TrainingOptions options = method.BaseTraining(training) with { Seed = seed };
        if (Budget == ComparisonBudget.Gradients)
            options = options with { Steps = method.StepsForGradientsOfNso(start, training) };
        TrainedClassifier classifier = start.Classifier;
        var trainer = new Trainer(options, method.For(start, options))
        {
            Distribution = method.Distribution,
            Note = Note is null ? null : new Relay<string>(line =>
            {
                if (_notes.Add(line))
                    Note.Report(line);
            }),
            Progress = Progress is null
                ? null
                : new Relay<TrainingProgress>(p => Progress.Report(new ComparisonProgress(method.Label, seed, done + ((double)p.Step / p.Steps), total, p))),
        };
        TrainingResult result;
        try
        {
            result = trainer.Run(
                classifier.Network, start.Splits.Train, start.Splits.Validation, classifier.Normalization, classifier.ImageSize, cancellation);
        }
        catch (TrainingDivergedException e)
        {
            throw new TrainingDivergedException($"{method.Label}, seed {seed}: {e.Message}", e);
        }
        ClassificationMetrics test = classifier.Measure(start.Splits.Test, batchSize: training.BatchSize, cancellation: cancellation);
        var run = new MethodRun(
            seed, test.Accuracy, test.Loss, result.Best.ValidationAccuracy, result.Best.ValidationLoss, result.TrainLoss, result.Best.Epoch,
            result.Steps, result.GradientEvaluations, result.SecondsPerStep, Stopwatch.GetElapsedTime(clock).TotalSeconds)
        {
            SkippedSteps = result.SkippedSteps,
            IsBeforeAverage = options.Averaging is { Kind: not AveragingKind.None } && !result.Best.IsAverage,
            Test = test.Figures.ToDictionary(f => f.Name, f => f.Value),
        };
        return Curvature is null ? run : run with { Curvature = Measure(Curvature, start, method, seed, done + 1, cancellation) };
    }

    private WeightCurvature? Measure(WeightCurvatureOptions options, FineTuningStart start, MethodChoice method, long seed, int done,
        CancellationToken cancellation)
    {
        if (Measuring is not null)
            options = options with { Progress = new Relay<WeightCurvatureProgress>(p => Measuring.Report(new MeasuringProgress(method.Label, seed, done, p))) };
        try
        {
            return options.Measure(start.Classifier, start.Splits.Train, seed, cancellation);
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
