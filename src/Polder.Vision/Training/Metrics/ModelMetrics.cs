using System.Runtime.InteropServices;

namespace Polder.Vision.Training.Metrics;

/// <summary>Judges a model on a set by every measure; <see cref="EvaluationResult"/> is the quick one of a training.</summary>
public static class ModelMetrics
{
    /// <summary>Evaluates a model in evaluation mode, without gradients; its modules' modes are restored. Several threads may do so at once.</summary>
    /// <param name="model">The model, on the CPU.</param>
    /// <param name="loader">The images; shuffling and augmentation are left out.</param>
    /// <param name="top">The ks of top-k accuracy, each between 1 and the number of classes.</param>
    /// <param name="progress">Told the number of images done after every batch.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ArgumentException">The set has other classes than the model, or a logit is not finite.</exception>
    /// <exception cref="InvalidOperationException">Another thread trains or measures the model.</exception>
    public static ClassificationMetrics Of(
        ImageClassifier model, Loader loader, IReadOnlyList<int>? top = null, IProgress<int>? progress = null, CancellationToken cancellation = default) =>
        Judge(model, loader, null, top, progress, cancellation);

    /// <summary>The same, with what the model says of each image.</summary>
    internal static ClassificationMetrics Judge(
        ImageClassifier model, Loader loader, ImagePredictions.Builder? predictions, IReadOnlyList<int>? top, IProgress<int>? progress,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(loader);
        if (loader.Set.Classes.Count != model.Classes)
            throw new ArgumentException($"the data has {loader.Set.Classes.Count} classes, the network {model.Classes}", nameof(loader));
        var metrics = new MetricsAccumulator(loader.Set.Classes);
        using ModelUse use = ModelUse.Ask(model);
        using var noGrad = no_grad();
        int done = 0;
        foreach (Batch batch in loader.ForEvaluation().Epoch(0, cancellation))
        {
            using var scope = NewDisposeScope();
            ReadOnlySpan<float> logits = MemoryMarshal.Cast<byte, float>(model.call(batch.Images).contiguous().bytes);
            for (int i = 0; i < batch.Count; i++)
            {
                ReadOnlySpan<float> row = logits.Slice(i * model.Classes, model.Classes);
                metrics.Add(row, loader.Set.Labels[batch.Indices[i]]);
                predictions?.Add(row, loader.Set.Labels[batch.Indices[i]]);
            }
            progress?.Report(done += batch.Count);
        }
        return metrics.Result(top ?? []);
    }
}
