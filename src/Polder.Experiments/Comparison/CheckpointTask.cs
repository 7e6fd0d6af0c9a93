using Polder.Checkpoints;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;

namespace Polder.Experiments.Comparison;

/// <summary>Somebody's pre-trained weights, or a fresh network, on a data set.</summary>
public sealed class CheckpointTask : IFineTuningTask, IDisposable
{
    private readonly ImageData _data;
    private readonly Checkpoint? _checkpoint;
    private readonly Architecture _architecture;
    private readonly int _imageSize;
    private readonly Normalization _normalization;

    /// <summary>Makes a task; the checkpoint becomes the task's.</summary>
    /// <param name="data">The images, decoded at <paramref name="imageSize"/> or larger.</param>
    /// <param name="architecture">The network.</param>
    /// <param name="imageSize">The side of the images that the network sees, in pixels.</param>
    /// <param name="checkpoint">The weights to start from; null starts from seeded random weights.</param>
    /// <param name="normalization">How pixels become inputs; null is the architecture's.</param>
    public CheckpointTask(ImageData data, Architecture architecture, int imageSize, Checkpoint? checkpoint = null, Normalization? normalization = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(architecture);
        if (data.Train.Channels != architecture.Channels)
        {
            throw new DataException(
                data.Name, $"has images of {data.Train.Channels} channel(s); the architecture {architecture.Name} takes {architecture.Channels}");
        }
        (_data, _architecture, _imageSize, _checkpoint, _normalization) =
            (data, architecture, imageSize, checkpoint, normalization ?? architecture.Normalization);
    }

    /// <inheritdoc/>
    public string Name => _data.Name;

    /// <summary>The learning rate that the architecture is trained with from this start where nobody says otherwise.</summary>
    /// <param name="training">The training; its own rate is not looked at.</param>
    public double RecommendedLearningRate(TrainingOptions training)
    {
        ArgumentNullException.ThrowIfNull(training);
        return _architecture.LearningRates.For(pretrained: _checkpoint is not null, training.FreezeBody, adaptive: training.Optimizer != BaseOptimizer.Sgd);
    }

    /// <summary>How the training part is thinned and disturbed; the seeds in it are not used. Default: all of it, as it is.</summary>
    public SplitOptions Split { get; init; } = new();

    /// <summary>What the last case took from the checkpoint, and what not; null without one.</summary>
    public LoadReport? LastLoad { get; private set; }

    /// <inheritdoc/>
    /// <exception cref="DataException">The weights are of another architecture, or the data is too small to split.</exception>
    public FineTuningCase Prepare(long seed)
    {
        DataSplits splits = _data.Split(Split with { Seed = seed, TestSeed = 0 });
        int classes = _data.Classes.Count;
        ImageClassifier model = _checkpoint is null ? _architecture.Build(classes, seed) : Load(_checkpoint, classes);
        bool hasHead = LastLoad is null || LastLoad.Missing.All(t => !_architecture.HeadParameters.Contains(t.Name));
        bool replaced = _checkpoint is null || model.Classes != classes || !hasHead;
        if (model.Classes != classes || !hasHead)
            model.ReplaceHead(classes, seed);
        return new FineTuningCase(model, splits, new ModelFile(_architecture.Name, _imageSize, _normalization, _data.Classes), replaced);
    }

    /// <inheritdoc/>
    public void Dispose() => _checkpoint?.Dispose();

    private ImageClassifier Load(Checkpoint checkpoint, int classes)
    {
        (ImageClassifier model, LoadReport report) = LoadModel(checkpoint, _architecture, classes);
        LastLoad = report;
        return model;
    }

    /// <summary>Builds the network of a checkpoint, with as many classes as its head has.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="architecture">What the network must be.</param>
    /// <param name="defaultClasses">The number of classes where the checkpoint has no head.</param>
    /// <exception cref="DataException">The checkpoint is of another architecture.</exception>
    public static (ImageClassifier Model, LoadReport Report) LoadModel(Checkpoint checkpoint, Architecture architecture, int defaultClasses)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(architecture);
        bool hasHead = checkpoint.Tensors.TryGetValue(architecture.HeadParameters[0], out var head) && head.dim() == 2 && head.shape[0] >= 2;
        ImageClassifier model = architecture.Build(hasHead ? (int)head!.shape[0] : defaultClasses, 0);
        LoadReport report = checkpoint.Into(model, strict: false);
        string[] wrong =
        [
            .. report.Missing.Where(t => !architecture.HeadParameters.Contains(t.Name)).Select(t => $"{t.Name} is missing"),
            .. report.Misshapen.Select(m => m.ToString()),
            .. report.Ignored.Select(t => $"{t.Name} has no place"),
        ];
        if (wrong.Length == 0)
            return (model, report);
        model.Dispose();
        string more = wrong.Length > 3 ? $", and {wrong.Length - 3} more" : "";
        throw new DataException(checkpoint.Path, $"does not fit the architecture {architecture.Name}: {string.Join(", ", wrong.Take(3))}{more}");
    }
}
