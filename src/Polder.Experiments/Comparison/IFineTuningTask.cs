using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;

namespace Polder.Experiments.Comparison;

/// <summary>A network to fine-tune and the images to do it with; a seed makes one case of it.</summary>
public interface IFineTuningTask
{
    /// <summary>What tables call it.</summary>
    string Name { get; }

    /// <summary>
    /// Makes the case of a seed: it varies the split or the shots and the start of a new head; the test set is the same for all seeds.
    /// Two cases of one seed are equal.
    /// </summary>
    FineTuningCase Prepare(long seed);
}

/// <summary>One start of a fine-tuning; its owner disposes of it.</summary>
/// <param name="Model">The network with its pre-trained weights and, where the classes differ, a new head.</param>
/// <param name="Splits">Training, validation and test images.</param>
/// <param name="File">What a checkpoint of the fine-tuned model says of itself.</param>
/// <param name="HeadReplaced">Whether the head is new.</param>
public sealed record FineTuningCase(ImageClassifier Model, DataSplits Splits, ModelFile File, bool HeadReplaced) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();
}
