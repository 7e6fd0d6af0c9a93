namespace Polder.Experiments.Comparison;

/// <summary>
/// Weights on the way of a training, copied as they pass and looked at when it is done: those of the epoch that validation finds best, where the last
/// epoch's are kept, and the first whose training loss is low enough. Evaluating takes nothing from the training: not its random numbers, not its statistics.
/// </summary>
/// <param name="classifier">The classifier that is trained.</param>
/// <param name="train">Its training images.</param>
/// <param name="training">The training.</param>
/// <param name="loss">The mean cross entropy of the training images, as they are, that is waited for; null: none.</param>
internal sealed class Waypoints(TrainedClassifier classifier, ImageSet train, TrainingOptions training, double? loss) : IDisposable
{
    private readonly Loader _images = new Loader(train, new LoaderOptions
    {
        BatchSize = training.BatchSize,
        Normalization = classifier.Normalization,
        ImageSize = classifier.ImageSize,
    }).ForEvaluation();

    private Snapshot? _best, _matched;
    private EpochReport? _bestReport;

    /// <summary>Who is to be told of every epoch; null where there is nothing to look for.</summary>
    public IProgress<EpochReport>? Epoch => training.Keep == KeptWeights.Last || loss is not null ? new Relay<EpochReport>(Look) : null;

    /// <summary>The epoch that validation finds best; null where the training keeps it itself, or none was validated.</summary>
    public int? BestEpoch => _bestReport?.Epoch;

    /// <summary>The first epoch whose training loss is low enough; null where there was none.</summary>
    public int? MatchedEpoch { get; private set; }

    /// <summary>Does something at the weights of the best epoch; the classifier's own are back afterwards.</summary>
    public T AtBest<T>(Func<T> look) => At(_best!, look);

    /// <summary>The same at those of <see cref="MatchedEpoch"/>.</summary>
    public T AtMatched<T>(Func<T> look) => At(_matched!, look);

    /// <inheritdoc/>
    public void Dispose()
    {
        _best?.Dispose();
        _matched?.Dispose();
    }

    private void Look(EpochReport report)
    {
        if (training.Keep == KeptWeights.Last && report.IsValidated && report.IsBetterThan(_bestReport))
        {
            _bestReport = report;
            Take(ref _best);
        }
        if (loss is { } least && _matched is null && EvaluationResult.Of(classifier.Network, _images).Loss <= least)
        {
            MatchedEpoch = report.Epoch;
            Take(ref _matched);
        }
    }

    private void Take(ref Snapshot? place)
    {
        if (place is null)
            place = new Snapshot(classifier.Network);
        else
            place.Take();
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
