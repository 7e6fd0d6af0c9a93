namespace Polder.Vision.Recipes;

/// <summary>A network to fine-tune and the images to do it with; a seed makes one start of it.</summary>
public interface IFineTuningTask
{
    /// <summary>What tables call it.</summary>
    string Name { get; }

    /// <summary>
    /// Makes the start of a seed: it varies the split or the shots and a new head; the test set is the same for all seeds.
    /// Two starts of one seed are equal.
    /// </summary>
    /// <param name="seed">The seed.</param>
    FineTuningStart Prepare(long seed);
}

/// <summary>Where a fine-tuning starts; its owner disposes of it.</summary>
/// <param name="Classifier">The network with its pre-trained weights and, where the classes differ, a new head.</param>
/// <param name="Splits">Training, validation and test images.</param>
public sealed record FineTuningStart(TrainedClassifier Classifier, DataSplits Splits) : IDisposable
{
    /// <summary>What the parts are of; null where they are all.</summary>
    internal ImageData? Data { get; init; }

    /// <summary>Checks a training against its network: the names that are not trained, and that this machine computes its convolutions rightly.</summary>
    /// <param name="training">The training.</param>
    /// <returns>The convolutions that were checked.</returns>
    /// <exception cref="SettingException">A name to freeze matches nothing, or leaves nothing to train.</exception>
    /// <exception cref="DataException">Some convolutions of the network are wrong on this machine; the message says what helps.</exception>
    public ConvolutionReport RequireTrainable(TrainingOptions training)
    {
        ArgumentNullException.ThrowIfNull(training);
        try
        {
            Classifier.Network.FreezeBody(training.FreezeBody || training.HeadEpochs > 0);
            Classifier.Network.Freeze(training.Freeze);
        }
        catch (ArgumentException e)
        {
            string reason = e.Message.Replace($" (Parameter '{e.ParamName}')", "", StringComparison.Ordinal);
            throw new SettingException("freeze", string.Join(',', training.Freeze), $"patterns of the names of {Classifier.Architecture} ({reason})", e);
        }
        return Classifier.RequireRightConvolutions(training.InputForm);
    }

    /// <summary>Settings of a training that do nothing in it, in words. A method says its own (<see cref="MethodChoice.Idle"/>).</summary>
    /// <param name="training">The training.</param>
    public IReadOnlyList<string> Idle(TrainingOptions training)
    {
        ArgumentNullException.ThrowIfNull(training);
        var idle = new List<string>();
        long steps = training.StepsOver(Splits.Train.Count);
        if (training.WarmUp > 0 && Math.Round(training.WarmUp * steps) < 1)
            idle.Add($"a warm-up over {ValueKind.TextOf(training.WarmUp)} of {steps} steps is less than one step: the learning rate does not rise");
        int[] counts = [.. Splits.Train.ClassCounts().Distinct()];
        if (training.ClassWeights != ClassWeights.None && counts.Length == 1)
            idle.Add($"every class has {counts[0]} training images, so all weights of the classes are 1");
        if (training.Averaging is { Kind: not AveragingKind.None } average
            && average.TimesOver(steps, Loader.BatchesOf(Splits.Train.Count, training.BatchSize, joinLone: true)) is < 2 and var times)
            idle.Add($"the average takes the weights in {times} time(s) in {training.Epochs} epochs: the result is plain weights, no average");
        return idle;
    }

    /// <inheritdoc/>
    public void Dispose() => Classifier.Dispose();
}
