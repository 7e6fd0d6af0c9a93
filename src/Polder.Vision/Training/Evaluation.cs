namespace Polder.Vision.Training;

/// <summary>How well a model does on a set.</summary>
/// <param name="Accuracy">The share that is classified rightly, between 0 and 1.</param>
/// <param name="Loss">The mean cross entropy over all images, the last, smaller batch weighted by its size.</param>
/// <param name="Count">The number of images.</param>
public sealed record EvaluationResult(double Accuracy, double Loss, int Count)
{
    /// <summary>Evaluates a model in evaluation mode, without gradients; its modules' modes are restored. Several threads may do so at once.</summary>
    /// <param name="model">The model.</param>
    /// <param name="loader">The images; shuffling and augmentation are left out.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ArgumentException">The set has other classes than the model.</exception>
    /// <exception cref="InvalidOperationException">Another thread trains or measures the model.</exception>
    public static EvaluationResult Of(ImageClassifier model, Loader loader, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(loader);
        if (loader.Set.Classes.Count != model.Classes)
            throw new ArgumentException($"the data has {loader.Set.Classes.Count} classes, the network {model.Classes}", nameof(loader));
        return Of(model, loader.ForEvaluation().Epoch(0, cancellation), loader.Set.Count);
    }

    /// <summary>The same on batches, of images or of what the network's first stages make of them.</summary>
    internal static EvaluationResult Of(ImageClassifier model, IEnumerable<Batch> batches, int count)
    {
        using ModelUse use = ModelUse.Ask(model);
        using var noGrad = no_grad();
        double loss = 0;
        long right = 0;
        foreach (Batch batch in batches)
        {
            using var scope = NewDisposeScope();
            Tensor logits = model.CallAfter(batch.Stages, batch.Images);
            loss += nn.functional.cross_entropy(logits, batch.Labels, reduction: nn.Reduction.Sum).ToDouble();
            right += logits.argmax(1).eq(batch.Labels).sum().ToInt64();
        }
        return new EvaluationResult((double)right / count, loss / count, count);
    }
}
