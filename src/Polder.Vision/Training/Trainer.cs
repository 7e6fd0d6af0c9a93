using System.Diagnostics;

namespace Polder.Vision.Training;

/// <summary>Fine-tunes a classifier by cross entropy with a flat-minima method and keeps the weights of the best validation accuracy.</summary>
/// <param name="options">What the training does.</param>
/// <param name="method">How the gradient is made.</param>
public sealed class Trainer(TrainingOptions options, IGradientMethod method)
{
    /// <summary>What the training does.</summary>
    public TrainingOptions Options { get; } = options ?? throw new ArgumentNullException(nameof(options));

    /// <summary>How the gradient is made.</summary>
    public IGradientMethod Method { get; } = method ?? throw new ArgumentNullException(nameof(method));

    /// <summary>The distribution of the method's noise. Default: normal.</summary>
    public NoiseDistribution Distribution { get; init; } = NoiseDistribution.Normal;

    /// <summary>
    /// What frozen layers make of images, kept for other trainings of this process from the same weights; they compute it once between them. Null, the
    /// default: each computes its own. The numbers are the same.
    /// </summary>
    public FeatureCache? Features { get; init; }

    /// <summary>Told after every step; called on the training's own thread.</summary>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>Told after every epoch, before the next begins; the model then has its weights or, where that was validated, their average.</summary>
    public IProgress<EpochReport>? Epoch { get; init; }

    /// <summary>
    /// The file that keeps all the rest of the training depends on; null keeps nothing. It is written whole at the end of every epoch and
    /// when the training is stopped. A training whose file exists goes on from it, and ends bit for bit as if it had never stopped, on the
    /// same machine with the same number of threads. Hand in the model as it was at the start: distances are measured from it.
    /// </summary>
    public string? ResumeFile { get; init; }

    /// <summary>After every how many steps <see cref="ResumeFile"/> is written, too; 0, the default, is at the end of epochs only.</summary>
    public int CheckpointEvery { get; init; }

    /// <summary>Told in words what the training keeps so that it need not be computed again.</summary>
    public IProgress<string>? Note { get; init; }

    /// <summary>
    /// Told the standard deviations of the posterior that the method keeps around the weights (<see cref="IPosteriorMethod"/>) by the parameters' names,
    /// whenever
    /// an epoch is the best, before <see cref="Epoch"/>. The tensors live while it is told.
    /// </summary>
    public IProgress<IReadOnlyDictionary<string, Tensor>>? Posterior { get; init; }

    /// <summary>Told whenever <see cref="ResumeFile"/> has been written or read, with all epochs so far.</summary>
    public IProgress<IReadOnlyList<EpochReport>>? Saved { get; init; }

    /// <summary>
    /// The ranks of a job that make this training together: each is given the same network, images and options, and ends with the same weights. The first
    /// writes <see cref="ResumeFile"/>, the others read it. null, the default, is this process alone.
    /// </summary>
    public IRanks? Ranks { get; init; }

    /// <summary>
    /// Makes what evaluates the probes, for the network and what probes do to its statistics; null, the default, is one after another. The optimizer disposes
    /// of it.
    /// </summary>
    public Func<nn.Module, BatchNormPolicy, IProbeRunner>? Runner { get; init; }

    /// <summary>Told what the network says of the training images where that costs nothing: a fitted head alone is kept.</summary>
    internal IProgress<ImagePredictions>? Judged { get; init; }

