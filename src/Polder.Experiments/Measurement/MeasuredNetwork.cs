using Polder.Generalization;
using Polder.Objectives;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Experiments.Measurement;

/// <summary>A trained network and the images that it is measured on, without augmentation; it owns the network.</summary>
/// <param name="model">The network; it is put into evaluation mode.</param>
/// <param name="file">Architecture, image size, normalization, classes.</param>
/// <param name="images">The images, in the order in which they are read.</param>
/// <param name="name">What tables call network and data.</param>
/// <param name="batchSize">Images a forward pass; it changes the cost, not the result.</param>
public sealed class MeasuredNetwork(ImageClassifier model, ModelFile file, ImageSet images, string name, int batchSize) : IDisposable
{
    private readonly ImageClassifier _model = Evaluating(model);

    /// <summary>The network, in evaluation mode.</summary>
    public ImageClassifier Model => _model;

    /// <summary>Architecture, image size, normalization, classes.</summary>
    public ModelFile File { get; } = file ?? throw new ArgumentNullException(nameof(file));

    /// <summary>The images.</summary>
    public ImageSet Images { get; } = images ?? throw new ArgumentNullException(nameof(images));

    /// <summary>What tables call network and data.</summary>
    public string Name { get; } = name;

    /// <summary>The batches, in the same order each time they are enumerated.</summary>
    public Loader Batches { get; } = new(images, new LoaderOptions
    {
        BatchSize = batchSize,
        Shuffle = false,
        ImageSize = file.ImageSize,
        Normalization = file.Normalization,
    });

    /// <summary>The mean cross entropy over the images as a function of the network's trainable weights.</summary>
    /// <remarks>
    /// Logits are turned into losses in double precision: where the network is nearly certain, a float's rounding of the logarithm of the
    /// sum is larger than the differences that small noise makes.
    /// </remarks>
    public EmpiricalLoss CrossEntropy() => EmpiricalLoss.Of(
        Model, Batches, (logits, labels) => nn.functional.cross_entropy(logits.to(ScalarType.Float64), labels));

    /// <summary>Error rate and bounded loss over the images, at the weights as they stand.</summary>
    /// <param name="loss">The bounded loss.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public ClassifierLosses Losses(BoundedCrossEntropy loss, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(loss);
        double sum = 0;
        long wrong = 0;
        using var noGrad = no_grad();
        foreach (var (images, labels) in Batches.Epoch(0, cancellation))
        {
            using var scope = NewDisposeScope();
            Tensor logits = Model.call(images).to(ScalarType.Float64);
            sum += loss.Of(logits, labels, nn.Reduction.Sum).ToDouble();
            wrong += logits.argmax(1).ne(labels).sum().ToInt64();
        }
        return new ClassifierLosses((double)wrong / Images.Count, sum / Images.Count);
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    private static ImageClassifier Evaluating(ImageClassifier model)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.eval();
        return model;
    }
}
