using System.Text.Json.Serialization;

namespace Polder.Vision.Training;

/// <summary>Where a training stands, told after every step.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="Epochs">All epochs.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">All steps.</param>
/// <param name="Loss">The mean loss of the epoch so far.</param>
/// <param name="ValidationAccuracy">The validation accuracy of the last epoch that was validated, between 0 and 1; NaN before there is one.</param>
/// <param name="ImagesPerSecond">Training images a second, evaluation left out.</param>
/// <param name="Remaining">An estimate of the time that is left, evaluation included.</param>
public sealed record TrainingProgress(
    int Epoch, int Epochs, long Step, long Steps, double Loss, double ValidationAccuracy, double ImagesPerSecond, TimeSpan Remaining);

/// <summary>One epoch.</summary>
/// <param name="Epoch">The epoch, from 1; 0 is the head that was fitted before the first.</param>
/// <param name="TrainLoss">The mean of the steps' losses weighted by their images (<see cref="Optimization.StepResult.Loss"/>).</param>
/// <param name="ValidationLoss">The mean cross entropy over the validation set; NaN where the epoch was not validated.</param>
/// <param name="ValidationAccuracy">The share of the validation set that is classified rightly; NaN where the epoch was not validated.</param>
/// <param name="LearningRate">The learning rate of the epoch's last step.</param>
/// <param name="Seconds">The seconds that the epoch took, evaluation included.</param>
/// <param name="IsBest">Whether it is the best epoch so far; with <see cref="TrainingOptions.Keep"/> last, whether it was validated.</param>
public sealed record EpochReport(
    int Epoch, double TrainLoss, double ValidationLoss, double ValidationAccuracy, double LearningRate, double Seconds, bool IsBest)
{
    /// <summary>Whether the epoch ended with a validation (<see cref="TrainingOptions.ValidateEvery"/>).</summary>
    [JsonIgnore]
    public bool IsValidated => !double.IsNaN(ValidationLoss);

    /// <summary>Whether validation prefers this epoch's weights to another's: by the higher accuracy, and among equals by the lower loss.</summary>
    /// <param name="other">The other epoch, validated; null is worse than any.</param>
    public bool IsBetterThan(EpochReport? other) => other is null || ValidationAccuracy > other.ValidationAccuracy
        || (ValidationAccuracy == other.ValidationAccuracy && ValidationLoss < other.ValidationLoss);

    /// <summary>Steps of the epoch whose update was left out since a loss or gradient was not finite.</summary>
    public long SkippedSteps { get; init; }

    /// <summary>Whether it was an average of the weights that was judged, and is kept where the epoch is the best (<see cref="AveragingOptions"/>).</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsAverage { get; init; }

    /// <summary>The fit of the head, where this is no epoch but the head that was fitted before the first (<see cref="HeadSolver"/>): epoch 0.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public HeadFit? HeadFit { get; init; }

    /// <summary>What the epoch's antithetic pairs showed of the curvature; null where the method has none.</summary>
    public EpochCurvature? Curvature { get; init; }

    /// <summary>
    /// The trace of the mean loss's Hessian that the method's own posterior over the weights has at the end of the epoch
    /// (<see cref="FlatMinimaOptimizer.HessianTrace"/>); null where it has none.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? PosteriorTrace { get; init; }
}

/// <summary>A finished training.</summary>
/// <param name="Best">
/// The epoch whose weights the model has now: that of the highest validation accuracy, of the lower loss among equals, unless
/// <see cref="TrainingOptions.Keep"/> says the last.
/// </param>
/// <param name="Epochs">All epochs.</param>
/// <param name="Steps">Steps of the base optimizer.</param>
/// <param name="GradientEvaluations">Forward and backward passes, each over one batch.</param>
/// <param name="SecondsPerStep">The mean time of a step, evaluation left out; 0 where none was taken.</param>
public sealed record TrainingResult(EpochReport Best, IReadOnlyList<EpochReport> Epochs, long Steps, long GradientEvaluations, double SecondsPerStep)
{
    /// <summary>Steps whose update was left out since a loss or gradient was not finite.</summary>
    public long SkippedSteps { get; init; }

    /// <summary>The training images that the steps saw, as often as they did.</summary>
    [JsonIgnore]
    public long Images { get; init; }

    /// <summary>How the head was fitted before the first epoch; null where it was not.</summary>
    [JsonIgnore]
    public HeadFit? HeadFit => Epochs[0].HeadFit;

    /// <summary>The training that came after it on all images, whose weights the model has then; null where there was none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RefitReport? Refit { get; init; }

    /// <summary>The training loss of the last epoch.</summary>
    public double TrainLoss => Epochs[^1].TrainLoss;
}

/// <summary>What a training on all images came to.</summary>
/// <param name="Images">The images that it saw in an epoch.</param>
/// <param name="Epochs">Its epochs.</param>
/// <param name="Steps">Steps of the base optimizer.</param>
/// <param name="GradientEvaluations">Forward and backward passes, each over one batch.</param>
/// <param name="TrainLoss">The training loss of its last epoch.</param>
/// <param name="Seconds">How long it took; of a run that was stopped, since it went on.</param>
public sealed record RefitReport(int Images, int Epochs, long Steps, long GradientEvaluations, double TrainLoss, double Seconds);

/// <summary>The loss stopped being a finite number.</summary>
public sealed class TrainingDivergedException : ArithmeticException
{
    /// <summary>Makes the exception with a default message.</summary>
    public TrainingDivergedException()
        : base("the training has diverged")
    {
    }

    /// <summary>Makes the exception.</summary>
    public TrainingDivergedException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception.</summary>
    public TrainingDivergedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
