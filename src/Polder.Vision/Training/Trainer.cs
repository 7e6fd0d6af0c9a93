using System.Diagnostics;
using Polder.Methods;
using Polder.Objectives;
using Polder.Optimization;
using Polder.Vision.Data;
using Polder.Vision.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

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

    /// <summary>Told after every step; called on the training's own thread.</summary>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>Told after every epoch, before the next begins; the model then has the weights that were evaluated: that epoch's, or their average.</summary>
    public IProgress<EpochReport>? Epoch { get; init; }

    /// <summary>Trains the model; it ends with the weights of the best epoch.</summary>
    /// <param name="model">The model, on the CPU.</param>
    /// <param name="train">The training images; batch size, order and augmentation are the options'.</param>
    /// <param name="validation">The images that choose the best epoch.</param>
    /// <param name="normalization">How pixels become inputs.</param>
    /// <param name="imageSize">The side of the images that the network sees; null is the stored size.</param>
    /// <param name="cancellation">Stops after the step at hand.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="TrainingDivergedException">A loss or gradient is not finite; the model has the weights of the best epoch before.</exception>
    /// <exception cref="OperationCanceledException">The training was stopped; the model has the weights of the best epoch before.</exception>
    public TrainingResult Run(
        ImageClassifier model, ImageSet train, ImageSet validation, Normalization normalization, int? imageSize = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        Options.Validate();
        var loader = new Loader(train, new LoaderOptions
        {
            BatchSize = Options.BatchSize,
            Seed = Options.Seed,
            Augmentation = Options.Augmentation,
            Normalization = normalization,
            ImageSize = imageSize,
        });
        Loader validationLoader = new Loader(validation, loader.Options).ForEvaluation();
        model.FreezeBody(Options.FreezeBody);
        using OptimizerHelper sgd = Options.CreateOptimizer(model.parameters().Where(p => p.requires_grad));
        using var optimizer = new FlatMinimaOptimizer(sgd, Method, model, seed: Options.Seed);
        using var best = new Snapshot(model);
        var run = new RunState(Options.Epochs, loader.Count);
        using DistanceRegularizer? distance = DistanceRegularizer.Of(Options.Distance, model, optimizer);
        using ModelAverage? average = Options.Averaging is null ? null : new ModelAverage(Options, model, optimizer, run.Steps, loader);
        try
        {
            for (int epoch = 1; epoch <= Options.Epochs; epoch++)
            {
                long start = Stopwatch.GetTimestamp();
                double loss = RunEpoch(model, loader, optimizer, distance, average, run, epoch, cancellation);
                average?.Enter(epoch - 1, cancellation);
                EvaluationResult result = EvaluationResult.Of(model, validationLoader, cancellation);
                // An update can overflow after its gradient was found finite; such weights must not become the best.
                if (!double.IsFinite(result.Loss))
                    throw new TrainingDivergedException($"epoch {epoch}: the validation loss is {result.Loss}: lower the learning rate, sigma or rho");
                bool isBest = run.IsBest(result);
                if (isBest)
                    best.Take();
                run.Epochs.Add(new EpochReport(
                    epoch, loss, result.Loss, result.Accuracy, optimizer.ParamGroups.First().LearningRate, Stopwatch.GetElapsedTime(start).TotalSeconds, isBest));
                Epoch?.Report(run.Epochs[^1]);
                average?.Leave();
            }
        }
        finally
        {
            best.Restore();
            model.eval();
        }
        return new TrainingResult(run.Epochs.Last(e => e.IsBest), run.Epochs, run.Step, run.GradientEvaluations, run.StepSeconds / run.Step);
    }

    private double RunEpoch(
        ImageClassifier model, Loader loader, FlatMinimaOptimizer optimizer, DistanceRegularizer? distance, ModelAverage? average, RunState run, int epoch,
        CancellationToken cancellation)
    {
        // Frozen features are those of the evaluation: BatchNorm with its stored statistics, no dropout.
        model.train(!Options.FreezeBody);
        double sum = 0;
        long seen = 0;
        foreach (var (images, labels) in loader.Epoch(epoch - 1, cancellation))
        {
            foreach (optim.ILearningRateController group in optimizer.ParamGroups)
                group.LearningRate = average?.LearningRateAt(run.Step) ?? Options.LearningRateAt(run.Step, run.Steps);
            long start = Stopwatch.GetTimestamp();
            using var batchLoss = new TrainingLoss(model, images, labels, Options, run.Step);
            StepResult step;
            try
            {
                IObjective objective = new SlicedClosureObjective(batchLoss.Rows, batchLoss.Compute);
                step = optimizer.Step(distance?.On(objective) ?? objective);
            }
            catch (NonFiniteGradientException e)
            {
                throw new TrainingDivergedException($"epoch {epoch}, {e.Message}", e);
            }
            run.StepSeconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
            run.Step++;
            run.GradientEvaluations += step.GradientEvaluations;
            run.Images += labels.shape[0];
            seen += labels.shape[0];
            sum += step.Loss * labels.shape[0];
            Progress?.Report(run.Progress(epoch, sum / seen));
        }
        return sum / seen;
    }

    private sealed class RunState(int epochs, int stepsPerEpoch)
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private EvaluationResult? _best;

        public List<EpochReport> Epochs { get; } = [];

        public long Steps { get; } = (long)epochs * stepsPerEpoch;

        public long Step { get; set; }

        public long Images { get; set; }

        public long GradientEvaluations { get; set; }

        public double StepSeconds { get; set; }

        public bool IsBest(EvaluationResult result)
        {
            bool better = _best is null || result.Accuracy > _best.Accuracy || (result.Accuracy == _best.Accuracy && result.Loss < _best.Loss);
            if (better)
                _best = result;
            return better;
        }

        public TrainingProgress Progress(int epoch, double loss) => new(
            epoch, epochs, Step, Steps, loss, Epochs.Count > 0 ? Epochs[^1].ValidationAccuracy : double.NaN, Images / StepSeconds,
            _clock.Elapsed * ((double)(Steps - Step) / Step));
    }
}
