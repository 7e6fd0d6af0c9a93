namespace Polder.Vision.Training;

/// <summary>The average of the weights in one training: between <see cref="Enter"/> and <see cref="Leave"/> the model has it in place of its weights.</summary>
internal sealed class ModelAverage : IDisposable
{
    private readonly TrainingOptions _options;
    private readonly ImageClassifier _model;
    private readonly TrainingInputs _inputs;
    private readonly long _steps;
    private readonly WeightAverage _average;
    private readonly SwaLearningRate? _rate;
    private readonly Snapshot _training;
    private readonly HeadPhase _phase;
    private bool _entered;

    public ModelAverage(
        TrainingOptions options, ImageClassifier model, FlatMinimaOptimizer optimizer, TrainingRun run, TrainingInputs inputs, HeadPhase phase)
    {
        (_options, _model, _steps, _inputs, _phase) = (options, model, run.Steps, inputs, phase);
        _average = options.Averaging!.Create(run.Steps, run.StepsPerEpoch);
        _rate = options.Averaging.Rate(options.LearningRate, run.Steps, run.StepsPerEpoch);
        _training = new Snapshot(model);
        optimizer.Hooks.Add(_average);
    }

    /// <summary>The learning rate of a step.</summary>
    public double LearningRateAt(long step) => _rate is null
        ? _options.LearningRateAt(step, _steps)
        : _rate.At(step, s => _options.LearningRateAt(s, _steps));

    /// <summary>
    /// Puts the average into the model, with BatchNorm's statistics of a pass over the training images; nothing happens before there is
    /// an average. The training's own weights and statistics are kept aside.
    /// </summary>
    /// <param name="run">Where the training stands: the images of its epoch give the statistics.</param>
    /// <param name="cancellation">Stops the pass.</param>
    /// <returns>Whether it is an average of several weights, and not those of one step.</returns>
    public bool Enter(TrainingRun run, CancellationToken cancellation)
    {
        if (_average.IsEmpty)
            return false;
        _training.Take();
        _entered = true;
        _average.CopyInto(_model, _model);
        BatchNormStatistics.Refresh(
            _model, _inputs.Whole(run.Epoch - 1, run.Step - 1, cancellation), batch => _model.CallAfter(batch.Stages, batch.Images), _phase.Keeps);
        return _average.Taken > 1;
    }

    /// <summary>Puts the training's weights and statistics back, bit for bit.</summary>
    public void Leave()
    {
        if (_entered)
            _training.Restore();
        _entered = false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _average.Dispose();
        _training.Dispose();
    }
}
