using System.Diagnostics;

namespace Polder.Vision.Recipes;

/// <summary>The training that comes after a first one, on its training and validation images together (<see cref="Refit.All"/>).</summary>
/// <param name="start">Network and images.</param>
/// <param name="training">The options of the first training.</param>
/// <param name="folder">The run folder; null keeps nothing.</param>
/// <param name="writes">Whether this process writes into it.</param>
internal sealed class SecondTraining(FineTuningStart start, TrainingOptions training, RunFolder? folder, bool writes) : IDisposable
{
    private readonly Snapshot _begin = Begin(start.Classifier.Network, folder, writes);

    /// <summary>
    /// What it starts from: all images that are not tested are trained on. A method is another one where there are more images, and so more steps.
    /// </summary>
    public FineTuningStart Start { get; } = start with { Splits = start.Splits with { Train = start.Splits.Train.Then(start.Splits.Validation) } };

    /// <summary>Makes it; the network ends with its last weights.</summary>
    /// <param name="first">What the first training came to.</param>
    /// <param name="trainerOf">The trainer of options, with the file of its state; it makes the method for <see cref="Start"/>.</param>
    /// <param name="cancellation">Stops after the step at hand.</param>
    public RefitReport Run(TrainingResult first, Func<TrainingOptions, string?, Trainer> trainerOf, CancellationToken cancellation)
    {
        _begin.Restore();
        TrainedClassifier classifier = Start.Classifier;
        ImageSet images = Start.Splits.Train;
        TrainingOptions again = training with
        {
            // The head that the first epochs began with.
            HeadL2 = training.HeadStartL2 > 0 ? training.HeadStartL2 : first.HeadFit?.L2,
            HeadStartL2 = 0,
            HeadImages = HeadImages.Training,
            Keep = KeptWeights.Last,
            // These images are no judge of it any more; a trainer looks at them once, whether the weights are still numbers.
            ValidateEvery = training.Epochs,
        };
        long began = Stopwatch.GetTimestamp();
        TrainingResult result = trainerOf(again, folder?.RefitStateFile)
            .Run(classifier.Network, images, Start.Splits.Validation, classifier.Normalization, classifier.ImageSize, cancellation);
        return new RefitReport(images.Count, result.Best.Epoch, result.Steps, result.GradientEvaluations, result.TrainLoss,
            Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    /// <inheritdoc/>
    public void Dispose() => _begin.Dispose();

    // The file that the weights came from may be gone or another when a stopped run goes on.
    private static Snapshot Begin(nn.Module network, RunFolder? folder, bool writes)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (folder is not null && File.Exists(folder.ResumeFile))
        {
            if (!File.Exists(folder.StartFile))
                throw new DataException(folder.StartFile, "is missing; allowed: the weights that the run began with, for its training on all images");
            using Checkpoint begun = Checkpoint.Load(folder.StartFile);
            foreach ((string name, Tensor tensor) in network.state_dict())
                tensor.copy_(begun.Tensors.GetValueOrDefault(name)
                    ?? throw new DataException(folder.StartFile, $"has no {name}; allowed: the weights that the run began with"));
        }
        else if (writes)
            Safetensors.Write(folder!.StartFile, network.state_dict().Select(e => (e.Key, e.Value)));
        return new Snapshot(network);
    }
}