    /// <summary>Trains the model; it ends with the weights of the best epoch.</summary>
    /// <param name="model">The model, on the CPU.</param>
    /// <param name="train">The training images; batch size, order and augmentation are the options'.</param>
    /// <param name="validation">The images that choose the best epoch.</param>
    /// <param name="normalization">How pixels become inputs.</param>
    /// <param name="imageSize">The side of the images that the network sees; null is the stored size.</param>
    /// <param name="cancellation">Stops after the step at hand.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="DataException"><see cref="ResumeFile"/> is of another training.</exception>
    /// <exception cref="RanksDisagreeException">The ranks do not go on from the same state, or have come to different weights.</exception>
    /// <exception cref="TrainingDivergedException">A loss or gradient is not finite; the model has the weights of the best epoch before.</exception>
    /// <exception cref="InvalidOperationException">Another thread uses the model.</exception>
    /// <exception cref="OperationCanceledException">The training was stopped; the model has the weights of the best epoch before.</exception>
    public TrainingResult Run(
        ImageClassifier model, ImageSet train, ImageSet validation, Normalization normalization, int? imageSize = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        Options.Validate();
        using ModelUse use = ModelUse.Alone(model.parameters());
        var loader = new Loader(train, new LoaderOptions
        {
            BatchSize = Options.BatchSize,
            JoinLone = true,
            Seed = Options.Seed,
            Augmentation = Options.Augmentation,
            Sampling = Options.Sampling,
            Distortion = Options.Distortion,
            Normalization = normalization,
            ImageSize = imageSize,
        });
        Loader validationLoader = new Loader(validation, loader.Options).ForEvaluation();
        HeadPhase.Apply(Options, model);
        using OptimizerHelper sgd = Options.CreateOptimizer(model);
        int headEpochs = (int)((Options.HeadStepsOver(train.Count) + loader.Count - 1) / loader.Count);
        var phase = new HeadPhase(Options, model, train.Count);
        using FlatMinimaOptimizer optimizer = CreateOptimizer(sgd, model);
        if (Options.ClipNorm is { } limit)
            optimizer.Hooks.Add(GradientClip.ByNorm(limit));
        using var best = new Snapshot(model);
        using Tensor? classWeights = TrainingLoss.WeightsOf(Options, train);
        var run = new TrainingRun(Options.StepsOver(train.Count), loader.Count)
        {
            ClassWeights = classWeights,
            Keep = Options.Keep,
            ValidateEvery = Options.EpochsToValidation(train.Count, validation.Count),
            LeastRows = SingleValues.AreSeenBy(model, normalization.Mean.Count, imageSize ?? train.Height, imageSize ?? train.Width) ? 2 : 1,
        };
        TrainingCheckpoint? checkpoint = ResumeFile is null ? null
            : new TrainingCheckpoint(ResumeFile, Options, Method, Distribution, train.Count, validation.Count);
        // What distances are measured from: the file that it came from may be gone or another when the training goes on.
        using Snapshot? origin = checkpoint is not null && DistanceRegularizer.IsAsked(Options.Distance) ? new Snapshot(model) : null;
        if (origin is not null && checkpoint!.Exists)
            checkpoint.LoadStart(origin);
        using DistanceRegularizer? distance = DistanceRegularizer.Of(Options.Distance, model, optimizer);
        using var inputs = new TrainingInputs(model, loader, validationLoader, phase, Options, Note, Features);
        using TrainingInputs? second = !Method.TakesSecondBatch ? null
            : new TrainingInputs(model, new Loader(train, loader.Options with { Seed = SecondOptions.Seed }), validationLoader, phase, SecondOptions,
                note: null, Features);
        using ModelAverage? average = Options.Averaging is null or { Kind: AveragingKind.None } ? null
            : new ModelAverage(Options, model, optimizer, run, inputs, phase);
        var head = new FittedHead(model, inputs, train, validation, Options, Note);
        bool resumes = checkpoint is { Exists: true };
        // Also a meeting: nobody writes a state before all have looked whether there is one.
        Ranks?.Agree(("state to go on from (a folder that only some of them see?)", resumes ? 1ul : 0));
        if (resumes)
        {
            checkpoint!.Load(model, best, optimizer, run, phase);
            Saved?.Report(run.Epochs);
        }
        else if (Options.HeadSolver != HeadSolver.None)
        {
            EpochReport fitted = head.Fit(run, cancellation);
            best.Take();
            Epoch?.Report(fitted);
            head.Weaken(run, cancellation);
            Save();
        }
        RequireSameOnAllRanks("state before the first step", model, optimizer);
        if (Options.ValidateEvery == 0 && run.ValidateEvery > 1 && run.EpochCount > 1)
            Note?.Report($"validation comes after every {run.ValidateEvery} epochs and after the last: it has {validation.Count} images "
                + $"for {train.Count} to train with");
        try
        {
            while (!run.IsFinished && !run.IsStalled(Options, headEpochs))
            {
                long start = Stopwatch.GetTimestamp();
                RunEpoch(model, inputs, optimizer, distance, average, run, second, phase, Save, cancellation);
                bool averaged = run.IsValidated && average?.Enter(run, cancellation) == true;
                EvaluationResult? result = run.IsValidated
                    ? EvaluationResult.Of(model, inputs.Validation(run.Step - 1, cancellation), validation.Count) : null;
                // An update can overflow after its gradient was found finite; such weights must not become the best.
                if (result is not null && !double.IsFinite(result.Loss))
                    throw new TrainingDivergedException(
                        $"epoch {run.Epoch}: the validation loss is {result.Loss}: {SingleValues.Poison(model) ?? "lower the learning rate, sigma or rho"}");
                EpochReport report = run.EndEpoch(result, optimizer.ParamGroups.Last().LearningRate, Stopwatch.GetElapsedTime(start).TotalSeconds,
                    EpochCurvature.Of(optimizer, model, Options.Precision), averaged, optimizer.HessianTrace());
                optimizer.Curvature.Reset();
                if (report.IsBest)
                {
                    best.Take();
                    ReportPosterior(model, optimizer);
                }
                Epoch?.Report(report);
                average?.Leave();
                RequireSameOnAllRanks($"weights after epoch {report.Epoch}", model, optimizer);
                Save();
            }
        }
        catch (OperationCanceledException)
        {
            // Between two steps, or between the last and the evaluation: nothing that is done is done again.
            average?.Leave();
            Save();
            throw;
        }
        finally
        {
            best.Restore();
            HeadPhase.Apply(Options, model);
            model.eval();
        }
        if (Options.HeadImages == HeadImages.All && run.KeptFit is { } kept && kept.Images <= train.Count)
        {
            head.Refit(run, kept, cancellation);
            best.Take();
            Save();
        }
        if (Judged is not null && run.Steps == 0 && Options.HeadSolver != HeadSolver.None)
            Judged.Report(head.Judge(cancellation));
        return run.Result();

        void Save()
        {
            if (checkpoint is null || Ranks is { Rank: > 0 })
                return;
            checkpoint.Save(model, best, origin, optimizer, run);
            Saved?.Report(run.Epochs);
        }
    }

