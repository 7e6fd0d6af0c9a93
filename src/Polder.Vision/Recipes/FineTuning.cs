namespace Polder.Vision.Recipes;

/// <summary>One training with its test: what a recipe comes to from a start.</summary>
/// <param name="recipe">The recipe, with nothing left open.</param>
/// <param name="start">Network and images; the network is trained where it is.</param>
public sealed class FineTuning(Recipe recipe, FineTuningStart start)
{
    // Made at once: what the method refuses is refused before anything is written.
    private readonly IGradientMethod _method = recipe.Method.For(start, recipe.Training);

    private JudgedImages? _tested;
    private ImagePredictions? _trained;

    /// <summary>Where epochs, best weights and the state to go on from are written; null, the default, writes nothing. A state in it is gone on from.</summary>
    public RunFolder? Folder { get; set; }

    /// <summary>After every how many steps the state is written, beside the end of each epoch; 0, the default, is at the end of epochs only.</summary>
    public int CheckpointEvery { get; init; }

    /// <summary>
    /// The ranks of a job that make this training together (<see cref="Trainer.Ranks"/>): the first writes into <see cref="Folder"/>, the others go on from a
    /// state in it. null, the default, is this process alone.
    /// </summary>
    public IRanks? Ranks { get; init; }

    /// <summary>Makes what evaluates the probes (<see cref="Trainer.Runner"/>); null, the default, is one after another.</summary>
    public Func<nn.Module, BatchNormPolicy, IProbeRunner>? Runner { get; init; }

    /// <summary>
    /// What frozen layers make of images, kept for other trainings of this process (<see cref="Trainer.Features"/>); null, the default: each its own.
    /// </summary>
    public FeatureCache? Features { get; init; }

    /// <summary>Told after every step.</summary>
    public IProgress<TrainingProgress>? Progress { get; set; }

    /// <summary>Told in words what the training keeps so that it need not be computed again.</summary>
    public IProgress<string>? Note { get; set; }

    /// <summary>The epochs that are finished, also when the training is stopped; those of a training on all images do not count.</summary>
    public int FinishedEpochs { get; private set; }

    /// <summary>Whether the first training is finished, and that on all images begun (<see cref="Refit.All"/>).</summary>
    public bool IsRefitting { get; private set; }

    /// <summary>Compares on all ranks what the training is made of, before anything is written; nothing where there are no <see cref="Ranks"/>.</summary>
    /// <param name="others">What else must be the same, with its hash.</param>
    /// <exception cref="RanksDisagreeException">Something is not; the message says what.</exception>
    public void RequireAgreement(params ReadOnlySpan<(string What, ulong Hash)> others)
    {
        if (Ranks is null)
            return;
        DataSplits splits = start.Splits;
        Ranks.Agree(
        [
            .. others,
            ("settings", RankAgreement.HashOf(ResultJson.Line(RecipeJson.Write(recipe)))),
            ("number of threads", (ulong)get_num_threads()),
            ("training images", splits.Train.ContentHash()),
            ("validation images", splits.Validation.ContentHash()),
            ("weights to start from", RankAgreement.HashOf(start.Classifier.Network.state_dict())),
        ]);
    }

    /// <summary>
    /// Trains; the network ends with the weights of the best epoch or, where the recipe wants that, with those of a second training on all images
    /// (<see cref="Recipe.Refit"/>).
    /// </summary>
    /// <param name="cancellation">Stops after the step at hand.</param>
    /// <exception cref="TrainingDivergedException">A loss or gradient is not finite.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; the folder keeps what was done.</exception>
    public TrainingResult Train(CancellationToken cancellation = default)
    {
        TrainedClassifier classifier = start.Classifier;
        RunFolder? written = Ranks is { Rank: > 0 } ? null : Folder;
        using IDisposable? hold = written?.Hold();
        // A state without it is of an earlier version: what that was trained on is not known.
        if (written is not null && !File.Exists(written.ImagesFile) && !File.Exists(written.ResumeFile))
            RunImages.Of(recipe.Data.Source, classifier, start.Splits, start.Data).Write(written.ImagesFile);
        using SecondTraining? second = recipe.Refit == Refit.All ? new SecondTraining(start, recipe.Training, Folder, written is not null) : null;
        TrainingResult result = First(written).Run(
            classifier.Network, start.Splits.Train, start.Splits.Validation, classifier.Normalization, classifier.ImageSize, cancellation);
        if (second is not null && result.Best.Epoch > 0)
        {
            IsRefitting = true;
            Note?.Report($"the epochs help, so that all {second.Start.Splits.Train.Count} images are trained on now, from the start again; the validation "
                + "figures stay those of the first training");
            RefitReport refit = second.Run(
                result, (options, state) => TrainerOf(options, recipe.Method.For(second.Start, options), state, written), cancellation);
            result = result with { Refit = refit };
        }
        // A kept head that was fitted once more is better than the one that its epoch was reported with.
        if (written is not null && (result.Refit is not null || (result.Best.Epoch == 0 && recipe.Training.HeadImages == HeadImages.All)))
            classifier.Save(written.Best);
        return result;
    }

