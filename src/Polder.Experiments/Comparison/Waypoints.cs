namespace Polder.Experiments.Comparison;

/// <summary>
/// Weights on the way of a training, copied as they pass and looked at when it is done: those of the epoch that validation finds best, where the last
/// epoch's are kept, and those at which the training images have a given loss. Evaluating takes nothing from the training: not its random numbers, not its
/// statistics.
/// </summary>
/// <param name="classifier">The classifier that is trained.</param>
/// <param name="training">The training.</param>
/// <param name="matched">The weights at a training loss; null: they are not looked for. They become this object's.</param>
internal sealed class Waypoints(TrainedClassifier classifier, TrainingOptions training, MatchedWeights? matched) : IDisposable
{
    private Snapshot? _best;
    private EpochReport? _bestReport;

    /// <summary>Who is to be told of every epoch; null where there is nothing to look for.</summary>
    public IProgress<EpochReport>? Epoch => training.Keep == KeptWeights.Last ? new Relay<EpochReport>(Look) : null;

    /// <summary>The epoch that validation finds best; null where the training keeps it itself, or none was validated.</summary>
    public int? BestEpoch => _bestReport?.Epoch;

    /// <summary>The epoch in which the training loss was passed; null where it was not.</summary>
    public int? MatchedEpoch => matched?.Epoch;

    /// <summary>Looks after a step.</summary>
    /// <param name="progress">Where the training is.</param>
    public void Look(TrainingProgress progress) => matched?.Look(progress);

    /// <summary>Does something at the weights of the best epoch; the classifier's own are back afterwards.</summary>
    public T AtBest<T>(Func<T> look) => At(_best!, look);

    /// <summary>The same at those of <see cref="MatchedEpoch"/>.</summary>
    public T AtMatched<T>(Func<T> look) => At(matched!.Found!, look);

    /// <inheritdoc/>
    public void Dispose()
    {
        _best?.Dispose();
        matched?.Dispose();
    }

    private void Look(EpochReport report)
    {
        if (!report.IsValidated || !report.IsBetterThan(_bestReport))
            return;
        _bestReport = report;
        if (_best is null)
            _best = new Snapshot(classifier.Network);
        else
            _best.Take();
    }

    private T At<T>(Snapshot weights, Func<T> look)
    {
        using var own = new Snapshot(classifier.Network);
        weights.Restore();
        try
        {
            return look();
        }
        finally
        {
            own.Restore();
        }
    }
}
