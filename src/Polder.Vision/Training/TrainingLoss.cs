namespace Polder.Vision.Training;

/// <summary>The loss of one step's batch: cross entropy, with label smoothing and mixup where the options ask for them.</summary>
internal sealed class TrainingLoss : IDisposable
{
    private readonly ImageClassifier _model;
    private readonly Tensor _images, _inputs, _labels;
    private readonly double _labelSmoothing;
    private readonly Tensor? _classWeights;
    private readonly Mixup? _mixup;

    /// <summary>Prepares a step: everything random about the batch is drawn here, once, so that every probe sees the same.</summary>
    /// <param name="model">The model.</param>
    /// <param name="images">N x channels x height x width.</param>
    /// <param name="labels">N class numbers.</param>
    /// <param name="options">What the training does.</param>
    /// <param name="step">The step, from 0.</param>
    /// <param name="classWeights">A weight a class (<see cref="ClassWeights"/>), which stays the caller's; null: all alike.</param>
    public TrainingLoss(ImageClassifier model, Tensor images, Tensor labels, TrainingOptions options, long step, Tensor? classWeights = null)
    {
        (_model, _images, _labels, _labelSmoothing, _classWeights) = (model, images, labels, options.LabelSmoothing, classWeights);
        // Where both are asked for, a step takes one of them.
        bool cut = options.CutMix > 0 && (options.Mixup <= 0 || (new CounterRandom(options.Seed, RandomPurpose.CutMix, step, 1).Next() & 1) != 0);
        _mixup = cut ? Mixup.Cut(images, labels, options.CutMix, options.Seed, step)
            : options.Mixup > 0 ? Mixup.Of(images, labels, options.Mixup, options.Seed, step) : null;
        using (no_grad())
            _inputs = options.InputForm.Of(_mixup?.Images ?? images);
    }

    /// <summary>How many of the network's stages the images have been through; 0, the default: they are images.</summary>
    public int Stages { get; init; }

    /// <summary>The number of images.</summary>
    public int Rows => checked((int)_labels.shape[0]);

    /// <summary>The loss where the weights stand.</summary>
    public Tensor Compute() => Compute(..);

    /// <summary>The mean loss of some of the images where the weights stand.</summary>
    /// <param name="rows">Which images.</param>
    public Tensor Compute(Range rows) => Of(Logits(rows), rows);

    /// <summary>The network's outputs for some of the images where the weights stand.</summary>
    /// <param name="rows">Which images.</param>
    public Tensor Logits(Range rows) => _model.CallAfter(Stages, _inputs[rows]);

    /// <summary>The mean loss of outputs for some of the images.</summary>
    /// <param name="logits">The outputs.</param>
    /// <param name="rows">Which images.</param>
    public Tensor Of(Tensor logits, Range rows)
    {
        return _mixup is null ? CrossEntropy(_labels) : _mixup.Loss(CrossEntropy, _labels);

        Tensor CrossEntropy(Tensor labels)
        {
            Tensor part = labels[rows];
            Tensor loss = nn.functional.cross_entropy(logits, part, weight: _classWeights, label_smoothing: _labelSmoothing);
            // Weighted, it is divided by the part's own weights; by its share of the whole's, the parts' mean is the whole batch's loss.
            return _classWeights is null || part.shape[0] == labels.shape[0]
                ? loss
                : loss * (_classWeights.index_select(0, part).mean() / _classWeights.index_select(0, labels).mean());
        }
    }

    /// <summary>The weights of the classes for a training set; null where all count alike. The caller owns the tensor.</summary>
    /// <param name="options">The choice.</param>
    /// <param name="train">The training images.</param>
    public static Tensor? WeightsOf(TrainingOptions options, ImageSet train)
    {
        if (options.ClassWeights == ClassWeights.None)
            return null;
        // A class without an image has no part in the loss, whatever its weight.
        IReadOnlyList<int> counts = train.ClassCounts();
        return tensor(counts.Select(n => (float)Math.Pow((double)train.Count / (counts.Count * Math.Max(1, n)), options.ClassWeightPower)).ToArray())
            .DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!ReferenceEquals(_inputs, _images))
            _inputs.Dispose();
        _mixup?.Dispose();
    }
}