    private Trainer First(RunFolder? written) => TrainerOf(recipe.Training, _method, Folder?.ResumeFile, written,
        written is null ? null : new Relay<EpochReport>(report =>
        {
            if (report.IsBest)
                start.Classifier.Save(written.Best);
        }),
        written is null ? null : new Relay<IReadOnlyList<EpochReport>>(reports =>
        {
            written.WriteEpochs(reports);
            FinishedEpochs = reports.Count(r => r.Epoch > 0);
        }));

    private Trainer TrainerOf(
        TrainingOptions options, IGradientMethod method, string? state, RunFolder? written, IProgress<EpochReport>? epoch = null,
        IProgress<IReadOnlyList<EpochReport>>? saved = null) =>
        new(options, method)
        {
            Distribution = recipe.Method.Distribution,
            Progress = Progress,
            Note = Note,
            Judged = new Relay<ImagePredictions>(predictions => _trained = predictions),
            ResumeFile = state,
            CheckpointEvery = CheckpointEvery,
            Ranks = Ranks,
            Runner = Runner,
            Features = Features,
            Epoch = epoch,
            Posterior = written is null ? null : new Relay<IReadOnlyDictionary<string, Tensor>>(deviations =>
                Safetensors.Write(written.Posterior, deviations.Select(d => (d.Key, d.Value)))),
            Saved = saved,
        };

    /// <summary>Judges the trained network on the test images.</summary>
    /// <param name="cancellation">Stops between batches.</param>
    public ClassificationMetrics Test(CancellationToken cancellation = default)
    {
        _tested = start.Classifier.Judge(start.Splits.Test, recipe.Training.BatchSize, cancellation: cancellation);
        return _tested.Metrics;
    }

    /// <summary>
    /// Asks the tested network about the training images too, as they are, and keeps all its predictions in <see cref="Folder"/>: a page shows from them
    /// what it got wrong, and which labels may be. It costs a forward pass over the training images, unless a fitted head alone was trained.
    /// </summary>
    /// <param name="progress">Told the number of images done after every batch.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="InvalidOperationException"><see cref="Test"/> was not called, or there is no folder.</exception>
    public RunPredictions KeepPredictions(IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        if (Folder is null || _tested is null)
            throw new InvalidOperationException("predictions are kept in a run folder, after the test");
        ImagePredictions trained = _trained ?? start.Classifier.Judge(
            start.Splits.Train, recipe.Training.BatchSize, progress, recipe.Training.Precision, cancellation).Predictions;
        var predictions = new RunPredictions(start.Classifier.Classes, new Dictionary<string, ImagePredictions>
        {
            ["test"] = _tested.Predictions,
            ["train"] = trained,
        });
        predictions.Write(Folder.PredictionsFile);
        return predictions;
    }

    /// <summary>Trains and tests, and keeps the predictions in <see cref="Folder"/> where there is one.</summary>
    /// <inheritdoc cref="Train" path="/param|/exception"/>
    public FineTuningResult Run(CancellationToken cancellation = default)
    {
        var result = new FineTuningResult(recipe, start.Classifier, start.Splits, Train(cancellation), Test(cancellation));
        if (Folder is not null)
            KeepPredictions(cancellation: cancellation);
        return result;
    }
}

/// <summary>What came of a recipe; it owns the classifier.</summary>
/// <param name="Recipe">The recipe with nothing left open.</param>
/// <param name="Classifier">The network with the weights of the best epoch.</param>
/// <param name="Splits">The images of each part.</param>
/// <param name="Training">How the training went.</param>
/// <param name="Test">How the network does on the test images.</param>
public sealed record FineTuningResult(Recipe Recipe, TrainedClassifier Classifier, DataSplits Splits, TrainingResult Training, ClassificationMetrics Test)
    : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Classifier.Dispose();
}
