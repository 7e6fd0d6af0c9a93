using System.Runtime.InteropServices;

namespace Polder.Vision.Classifiers;

/// <summary>Evaluates a classifier from what its frozen layers make of the images, which a <see cref="FeatureCache"/> keeps.</summary>
public static class KeptFeatures
{
    private const int DefaultBatchSize = 64;

    /// <summary>Judges the classifier by every measure, as <see cref="TrainedClassifier.Measure(ImageSet, IReadOnlyList{int}?, int, IProgress{int}?, Precision,
    /// CancellationToken)"/> does.</summary>
    /// <param name="cache">The cache.</param>
    /// <param name="classifier">The classifier; the stages whose parameters require no gradient are not computed again.</param>
    /// <param name="images">The images.</param>
    /// <param name="batchSize">Images a forward pass.</param>
    /// <param name="cancellation">Stops.</param>
    public static ClassificationMetrics Measure(
        this FeatureCache cache, TrainedClassifier classifier, ImageSet images, int batchSize = DefaultBatchSize, CancellationToken cancellation = default)
    {
        using FeatureLoader loader = Judging(cache, classifier, images, batchSize);
        ImageClassifier network = classifier.Network;
        var metrics = new MetricsAccumulator(images.Classes);
        using ModelUse use = ModelUse.Ask(network);
        using var noGrad = no_grad();
        foreach (Batch batch in loader.Epoch(0, 0..loader.Count, FixedStages(network), cancellation))
        {
            using var scope = NewDisposeScope();
            ReadOnlySpan<float> logits = MemoryMarshal.Cast<byte, float>(network.CallAfter(batch.Stages, batch.Images).contiguous().bytes);
            for (int i = 0; i < batch.Count; i++)
                metrics.Add(logits.Slice(i * network.Classes, network.Classes), images.Labels[batch.Indices[i]]);
        }
        return metrics.Result([]);
    }

    /// <summary>
    /// Accuracy and mean cross entropy, as <see cref="EvaluationResult.Of(ImageClassifier, Loader, CancellationToken)"/> gives them: NaN where the network has
    /// weights that are no numbers.
    /// </summary>
    /// <param name="cache">The cache.</param>
    /// <param name="classifier">The classifier; the stages whose parameters require no gradient are not computed again.</param>
    /// <param name="images">The images.</param>
    /// <param name="batchSize">Images a forward pass.</param>
    /// <param name="cancellation">Stops.</param>
    public static EvaluationResult Evaluate(
        this FeatureCache cache, TrainedClassifier classifier, ImageSet images, int batchSize = DefaultBatchSize, CancellationToken cancellation = default)
    {
        using FeatureLoader loader = Judging(cache, classifier, images, batchSize);
        ImageClassifier network = classifier.Network;
        return EvaluationResult.Of(network, loader.Epoch(0, 0..loader.Count, FixedStages(network), cancellation), images.Count);
    }

    /// <summary>The mean cross entropy of a set, in nats, as <see cref="TrainedClassifier.CrossEntropy"/> gives it, for something that measures it.</summary>
    /// <param name="cache">The cache.</param>
    /// <param name="classifier">The classifier; the stages whose parameters require no gradient are not computed again.</param>
    /// <param name="images">The images.</param>
    /// <param name="measure">What is done with it; the loss does not outlive it.</param>
    /// <param name="batchSize">Images a pass.</param>
    public static T WithCrossEntropy<T>(
        this FeatureCache cache, TrainedClassifier classifier, ImageSet images, Func<EmpiricalLoss, T> measure, int batchSize = DefaultBatchSize) =>
        cache.WithLoss(classifier, images, (logits, labels) => nn.functional.cross_entropy(logits, labels), measure, batchSize);

    /// <summary>The mean of any loss over a set, for something that measures it.</summary>
    /// <param name="cache">The cache.</param>
    /// <param name="classifier">The classifier; the stages whose parameters require no gradient are not computed again.</param>
    /// <param name="images">The images.</param>
    /// <param name="lossOf">The mean loss of a batch from its logits, [N, classes] of float64, and its labels, [N] of int64.</param>
    /// <param name="measure">What is done with it; the loss does not outlive it.</param>
    /// <param name="batchSize">Images a pass.</param>
    public static T WithLoss<T>(
        this FeatureCache cache, TrainedClassifier classifier, ImageSet images, Func<Tensor, Tensor, Tensor> lossOf, Func<EmpiricalLoss, T> measure,
        int batchSize = DefaultBatchSize)
    {
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(classifier);
        ArgumentNullException.ThrowIfNull(lossOf);
        ArgumentNullException.ThrowIfNull(measure);
        ImageClassifier network = classifier.Network;
        int stages = FixedStages(network);
        if (stages == 0)
        {
            return measure(EmpiricalLoss.Of(
                network, classifier.LoaderOf(images, batchSize), (logits, labels) => lossOf(logits.to(ScalarType.Float64), labels)));
        }
        using var loader = new FeatureLoader(network, classifier.LoaderOf(images, batchSize), _ => { }, cache);
        return measure(EmpiricalLoss.Of(
            network, loader.Epoch(0, 0..loader.Count, stages, CancellationToken.None),
            batch => lossOf(network.CallAfter(batch.Stages, batch.Images).to(ScalarType.Float64), batch.Labels), batch => batch.Count));
    }

    private static FeatureLoader Judging(FeatureCache cache, TrainedClassifier classifier, ImageSet images, int batchSize)
    {
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(classifier);
        ArgumentNullException.ThrowIfNull(images);
        ImageClassifier network = classifier.Network;
        if (images.Classes.Count != network.Classes)
            throw new ArgumentException($"the data has {images.Classes.Count} classes, the network {network.Classes}", nameof(images));
        return new FeatureLoader(network, classifier.LoaderOf(images, batchSize), _ => { }, cache);
    }

    internal static int FixedStages(ImageClassifier network) =>
        network.Stages.TakeWhile(stage => stage.Modules.All(module => module.parameters().All(p => !p.requires_grad))).Count();
}
