namespace Polder.Vision.Recipes;

/// <summary>
/// How much time a training of the ImageNet network (<see cref="PackagedWeights"/>) may take: points on its curve of accuracy against time. Each stands
/// for settings, of which every one that is said by itself wins; they were chosen on validation images (docs/results/recipe.md).
/// </summary>
public enum Effort
{
    /// <summary>Fixed features and a fitted head: the time of one forward pass over the images.</summary>
    Quick,

    /// <summary>
    /// A fitted head, then a few epochs of the last stage of the network from a head of a stronger penalty, on what the stages before make of the images,
    /// computed once; then the same once more on the validation images, too (<see cref="Refit"/>): minutes for 300 photos. Where no epoch is better, the
    /// fitted head is kept. The default.
    /// </summary>
    Normal,

    /// <summary>A fitted head, then three times the epochs, of the whole network, from a head as normal's; once more on all images as normal does.</summary>
    Thorough,
}

/// <summary>The settings that efforts stand for.</summary>
internal static class Efforts
{
    /// <summary>The side of the images, the one that the network was pre-trained with.</summary>
    public const int ImageSize = 224;

    // With statistics of small batches a fitted head sees other features than it was fitted to, and the first epoch costs ten points and more.
    private static readonly string[] Norms = ["bn1.*", "*.bn1.*", "*.bn2.*", "*.downsample.1.*"];

    // What a few images teach them is within the noise, and they are nearly two thirds of the work.
    private static readonly string[] FirstStages = ["conv1.*", "layer1.*", "layer2.*", "layer3.*"];

    /// <summary>The settings of a training that were not said.</summary>
    /// <param name="effort">How much time it may take.</param>
    /// <param name="training">What was said. A frozen body leaves nothing to do once its head is fitted; the rate is one of SGD.</param>
    /// <param name="data">Who asks for so many training images, or for wrong labels among them, does not want those of validation beside them.</param>
    public static TrainingPreset Of(Effort effort, TrainingOptions training, DataRecipe data) => training.FreezeBody || effort == Effort.Quick
        ? new TrainingPreset
        {
            HeadSolver = HeadSolver.Lbfgs,
            HeadImages = TakesAll(data) ? HeadImages.All : null,
            FreezeBody = true,
            Epochs = 0,
        }
        : new TrainingPreset
        {
            HeadSolver = HeadSolver.Lbfgs,
            HeadStartL2 = 1,
            HeadImages = TakesAll(data) ? HeadImages.All : null,
            Epochs = effort == Effort.Normal ? 8 : 24,
            LearningRate = training.Optimizer != BaseOptimizer.Sgd ? null : effort == Effort.Normal ? 0.003 : 0.001,
            Freeze = effort == Effort.Normal ? [.. FirstStages, .. Norms] : Norms,
        };

    /// <summary>Whether a training is made once more on all images, where nothing was said of that.</summary>
    public static Refit RefitOf(Effort effort, TrainingOptions training, DataRecipe data) =>
        effort != Effort.Quick && !training.FreezeBody && training is { Said.Epochs: not 0, Patience: null } && TakesAll(data) ? Refit.All : Refit.None;

    private static bool TakesAll(DataRecipe data) => data is { PerClass: null, Fraction: null or 1, LabelNoise: 0 };
}
