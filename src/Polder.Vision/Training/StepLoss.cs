namespace Polder.Vision.Training;

/// <summary>The loss of one mini-batch of a step as the optimizer takes it, with what it owns.</summary>
internal sealed class StepLoss : IDisposable
{
    private readonly TrainingLoss _loss;
    private readonly OutputObjective _batch;
    private readonly IObjective _objective;

    /// <summary>Prepares a mini-batch.</summary>
    /// <param name="model">The network.</param>
    /// <param name="batch">The images, which stay the caller's.</param>
    /// <param name="options">What the training does.</param>
    /// <param name="run">Where it stands.</param>
    public StepLoss(ImageClassifier model, Batch batch, TrainingOptions options, TrainingRun run)
    {
        _loss = new TrainingLoss(model, batch.Images, batch.Labels, options, run.Step, run.ClassWeights) { Stages = batch.Stages };
        _batch = new OutputObjective(_loss.Rows, _loss.Logits, _loss.Of) { LeastRows = run.LeastRows };
        _objective = options.Accumulate > 1 ? new AccumulatedObjective(_batch, options.Accumulate) : _batch;
    }

    /// <summary>The objective, with the penalty of a regularizer where there is one.</summary>
    public IObjective On(DistanceRegularizer? distance) => distance?.On(_objective) ?? _objective;

    /// <inheritdoc/>
    public void Dispose()
    {
        _batch.Dispose();
        _loss.Dispose();
    }
}
