namespace Polder.Vision.Recipes;

/// <summary>
/// The demo: a small convolutional network is pre-trained on the digits 0 to 4 and fine-tuned on few labelled images of 5 to 9. The test
/// images are the same for all seeds; the seed varies the shots, the validation images, the head's start, the order and the noise.
/// </summary>
/// <remarks>
/// Its settings were chosen by <c>polder tune</c> on validation accuracy with seeds 100 to 109, which no result reports
/// (docs/results/digits-tuning.md): shots and learning rate by the base optimizer alone, sigma and rho by an equal grid for each method.
/// </remarks>
public static class DigitsDemo
{
    /// <summary>Labelled images a class, unless something else is asked for.</summary>
    public const int DefaultShots = 5;

    /// <summary>The largest number of labelled images a class: what the smallest class has for training.</summary>
    public const int MostShots = 35;

    /// <summary>
    /// Labelled images a class where methods are compared and nobody says another number: with five the spread over the choice of the images hides every
    /// difference (docs/results/digits.md).
    /// </summary>
    public const int ComparisonShots = 30;

    /// <summary>Passes through the shots there: as many as let <c>polder compare</c> end within a minute on two processors.</summary>
    public const int ComparisonEpochs = 20;

    /// <summary>The learning rate of SGD with <see cref="ComparisonShots"/>.</summary>
    public const double ComparisonLearningRate = 0.05;

    /// <summary>
    /// A training loss that every method passes with <see cref="ComparisonShots"/> (validation seeds): where their curvature is compared a second time.
    /// </summary>
    public const double ComparisonLoss = 0.1;

    /// <summary>The learning rate of SGD.</summary>
    public const double LearningRate = 0.2;

    /// <summary>The weight decay of SGD.</summary>
    public const double WeightDecay = 1e-4;

    /// <summary>Passes through the shots.</summary>
    public const int Epochs = 40;

    /// <summary>Images a step.</summary>
    public const int BatchSize = 10;

    /// <summary>
    /// Threads of the tensor library. In so small a network a second one hardly helps and waits for the first, above all beside other programs
    /// (docs/results/digits-tuning.md). And sums in another order end in other weights, so that the demo would print another table on every machine.
    /// </summary>
    public const int Threads = 1;

    // Three fifths of the images of 5 to 9 are tested on; half of the rest is for validation, and the shots come from the other half.
    private const double TestFraction = 0.6, ValidationFraction = 0.5;

    private static readonly Dictionary<(string Method, string Option), object> Tuned = new()
    {
        [("wp", "sigma")] = 0.005,
        [("nso", "sigma")] = 0.02,
        [("sam", "rho")] = 0.5,
        [("asam", "rho")] = 1.0,
        [("usam", "rho")] = 0.1,
        [("samon", "rho")] = 2.0,
        [("rsam", "rho")] = 0.2,
        [("bsam", "rho")] = 0.02,
        [("gsam", "rho")] = 0.5,
        [("fsam", "rho")] = 0.5,
        [("looksam", "rho")] = 0.01,
        [("msam", "rho")] = 2.0,
        [("ssam", "rho")] = 0.5,
        [("lesam", "loss-budget")] = 0.2,
        [("zsharp", "rho")] = 1.0,
        [("sampa", "rho")] = 0.5,
        [("functionalsam", "rho")] = 0.5,
        [("mrwp", "sigma")] = 0.06,
        [("arwp", "sigma")] = 0.03,
        [("ivon", "hessian-init")] = 1000.0,
    };

    // Of the others the choice for five shots is the choice for thirty.
    private static readonly Dictionary<(string Method, string Option), object> ComparisonTuned = new() { [("wp", "sigma")] = 0.00125 };

    /// <summary>How the network is pre-trained.</summary>
    public static TrainingOptions Pretraining { get; } = new() { LearningRate = 0.05, Epochs = 12, BatchSize = 64, WeightDecay = 1e-4, Seed = 0 };

    /// <summary>The demo's network.</summary>
    public static Architecture Architecture => Architectures.Get("digits-cnn");

    /// <summary>The names of the classes that it is fine-tuned on.</summary>
    public static IReadOnlyList<string> Classes => Digits.Upper().Classes;

    /// <summary>The value of a method's option that tuning has chosen for the digits; null where the method's own default holds.</summary>
    /// <param name="method">The method's name.</param>
    /// <param name="option">The option's name.</param>
    /// <param name="shots">Labelled images a class: with <see cref="ComparisonShots"/> some are others.</param>
    public static object? Default(string method, string option, int shots = DefaultShots) =>
        (shots == ComparisonShots ? ComparisonTuned.GetValueOrDefault((method, option)) : null) ?? Tuned.GetValueOrDefault((method, option));

    /// <summary>The labelled images a class of a recipe of the demo; null where it is of something else.</summary>
    /// <param name="recipe">The recipe.</param>
    public static int? ShotsOf(Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        return recipe.IsDemo ? recipe.Data.Shots ?? DefaultShots : null;
    }

    /// <summary>What tables call the demo.</summary>
    /// <param name="shots">Labelled images a class.</param>
    public static string NameOf(int shots) => $"digits 5-9, {shots} shots";

    /// <summary>
    /// The demo as methods are compared on it, where a recipe does not say its shots: more of them, fewer passes, and the weights of the last epoch, whose
    /// curvature does not depend on which epoch a few validation images choose. What was said stays.
    /// </summary>
    /// <param name="recipe">A recipe of the demo.</param>
    public static Recipe ForComparison(Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        return recipe.Data.Shots is not null ? recipe : recipe with
        {
            Data = recipe.Data with { Shots = ComparisonShots },
            Training = recipe.Training.With(new TrainingPreset
            {
                LearningRate = recipe.Training.Optimizer == BaseOptimizer.Sgd ? ComparisonLearningRate : null,
                Epochs = ComparisonEpochs,
                Keep = recipe.Training.Patience is null ? KeptWeights.Last : null,
            }),
        };
    }

    /// <summary>The images of a seed.</summary>
    /// <param name="shots">Labelled images a class, between 1 and <see cref="MostShots"/>.</param>
    /// <param name="seed">The seed of shots and validation images.</param>
    /// <param name="labelNoise">Share of the shots that get a wrong label.</param>
    /// <exception cref="SettingException"><paramref name="shots"/> is out of range.</exception>
    public static DataSplits Splits(int shots, long seed, double labelNoise = 0)
    {
        if (shots is < 1 or > MostShots)
            throw new SettingException("shots", $"{shots}", $"a whole number between 1 and {MostShots}");
        return Digits.Upper().Split(new SplitOptions
        {
            Seed = seed,
            TestSeed = 0,
            TestFraction = TestFraction,
            ValidationFraction = ValidationFraction,
            PerClass = shots,
            LabelNoise = labelNoise,
        });
    }

    /// <summary>Pre-trains the network, in a few seconds.</summary>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>Its weights by name; the caller owns them.</returns>
    internal static Dictionary<string, Tensor> Pretrain(IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        ImageData data = Digits.Lower();
        DataSplits splits = data.Split(new SplitOptions { TestFraction = 0.1, ValidationFraction = 0.1 });
        using ImageClassifier model = Architecture.Build(data.Classes.Count, Pretraining.Seed);
        new Trainer(Pretraining, new Plain()) { Progress = progress }
            .Run(model, splits.Train, splits.Validation, Architecture.Normalization, cancellation: cancellation);
        using var scope = NewDisposeScope();
        return model.state_dict().ToDictionary(e => e.Key, e => e.Value.detach().clone().DetachFromDisposeScope());
    }
}
