namespace Polder.Vision.Classifiers;

/// <content>What is measured of the network on a set of images.</content>
public sealed partial class TrainedClassifier
{
    private const int DefaultBatchSize = 64;

    /// <summary>Batches of images as the network sees them: in the set's order, without augmentation.</summary>
    /// <param name="images">The images, of at least the network's size.</param>
    /// <param name="batchSize">Images of a batch; it changes the cost, not the result.</param>
    /// <param name="precision">What the network then computes in.</param>
    public Loader LoaderOf(ImageSet images, int batchSize = DefaultBatchSize, Precision precision = Precision.F32) => new(images, new LoaderOptions
    {
        BatchSize = batchSize,
        Shuffle = false,
        ImageSize = ImageSize,
        Normalization = Normalization,
        Form = InputForm.Of(precision),
    });

    /// <summary>Accuracy and loss on a set.</summary>
    /// <param name="images">The images.</param>
    /// <param name="batchSize">Images of a batch.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ArgumentException">The set has other classes than the network.</exception>
    public EvaluationResult Evaluate(ImageSet images, int batchSize = DefaultBatchSize, CancellationToken cancellation = default) =>
        EvaluationResult.Of(Network, LoaderOf(images, batchSize), cancellation);

    /// <summary>Every measure on a set.</summary>
    /// <param name="images">The images.</param>
    /// <param name="top">The ks of top-k accuracy, each between 1 and the number of classes.</param>
    /// <param name="batchSize">Images of a batch.</param>
    /// <param name="progress">Told the number of images done after every batch.</param>
    /// <param name="precision">What the network computes in; logits and measures are of float32 and more.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ArgumentException">The set has other classes than the network, or a logit is not finite.</exception>
    public ClassificationMetrics Measure(
        ImageSet images, IReadOnlyList<int>? top = null, int batchSize = DefaultBatchSize, IProgress<int>? progress = null,
        Precision precision = Precision.F32, CancellationToken cancellation = default) =>
        ModelMetrics.Of(Network, LoaderOf(images, batchSize, precision), top, progress, cancellation);

    /// <summary>Every measure on a set, and what the network says of each of its images.</summary>
    /// <param name="images">The images.</param>
    /// <param name="batchSize">Images of a batch.</param>
    /// <param name="progress">Told the number of images done after every batch.</param>
    /// <param name="precision">What the network computes in.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ArgumentException">The set has other classes than the network, or a logit is not finite.</exception>
    public JudgedImages Judge(
        ImageSet images, int batchSize = DefaultBatchSize, IProgress<int>? progress = null, Precision precision = Precision.F32,
        CancellationToken cancellation = default)
    {
        var predictions = new ImagePredictions.Builder();
        ClassificationMetrics metrics = ModelMetrics.Judge(Network, LoaderOf(images, batchSize, precision), predictions, null, progress, cancellation);
        return new JudgedImages(metrics, predictions.Result());
    }

    /// <summary>Every measure on a set, of the mean probabilities of networks drawn from a posterior.</summary>
    /// <param name="images">The images.</param>
    /// <param name="posterior">The posterior around the weights.</param>
    /// <param name="samples">The number of draws, at least 1.</param>
    /// <param name="top">The ks of top-k accuracy, each between 1 and the number of classes.</param>
    /// <param name="batchSize">Images of a batch.</param>
    /// <param name="progress">Told the number of draws done.</param>
    /// <param name="precision">What the network computes in.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ArgumentException">The set has other classes than the network.</exception>
    public ClassificationMetrics Measure(
        ImageSet images, WeightPosterior posterior, int samples, IReadOnlyList<int>? top = null, int batchSize = DefaultBatchSize,
        IProgress<int>? progress = null, Precision precision = Precision.F32, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(posterior);
        if (images.Classes.Count != Network.Classes)
            throw new ArgumentException($"the data has {images.Classes.Count} classes, the network {Network.Classes}", nameof(images));
        double[][] probabilities = posterior.MeanProbabilities(LoaderOf(images, batchSize, precision), samples, progress, cancellation);
        var metrics = new MetricsAccumulator(images.Classes);
        // Logarithms of probabilities are logits of the same probabilities.
        foreach ((int i, double[] row) in probabilities.Index())
            metrics.Add([.. row.Select(p => (float)Math.Log(Math.Max(p, 1e-30)))], images.Labels[i]);
        return metrics.Result(top ?? []);
    }

    /// <summary>The mean cross entropy over a set as a function of the network's trainable weights: what curvature and flatness are measured of.</summary>
    /// <param name="images">The images.</param>
    /// <param name="batchSize">Images of a forward pass.</param>
    /// <param name="options">Which parameters; null: all that require a gradient.</param>
    /// <remarks>
    /// Logits are turned into losses in double precision: where the network is nearly certain, a float's rounding of the logarithm of the
    /// sum is larger than the differences that small noise makes.
    /// </remarks>
    public EmpiricalLoss CrossEntropy(ImageSet images, int batchSize = DefaultBatchSize, EmpiricalLossOptions? options = null) => EmpiricalLoss.Of(
        Network, LoaderOf(images, batchSize), (logits, labels) => nn.functional.cross_entropy(logits.to(ScalarType.Float64), labels), options);

    /// <summary>Error rate and bounded loss over a set, at the weights as they stand, in evaluation mode.</summary>
    /// <param name="images">The images.</param>
    /// <param name="loss">The bounded loss.</param>
    /// <param name="batchSize">Images of a forward pass.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public ClassifierLosses BoundedLosses(ImageSet images, BoundedCrossEntropy loss, int batchSize = DefaultBatchSize, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(loss);
        double sum = 0;
        long wrong = 0;
        using ModelUse use = ModelUse.Ask(Network);
        using var noGrad = no_grad();
        foreach (var (inputs, labels) in LoaderOf(images, batchSize).Epoch(0, cancellation))
        {
            using var scope = NewDisposeScope();
            Tensor logits = Network.call(inputs).to(ScalarType.Float64);
            sum += loss.Of(logits, labels, nn.Reduction.Sum).ToDouble();
            wrong += logits.argmax(1).ne(labels).sum().ToInt64();
        }
        return new ClassifierLosses((double)wrong / images.Count, sum / images.Count);
    }
}
