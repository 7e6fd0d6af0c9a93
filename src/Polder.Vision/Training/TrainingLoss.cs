using Polder.Vision.Models;
using static TorchSharp.torch;

namespace Polder.Vision.Training;

/// <summary>The loss of one step's batch: cross entropy, with label smoothing and mixup where the options ask for them.</summary>
internal sealed class TrainingLoss : IDisposable
{
    private readonly ImageClassifier _model;
    private readonly Tensor _images, _labels;
    private readonly double _labelSmoothing;
    private readonly Mixup? _mixup;

    /// <summary>Prepares a step: everything random about the batch is drawn here, once, so that every probe sees the same.</summary>
    /// <param name="model">The model.</param>
    /// <param name="images">N x channels x height x width.</param>
    /// <param name="labels">N class numbers.</param>
    /// <param name="options">What the training does.</param>
    /// <param name="step">The step, from 0.</param>
    public TrainingLoss(ImageClassifier model, Tensor images, Tensor labels, TrainingOptions options, long step)
    {
        (_model, _images, _labels, _labelSmoothing) = (model, images, labels, options.LabelSmoothing);
        _mixup = options.Mixup > 0 ? Mixup.Of(images, labels, options.Mixup, options.Seed, step) : null;
    }

    /// <summary>The number of images.</summary>
    public int Rows => checked((int)_labels.shape[0]);

    /// <summary>The loss where the weights stand.</summary>
    public Tensor Compute() => Compute(..);

    /// <summary>The mean loss of some of the images where the weights stand.</summary>
    /// <param name="rows">Which images.</param>
    public Tensor Compute(Range rows)
    {
        Tensor logits = _model.call((_mixup?.Images ?? _images)[rows]);
        return _mixup is null ? CrossEntropy(_labels) : _mixup.Loss(CrossEntropy, _labels);

        Tensor CrossEntropy(Tensor labels) => nn.functional.cross_entropy(logits, labels[rows], label_smoothing: _labelSmoothing);
    }

    /// <inheritdoc/>
    public void Dispose() => _mixup?.Dispose();
}
