namespace Polder.Vision.Training;

/// <summary>
/// What a training's steps and evaluations get of the images: pixels, or, where the network's first layers are frozen, what those make of them,
/// computed once. A frozen layer sees the same in every epoch unless something random is done to the images.
/// </summary>
internal sealed class TrainingInputs : IDisposable
{
    private readonly FeatureLoader _train, _validation;
    private readonly ImageClassifier _model;
    private readonly HeadPhase _phase;
    private readonly bool _varies, _solved, _shared;
    private readonly long _steps;

    /// <summary>Prepares a training; nothing is computed before it is asked for.</summary>
    /// <param name="model">The network.</param>
    /// <param name="train">The training images.</param>
    /// <param name="validation">The validation images, as they are evaluated.</param>
    /// <param name="phase">What is frozen at which step.</param>
    /// <param name="options">What the training does.</param>
    /// <param name="note">Told in words what is kept.</param>
    /// <param name="cache">What other trainings have computed; null: nothing.</param>
    public TrainingInputs(
        ImageClassifier model, Loader train, Loader validation, HeadPhase phase, TrainingOptions options, IProgress<string>? note, FeatureCache? cache)
    {
        _model = model;
        (_phase, _varies, _solved, _steps) = (phase, options.ChangesImages, options.HeadSolver != HeadSolver.None, options.StepsOver(train.Set.Count));
        _shared = cache is not null;
        _train = new(model, train, store => note?.Report($"the frozen layers' output is computed once: {Size(store.Bytes)} for {train.Set.Count} "
            + $"training images, {(store.File is null ? "in memory" : $"in {store.File}")}"), cache);
        _validation = new(model, validation, _ => { }, cache);
    }

    /// <summary>The rest of an epoch.</summary>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <param name="skip">Its batches that are done.</param>
    /// <param name="step">The step of the first that is not, from 0.</param>
    /// <param name="cancellation">Ends the loop with <see cref="OperationCanceledException"/>.</param>
    public IEnumerable<Batch> Training(int epoch, int skip, long step, CancellationToken cancellation)
    {
        // The body may thaw in the middle of the epoch.
        int thaw = (int)Math.Clamp(_phase.Steps - (step - skip), skip, Math.Max(skip, _train.Count));
        return Part(skip, thaw).Concat(Part(thaw, _train.Count));

        IEnumerable<Batch> Part(int from, int to) =>
            from < to ? _train.Epoch(epoch, from..to, KeptStages(step - skip + from), cancellation) : [];
    }

    /// <summary>A whole epoch as the weights take it that a step has left, for statistics of its batches.</summary>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <param name="step">The step, from 0.</param>
    /// <param name="cancellation">Ends the loop with <see cref="OperationCanceledException"/>.</param>
    public IEnumerable<Batch> Whole(int epoch, long step, CancellationToken cancellation) =>
        _train.Epoch(epoch, 0.._train.Count, KeptStages(step), cancellation);

    /// <summary>The validation images as the weights take them that a step has left.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="cancellation">Ends the loop with <see cref="OperationCanceledException"/>.</param>
    public IEnumerable<Batch> Validation(long step, CancellationToken cancellation) =>
        _validation.Epoch(0, 0.._validation.Count, _phase.FixedStages(step), cancellation);

    /// <summary>What the body makes of all training images, as they are, with their labels; the caller owns both.</summary>
    public (Tensor Features, Tensor Labels) TrainingFeatures(CancellationToken cancellation) => _train.All(Begun(KeptStages(0)), cancellation);

    /// <summary>The same of the validation images.</summary>
    public (Tensor Features, Tensor Labels) ValidationFeatures(CancellationToken cancellation) => _validation.All(Begun(_phase.FixedStages(0)), cancellation);

    /// <summary>The same of the training images and then the validation images.</summary>
    public (Tensor Features, Tensor Labels) AllFeatures(CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        (Tensor features, Tensor labels) = TrainingFeatures(cancellation);
        (Tensor others, Tensor answers) = ValidationFeatures(cancellation);
        foreach (Tensor part in (ReadOnlySpan<Tensor>)[features, labels, others, answers])
            scope.Attach(part);
        return (cat([features, others]).DetachFromDisposeScope(), cat([labels, answers]).DetachFromDisposeScope());
    }

    /// <summary>The validation images as a head takes them that was just fitted.</summary>
    public IEnumerable<Batch> Fitted(CancellationToken cancellation) => _validation.Epoch(
        0, 0.._validation.Count, Begun(_phase.FixedStages(0)) is > 0 and var stages ? stages : _model.Stages.Count, cancellation);

    /// <inheritdoc/>
    public void Dispose()
    {
        _train.Dispose();
        _validation.Dispose();
    }

    // A body that is computed to where the training goes on from is not computed twice. Where trainings share what is computed, the whole is shared, too.
    private int Begun(int stages) => _shared ? 0 : stages;

    // Of less than an epoch, some images would be computed for nothing, unless a fitted head has needed them all.
    private int KeptStages(long step)
    {
        long uses = step < _phase.Steps ? Math.Min(_phase.Steps, _steps) : _steps - _phase.Steps;
        return _varies || (uses < _train.Count && !_solved) ? 0 : _phase.FixedStages(step);
    }

    private static string Size(long bytes) => bytes < 1 << 20 ? $"{(bytes + 1023) >> 10} kB" : $"{bytes >> 20} MB";
}
