using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using static System.FormattableString;

namespace Polder.Experiments.Comparison;

/// <summary>What came of one method on one seed.</summary>
/// <param name="Run">The finished run; null where the training diverged.</param>
/// <param name="Diverged">Where and how it diverged.</param>
/// <param name="Unmeasured">Why its curvature is missing.</param>
internal sealed record StudyOutcome(MethodRun? Run, string? Diverged = null, string? Unmeasured = null)
{
    public JsonObject ToJson() => ResultJson.Node(this)!.AsObject();

    public static StudyOutcome Of(JsonObject json) => json.Deserialize<StudyOutcome>(ResultJson.Options)!;
}

/// <summary>Who is told what while a run goes on.</summary>
/// <param name="Training">Told after every step.</param>
/// <param name="Measuring">Told after every pass of the measurement.</param>
/// <param name="Note">Told in words what the training keeps.</param>
/// <param name="Ended">Told of a finished run.</param>
internal sealed record StudyEvents(Action<TrainingProgress> Training, Action<WeightCurvatureProgress> Measuring, Action<string> Note, Action<MethodRun> Ended);

/// <summary>One training of a study with its test and measurement: it depends on nothing but what is here.</summary>
/// <param name="Task">The task.</param>
/// <param name="Method">The method.</param>
/// <param name="Training">The training, with its seed; the budget may change its steps.</param>
/// <param name="Budget">What all methods have the same of.</param>
/// <param name="StepTime">What a step costs beside one of the base optimizer; null where the budget does not ask.</param>
/// <param name="Curvature">How the curvature is measured; null: not.</param>
internal sealed record StudyRun(IFineTuningTask Task, MethodChoice Method, TrainingOptions Training, ComparisonBudget Budget, StepTime? StepTime,
    WeightCurvatureOptions? Curvature)
{
    private long Seed => Training.Seed;

    /// <summary>How a bound of the error is measured; null: not.</summary>
    public RunBoundOptions? Bound { get; init; }

    /// <summary>What frozen layers make of images, shared with other runs; null: nothing is.</summary>
    public FeatureCache? Features { get; init; }

    /// <summary>What people call it.</summary>
    public string Name => Invariant($"{Method.Label}, seed {Seed}");

    /// <summary>Trains, tests and measures.</summary>
    /// <param name="events">Who is told.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public StudyOutcome Execute(StudyEvents events, CancellationToken cancellation)
    {
        StudyOutcome outcome = Train(events, cancellation);
        if (outcome.Run is { } run)
            events.Ended(run);
        return outcome;
    }

    private StudyOutcome Train(StudyEvents events, CancellationToken cancellation)
    {
        long clock = Stopwatch.GetTimestamp();
        using FineTuningStart start = Task.Prepare(Seed);
        TrainedClassifier classifier = start.Classifier;
        TrainingOptions options = WithBudget(start);
        using var begin = new TrainingStart(classifier.Network);
        using FeatureCache? own = Features is null ? new FeatureCache() : null;
        using var way = new Waypoints(classifier, options, MatchedIn(start, options, Features ?? own!, cancellation));
        var trainer = new Trainer(options, Method.For(start, options))
        {
            Epoch = way.Epoch,
            Distribution = Method.Distribution,
            Features = Features,
            Note = new Relay<string>(events.Note),
            Progress = new Relay<TrainingProgress>(progress =>
            {
                way.Look(progress);
                events.Training(progress);
            }),
        };
        TrainingResult result;
        try
        {
            result = trainer.Run(
                classifier.Network, start.Splits.Train, start.Splits.Validation, classifier.Normalization, classifier.ImageSize, cancellation);
        }
        catch (TrainingDivergedException e)
        {
            return new StudyOutcome(null, Diverged: $"{Name}: {e.Message}");
        }
        ClassificationMetrics test = Test();
        var run = new MethodRun(
            Seed, test.Accuracy, test.Loss, result.Best.ValidationAccuracy, result.Best.ValidationLoss, result.TrainLoss, result.Best.Epoch,
            result.Steps, result.GradientEvaluations, result.SecondsPerStep, Stopwatch.GetElapsedTime(clock).TotalSeconds)
        {
            SkippedSteps = result.SkippedSteps,
            Images = result.Images,
            IsBeforeAverage = Training.Averaging is { Kind: not AveragingKind.None } && !result.Best.IsAverage,
            Curve = RunCurve.Of(result.Epochs),
            Test = test.Figures.ToDictionary(f => f.Name, f => f.Value),
            AtBestEpoch = way.BestEpoch is not { } best ? null
                : new BestEpochTest(best, way.AtBest(() => Test().Accuracy)),
            Distance = begin.BodyDistance(),
        };
        try
        {
            return new StudyOutcome(Measured(run, start, begin, way, events, cancellation));
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return new StudyOutcome(run); // the run is finished and stays, where nobody can go on with it
        }
        catch (ArithmeticException e)
        {
            return new StudyOutcome(run, Unmeasured: e.Message);
        }

        ClassificationMetrics Test() => Features?.Measure(classifier, start.Splits.Test, Training.BatchSize, cancellation)
            ?? classifier.Measure(start.Splits.Test, batchSize: Training.BatchSize, cancellation: cancellation);
    }

    private MatchedWeights? MatchedIn(FineTuningStart start, TrainingOptions options, FeatureCache features, CancellationToken cancellation)
    {
        ImageSet train = start.Splits.Train;
        return Curvature?.AtLoss is not { } loss ? null : new MatchedWeights(
            start.Classifier.Network, loss, (train.Count + options.BatchSize - 1) / options.BatchSize,
            () => features.Evaluate(start.Classifier, train, cancellation: cancellation).Loss);
    }

    private MethodRun Measured(
        MethodRun run, FineTuningStart start, TrainingStart begin, Waypoints way, StudyEvents events, CancellationToken cancellation)
    {
        if (Curvature is not null)
        {
            WeightCurvatureOptions measurement = Curvature with { Progress = new Relay<WeightCurvatureProgress>(events.Measuring) };
            run = run with { Curvature = Measure() };
            if (Curvature.AtBestEpoch && run.AtBestEpoch is { } best)
                run = run with { AtBestEpoch = best with { Curvature = best.Epoch == run.BestEpoch ? run.Curvature : way.AtBest(Measure) } };
            if (way.MatchedEpoch is { } epoch)
                run = run with { AtLoss = new MatchedCurvature(Curvature.AtLoss!.Value, epoch, way.AtMatched(Measure)) };

            WeightCurvature Measure() => measurement.Measure(start.Classifier, start.Splits.Train, Seed, Features, cancellation);
        }
        if (Bound is null)
            return run;
        using FeatureCache? own = Features is null ? new FeatureCache() : null;
        return run with { Bound = Bound.Measure(start.Classifier, begin, start.Splits.Train, Seed, Features ?? own!, cancellation) };
    }

    /// <summary>The same as a cell of a folder.</summary>
    /// <param name="events">Who is told, where this process does it.</param>
    public Cell ToCell(StudyEvents events)
    {
        JsonObject json = RunSettings.Of(Task, Method, Training);
        json["seed"] = Seed;
        if (Budget != ComparisonBudget.Epochs)
            json["budget"] = ResultJson.Node(Budget);
        if (StepTime is not null)
            json["stepTime"] = ResultJson.Node(StepTime);
        if (Curvature is not null)
            json["curvature"] = Curvature.ToJson();
        if (Bound is not null)
            json["bound"] = Bound.ToJson();
        return new Cell(Name, json, work =>
        {
            StudyOutcome outcome = Train(events with { Training = Trained, Measuring = Measured }, work.Cancellation);
            // What is half done is not kept: it would be taken for the whole.
            work.Cancellation.ThrowIfCancellationRequested();
            if (outcome.Run is { } run)
                events.Ended(run);
            return outcome.ToJson();

            void Trained(TrainingProgress p)
            {
                // A measurement costs about as much as a training; nobody knows beforehand.
                work.Report(
                    (Curvature is null ? 1 : 0.5) * p.Step / p.Steps, () => Invariant($"{Name}: epoch {p.Epoch} of {p.Epochs}, loss {p.Loss:G4}"));
                events.Training(p);
            }

            void Measured(WeightCurvatureProgress p)
            {
                work.Report(0.5, () => Invariant($"{Name}: {p.Figure}, {p.Products} products, {p.Value:G4} +- {p.Error:G2}"));
                events.Measuring(p);
            }
        });
    }

    /// <summary>The training with the steps that the budget allows.</summary>
    internal TrainingOptions WithBudget(FineTuningStart start) => Budget switch
    {
        ComparisonBudget.Gradients => Training with { Steps = Method.StepsForGradientsOfNso(start, Training) },
        ComparisonBudget.Seconds when StepTime is not null => Training with { Steps = StepTime.StepsFor(Training.StepsOver(start.Splits.Train.Count)) },
        _ => Training,
    };
}
