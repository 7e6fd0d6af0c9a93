using System.Diagnostics;

namespace Polder.Vision.Training;

/// <summary>Where a training stands: the counts and sums that its reports come from.</summary>
/// <param name="steps">All steps of the training.</param>
/// <param name="stepsPerEpoch">The steps of a whole epoch.</param>
internal sealed class TrainingRun(long steps, int stepsPerEpoch)
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private State _state = new();
    private long _resumedAt;

    public long Steps { get; } = steps;

    public int StepsPerEpoch { get; } = stepsPerEpoch;

    /// <summary>The epochs from one validation to the next.</summary>
    public int ValidateEvery { get; init; } = 1;

    /// <summary>Which epoch's weights are kept.</summary>
    public KeptWeights Keep { get; init; }

    /// <summary>Whether the epoch at hand ends with a validation: the last one does.</summary>
    public bool IsValidated => Epoch % ValidateEvery == 0 || Epoch == EpochCount;

    /// <summary>The weights of the classes in the loss, which stay the training's; null where all count alike.</summary>
    public torch.Tensor? ClassWeights { get; init; }

    /// <summary>The images that a part of a batch has at least (<see cref="SingleValues"/>).</summary>
    public int LeastRows { get; init; } = 1;

    /// <summary>The epochs, of which the last may be a part of one.</summary>
    public int EpochCount { get; } = checked((int)((steps + stepsPerEpoch - 1) / stepsPerEpoch));

    /// <summary>The finished epochs, after the fitted head where there is one.</summary>
    public IReadOnlyList<EpochReport> Epochs => _state.Fitted is null ? _state.Epochs : [_state.Fitted, .. _state.Epochs];

    /// <summary>The epoch at hand, from 1.</summary>
    public int Epoch => _state.Epochs.Count + 1;

    public long Step => _state.Step;

    /// <summary>Steps of the epoch at hand that are done.</summary>
    public int StepInEpoch => checked((int)(Step - ((long)_state.Epochs.Count * StepsPerEpoch)));

    public bool IsFinished => _state.Epochs.Count == EpochCount;

    /// <summary>
    /// Whether so many validated epochs in a row were not better than the best; never where the patience is null. Those of the head alone do not
    /// count.
    /// </summary>
    public bool IsStalled(TrainingOptions options, int headEpochs)
    {
        EpochReport[] validated = [.. Epochs.Where(e => e.IsValidated)];
        if (options.Patience is not { } patience || validated.Length == 0)
            return false;
        EpochReport best = options.PatienceOn == PatienceOn.Loss ? validated.MinBy(e => e.ValidationLoss)! : validated.Last(e => e.IsBest);
        return validated.Count(e => e.Epoch > Math.Max(best.Epoch, headEpochs)) >= patience;
    }

    /// <summary>The mean loss of the epoch so far; NaN where every step was skipped.</summary>
    public double Loss => _state.LossSum / _state.Seen;

    /// <summary>Counts a step.</summary>
    /// <param name="step">What the step saw.</param>
    /// <param name="images">The images that its loss is the mean of.</param>
    /// <param name="seen">All images that it saw, those of a second batch too.</param>
    /// <param name="seconds">How long it took.</param>
    public void Count(StepResult step, long images, long seen, double seconds)
    {
        _state.Step++;
        _state.StepSeconds += seconds;
        _state.GradientEvaluations += step.GradientEvaluations;
        _state.Images += seen;
        if (step.Skipped)
        {
            _state.Skipped++;
            return;
        }
        _state.Seen += images;
        _state.LossSum += step.Loss * images;
    }

    /// <summary>Ends the epoch at hand, with its validation if it has one.</summary>
    public EpochReport EndEpoch(EvaluationResult? validation, double learningRate, double seconds, EpochCurvature? curvature, bool isAverage,
        double posteriorTrace = double.NaN)
    {
        var report = new EpochReport(Epoch, Loss, validation?.Loss ?? double.NaN, validation?.Accuracy ?? double.NaN, learningRate, seconds, IsBest: false)
        {
            SkippedSteps = _state.Skipped,
            Curvature = curvature,
            PosteriorTrace = double.IsNaN(posteriorTrace) ? null : posteriorTrace,
            IsAverage = isAverage,
        };
        if (report.IsValidated && (Keep == KeptWeights.Last || report.IsBetterThan(Epochs.LastOrDefault(e => e.IsBest))))
            report = report with { IsBest = true };
        _state.SkippedBefore += _state.Skipped;
        (_state.LossSum, _state.Seen, _state.Skipped) = (0, 0, 0);
        _state.Epochs.Add(report);
        return report;
    }

    /// <summary>Enters the head that was fitted before the first epoch: the best until another is better.</summary>
    public EpochReport Fitted(HeadFit fit, double trainLoss, EvaluationResult validation, double seconds) =>
        _state.Fitted = new EpochReport(0, trainLoss, validation.Loss, validation.Accuracy, 0, seconds, IsBest: true) { HeadFit = fit };

    /// <summary>The fitted head where it is the best so far; null where an epoch was better, or none was fitted.</summary>
    public HeadFit? KeptFit => _state.Epochs.Exists(e => e.IsBest) ? null : _state.Fitted?.HeadFit;

    /// <summary>Enters that the kept head was fitted again; what validation says stays that of the first fit.</summary>
    public void Refitted(HeadFit fit) => _state.Fitted = _state.Fitted! with { HeadFit = fit };

    public TrainingProgress Progress() => new(
        Epoch, EpochCount, Step, Steps, Loss, Epochs.LastOrDefault(e => e.IsValidated)?.ValidationAccuracy ?? double.NaN, _state.Images / _state.StepSeconds,
        _clock.Elapsed * ((double)(Steps - Step) / (Step - _resumedAt)));

    public TrainingResult Result() => new(Epochs.Last(e => e.IsBest), Epochs, Step, _state.GradientEvaluations, Step == 0 ? 0 : _state.StepSeconds / Step)
    {
        SkippedSteps = _state.SkippedBefore + _state.Skipped,
        Images = _state.Images,
    };

    /// <summary>What a resumed training goes on with.</summary>
    public State Save() => _state;

    /// <summary>Goes on where another process was.</summary>
    public void Load(State state)
    {
        long inEpoch = state.Step - ((long)state.Epochs.Count * StepsPerEpoch);
        if (inEpoch < 0 || inEpoch > StepsPerEpoch)
            throw new ArgumentException(
                $"{state.Epochs.Count} epochs of {StepsPerEpoch} steps do not come to step {state.Step}: an earlier version counted other steps");
        _state = state;
        _resumedAt = state.Step;
    }

    /// <summary>All of it, in the form that is saved.</summary>
    internal sealed class State
    {
        public long Step { get; set; }

        public long Images { get; set; }

        public long GradientEvaluations { get; set; }

        public double StepSeconds { get; set; }

        /// <summary>Of the epoch at hand: the losses times their images, and the images, of steps that were not skipped.</summary>
        public double LossSum { get; set; }

        public long Seen { get; set; }

        /// <summary>Skipped steps of the epoch at hand.</summary>
        public long Skipped { get; set; }

        public long SkippedBefore { get; set; }

        /// <summary>The fitted head; null where none was fitted.</summary>
        public EpochReport? Fitted { get; set; }

        public List<EpochReport> Epochs { get; set; } = [];
    }
}
