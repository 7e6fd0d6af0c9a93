using Polder.Methods;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;
using static TorchSharp.torch;

namespace Polder.Experiments.Comparison;

/// <summary>
/// The demo: a small convolutional network is pre-trained on the digits 0 to 4 and fine-tuned on few labelled images of 5 to 9. The test
/// images are the same for all seeds; the seed varies the shots, the validation images, the head's start, the order and the noise.
/// </summary>
public sealed class DigitsTask : IFineTuningTask, IDisposable
{
    private const string ArchitectureName = "digits-cnn";

    // Three fifths of the images of 5 to 9 are tested on; half of the rest is for validation, and the shots come from the other half.
    private const double TestFraction = 0.6, ValidationFraction = 0.5;

    private readonly Architecture _architecture = Architectures.Get(ArchitectureName);
    private readonly int _shots;
    private readonly Dictionary<string, Tensor> _weights;

    private readonly bool _ownsWeights;

    private DigitsTask(int shots, Dictionary<string, Tensor> weights, bool ownsWeights) =>
        (_shots, _weights, _ownsWeights) = (shots, weights, ownsWeights);

    /// <summary>Labelled images a class, unless something else is asked for; chosen with <see cref="DigitsDefaults"/>.</summary>
    public const int DefaultShots = 5;

    /// <summary>The largest number of labelled images a class: what the smallest class has for training.</summary>
    public const int MostShots = 35;

    /// <summary>How the network is pre-trained.</summary>
    public static TrainingOptions Pretraining { get; } = new() { LearningRate = 0.05, Epochs = 12, BatchSize = 64, WeightDecay = 1e-4, Seed = 0 };

    /// <inheritdoc/>
    public string Name => NameOf(_shots);

    /// <summary>Pre-trains the network, in a few seconds.</summary>
    /// <param name="shots">Labelled images a class, between 1 and <see cref="MostShots"/>.</param>
    /// <param name="progress">Told after every step of the pre-training.</param>
    /// <param name="cancellation">Stops the pre-training.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="shots"/> is out of range.</exception>
    public static DigitsTask Create(int shots = DefaultShots, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        RequireShots(shots);
        ImageData data = Digits.Lower();
        DataSplits splits = data.Split(new SplitOptions { TestFraction = 0.1, ValidationFraction = 0.1 });
        Architecture architecture = Architectures.Get(ArchitectureName);
        using ImageClassifier model = architecture.Build(data.Classes.Count, Pretraining.Seed);
        new Trainer(Pretraining, new Plain()) { Progress = progress }
            .Run(model, splits.Train, splits.Validation, architecture.Normalization, cancellation: cancellation);
        using var scope = NewDisposeScope();
        return new DigitsTask(shots, model.state_dict().ToDictionary(e => e.Key, e => e.Value.detach().clone().DetachFromDisposeScope()), ownsWeights: true);
    }

    /// <inheritdoc/>
    public FineTuningCase Prepare(long seed)
    {
        DataSplits splits = Splits(_shots, seed);
        IReadOnlyList<string> classes = splits.Train.Classes;
        ImageClassifier model = _architecture.Build(classes.Count, 0);
        model.load_state_dict(_weights);
        model.ReplaceHead(classes.Count, seed);
        var file = new ModelFile(ArchitectureName, _architecture.ImageSize, _architecture.Normalization, classes);
        return new FineTuningCase(model, splits, file, HeadReplaced: true);
    }

    /// <summary>What tables call the demo.</summary>
    /// <param name="shots">Labelled images a class.</param>
    public static string NameOf(int shots) => $"digits 5-9, {shots} shots";

    /// <summary>The images of a seed, which need no pre-trained network.</summary>
    /// <param name="shots">Labelled images a class, between 1 and <see cref="MostShots"/>.</param>
    /// <param name="seed">The seed of shots and validation images.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="shots"/> is out of range.</exception>
    public static DataSplits Splits(int shots, long seed)
    {
        RequireShots(shots);
        return Digits.Upper().Split(new SplitOptions
        {
            Seed = seed,
            TestSeed = 0,
            TestFraction = TestFraction,
            ValidationFraction = ValidationFraction,
            PerClass = shots,
        });
    }

    /// <summary>The same task with other shots; it shares the pre-trained weights, which stay this task's.</summary>
    /// <param name="shots">Labelled images a class, between 1 and <see cref="MostShots"/>.</param>
    public DigitsTask WithShots(int shots)
    {
        RequireShots(shots);
        return new DigitsTask(shots, _weights, ownsWeights: false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_ownsWeights)
            return;
        foreach (Tensor tensor in _weights.Values)
            tensor.Dispose();
    }

    private static void RequireShots(int shots)
    {
        if (shots is < 1 or > MostShots)
            throw new ArgumentOutOfRangeException(nameof(shots), shots, $"the shots a class must be between 1 and {MostShots}");
    }
}