    private FlatMinimaOptimizer CreateOptimizer(OptimizerHelper @base, ImageClassifier model)
    {
        var noise = new PhiloxNoise(Options.Seed, Distribution);
        return Runner is null
            ? new FlatMinimaOptimizer(@base, Method, model, noise) { BatchNorm = Options.BatchNorm, NonFinite = Options.NonFinite }
            : new FlatMinimaOptimizer(@base, Method, model, noise) { NonFinite = Options.NonFinite, Runner = Runner(model, Options.BatchNorm) };
    }

    // Ranks that start alike stay alike on machines of one kind; on others a last bit may differ, and grow.
    private void RequireSameOnAllRanks(string what, ImageClassifier model, FlatMinimaOptimizer optimizer)
    {
        if (Ranks is null)
            return;
        using var scope = NewDisposeScope();
        Ranks.Agree((what, RankAgreement.HashOf(model.state_dict().Concat(optimizer.StateDict()))));
    }

    private void ReportPosterior(ImageClassifier model, FlatMinimaOptimizer optimizer)
    {
        using var scope = NewDisposeScope();
        if (Posterior is null || optimizer.PosteriorDeviations() is not { } deviations)
            return;
        Dictionary<Parameter, string> names = model.NamesOfParameters();
        Posterior.Report(optimizer.Space.Parameters.Zip(deviations).ToDictionary(p => names[p.First], p => p.Second));
    }

    private void RunEpoch(
        ImageClassifier model, TrainingInputs inputs, FlatMinimaOptimizer optimizer, DistanceRegularizer? distance, ModelAverage? average, TrainingRun run,
        TrainingInputs? second, HeadPhase phase, Action save, CancellationToken cancellation)
    {
        phase.SetMode();
        if (run.Step == run.Steps)
            return; // stopped after the last step, before its evaluation
        // Both enumerations are of the same steps; without a second there is none to wait for.
        using IEnumerator<Batch>? others = second?.Training(run.Epoch - 1, run.StepInEpoch, run.Step, cancellation).GetEnumerator();
        foreach (Batch batch in inputs.Training(run.Epoch - 1, run.StepInEpoch, run.Step, cancellation))
        {
            Batch? other = others?.MoveNext() == true ? others.Current : null;
            // Not before there are images: a training that is stopped here is saved as the step before left it.
            phase.Before(run.Step);
            Options.SetLearningRate(optimizer, average?.LearningRateAt(run.Step) ?? Options.LearningRateAt(run.Step, run.Steps));
            long start = Stopwatch.GetTimestamp();
            using var loss = new StepLoss(model, batch, Options, run);
            using StepLoss? otherLoss = other is null ? null : new StepLoss(model, other, SecondOptions, run);
            StepResult step;
            try
            {
                step = optimizer.Step(loss.On(distance), otherLoss?.On(distance));
            }
            catch (NonFiniteGradientException e)
            {
                throw new TrainingDivergedException($"epoch {run.Epoch}, {e.Message}", e);
            }
            run.Count(step, batch.Count, batch.Count + (other?.Count ?? 0), Stopwatch.GetElapsedTime(start).TotalSeconds);
            Progress?.Report(run.Progress());
            if (run.Step == run.Steps)
                return;
            if (CheckpointEvery > 0 && run.Step % CheckpointEvery == 0)
                save();
        }
    }

    // Another order and other augmentations than the first batches have: a seed of its own, as good as any.
    private TrainingOptions SecondOptions => Options with { Seed = unchecked(Options.Seed ^ 0x5DEECE66DL) };
}
