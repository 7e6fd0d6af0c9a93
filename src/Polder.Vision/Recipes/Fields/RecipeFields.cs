namespace Polder.Vision.Recipes;

/// <summary>Every setting of a recipe but the method and its options, which the method's own entry names.</summary>
public static partial class RecipeFields
{
    private static readonly ValueKind L2 = ValueKind.Number(ValueRange.AboveUpTo(0, 1e6));

    private static readonly ValueRange Share = ValueRange.HalfOpen(0, 1), Inside = ValueRange.Inside(0, 1), NotNegative = ValueRange.AtLeast(0);

    /// <summary>All of them, in the order of help pages.</summary>
    public static IReadOnlyList<RecipeField> All { get; } =
    [
        .. Under(
            "data",
            Of("data", ValueKind.Text("DIR|NAME", "a folder or the name of a built-in set"),
                "the images: a folder with one folder a class, a CIFAR binary folder, or a built-in set (digits); a folder of that name is ./digits",
                r => r.Data.Source, (r, v) => r with { Data = r.Data with { Source = (string?)v ?? Digits.Name } }),
            new("dataset", ValueKind.Custom("NAME", string.Join(", ", PublishedLayout.All.Select(l => l.Name)), text => PublishedLayout.Find(text) is null
                ? null : text),
                "the published form that the folder of {data} has, with its official parts",
                r => r.Data.Dataset, (r, v) => r with { Data = r.Data with { Dataset = (string?)v } }) { DefaultText = "found out from the folder",
                Idle = NotOfDemo },
            new("per-class", ValueKind.Count(ValueRange.AtLeast(1)), "training images of each class",
                r => r.Data.PerClass, (r, v) => r with { Data = r.Data with { PerClass = (int?)v } }) { DefaultText = "all", Idle = NotOfDemo },
            new("fraction", ValueKind.Number(ValueRange.AboveUpTo(0, 1)), "share of each class's training images",
                r => r.Data.Fraction, (r, v) => r with { Data = r.Data with { Fraction = (double?)v } }) { DefaultText = "all", Idle = NotOfDemo },
            new("test-fraction", ValueKind.Number(Inside), "share of each class's images to test on, where the data has no test part",
                r => r.Data.TestFraction, (r, v) => r with { Data = r.Data with { TestFraction = (double?)v } }) { DefaultText = "0.2", Idle = NotOfDemo },
            new("validation-fraction", ValueKind.Number(Inside), "share of what the test part leaves to validate on, where the data has no validation part",
                r => r.Data.ValidationFraction, (r, v) => r with { Data = r.Data with { ValidationFraction = (double?)v } })
            { DefaultText = "0.2", Idle = NotOfDemo },
            Of("drop-duplicates", ValueKind.Flag, "leave out images that equal an earlier one pixel by pixel: of training, then validation, then test",
                r => r.Data.DropDuplicates, (r, v) => r with { Data = r.Data with { DropDuplicates = v is true } }, NotOfDemo),
            Of("label-noise", ValueKind.Number(Share), "share of the training images that get a wrong label, for studies",
                r => r.Data.LabelNoise, (r, v) => r with { Data = r.Data with { LabelNoise = Number(v) } }),
            Training("class-weights",
                ValueKind.Custom("NAME|POWER", "none, balanced, or a number > 0, the power of the balanced weights", text => PowerOf(text) is null
                    ? null : text),
                "weights of the classes in the loss: equal, or such that each class counts alike; the power 0.5 is half of the way",
                t => t.ClassWeights == ClassWeights.None || t.ClassWeightPower == 1 ? Word(t.ClassWeights) : ValueKind.TextOf(t.ClassWeightPower),
                (t, v) => PowerOf((string?)v ?? "none") is { } power and > 0
                    ? t with { ClassWeights = ClassWeights.Balanced, ClassWeightPower = power } : t with { ClassWeights = ClassWeights.None }),
            Training("sampling", Words(Sampling.Shuffled, Sampling.Balanced),
                "order of an epoch: every image once, or as many of each class, rare images several times",
                t => Word(t.Sampling), (t, v) => t with { Sampling = Named<Sampling>(v) }),
            Of("skip-unreadable", ValueKind.Flag, "leave out images that cannot be decoded, and count them",
                r => r.Data.SkipUnreadable, (r, v) => r with { Data = r.Data with { SkipUnreadable = v is true } }, NotOfDemo),
            new("shots", ValueKind.Count(ValueRange.Between(1, DigitsDemo.MostShots)), "digits: labelled training images a class",
                r => r.Data.Shots, (r, v) => r with { Data = r.Data with { Shots = (int?)v } })
            {
                DefaultText = $"{DigitsDemo.DefaultShots}; compare: {DigitsDemo.ComparisonShots}",
                Idle = r => r.IsDemo ? null : "only with {data} digits, and without {weights} and {arch}",
            }),
        .. Under("network", NetworkFields()),
        .. Under("training", TrainingFields()),
        .. Under("augmentation", AugmentationFields()),
        .. Under("regularization", RegularizationFields()),
    ];

    /// <summary>The field of a name; null where there is none.</summary>
    /// <param name="name">The name, in kebab-case.</param>
    public static RecipeField? Find(string name) => All.FirstOrDefault(f => f.Name == name || f.FormerName == name);

    private static RecipeField[] TrainingFields() =>
    [
        new("effort", Words(Effort.Quick, Effort.Normal, Effort.Thorough),
            "how much time the ImageNet network may take; {image-size}, {epochs}, {learning-rate} and {head-solver} go by it where they are not given",
            r => r.Effort is { } effort ? Word(effort) : null, (r, v) => r with { Effort = v is null ? null : Named<Effort>(v) })
        {
            DefaultText = "normal",
            Idle = r => r.Start.Weights == PackagedWeights.Name ? null : $"only with the network {PackagedWeights.Name}, of which it is known what it needs",
        },
        Training("epochs", ValueKind.Count(NotNegative), "passes through the training data; 0 with {freeze-body} and {head-solver}: the fitted head alone",
            t => t.Said.Epochs, (t, v) => v is int n ? t with { Epochs = n } : t,
            $"{new TrainingOptions().Epochs}; digits: {DigitsDemo.Epochs}; compare on them: {DigitsDemo.ComparisonEpochs}"),
        new("validate-every", ValueKind.Custom("N|auto", "auto, or a whole number >= 1", text => text == "auto" ? text
            : ValueKind.Count(ValueRange.AtLeast(1)).Read(text)),
            "epochs from one validation to the next; auto: so many that it takes at most a quarter of the time, by the numbers of images",
            r => r.Training.Said.ValidateEvery is { } n ? n > 0 ? n : "auto" : null,
            (r, v) => r with { Training = r.Training with { ValidateEvery = v as int? ?? 0 } }) { DefaultText = "auto; digits: 1", FormerValue = 1 },
        Training("batch-size", ValueKind.Count(ValueRange.AtLeast(1)), "images a batch",
            t => t.Said.BatchSize, (t, v) => v is int n ? t with { BatchSize = n } : t, $"{new TrainingOptions().BatchSize}; digits: {DigitsDemo.BatchSize}"),
        Training("learning-rate", ValueKind.Number(ValueRange.Above(0)), "learning rate of the base optimizer",
            t => t.Said.LearningRate, (t, v) => v is double x ? t with { LearningRate = x } : t, RateText()),
        Training("optimizer", Words(BaseOptimizer.Sgd, BaseOptimizer.Adam, BaseOptimizer.AdamW), "the base optimizer",
            t => Word(t.Optimizer), (t, v) => t with { Optimizer = Named<BaseOptimizer>(v) }),
        Training("momentum", ValueKind.Number(Share), "momentum of sgd, a fraction",
            t => t.Said.Momentum ?? (t.Optimizer == BaseOptimizer.Sgd ? t.Momentum : null), (t, v) => v is double x ? t with { Momentum = x } : t,
            idle: r => r.Training.Optimizer == BaseOptimizer.Sgd ? null : $"only with {{optimizer}} sgd ({Word(r.Training.Optimizer)} has none)"),
        Training("weight-decay", ValueKind.Number(NotNegative), "weight decay of the base optimizer, per step",
            t => t.Said.WeightDecay, (t, v) => v is double x ? t with { WeightDecay = x } : t,
            $"{ValueKind.TextOf(new TrainingOptions().WeightDecay)}; digits: {ValueKind.TextOf(DigitsDemo.WeightDecay)}"),
        Training("layer-decay", ValueKind.Number(ValueRange.AboveUpTo(0, 1)),
            "factor of the learning rate from each layer (a residual block, the stem) to the one below it; the head has the full rate",
            t => t.LayerDecay, (t, v) => t with { LayerDecay = (double?)v ?? 1 }),
        Training("schedule",
            Words(LearningRateSchedule.Constant, LearningRateSchedule.Cosine, LearningRateSchedule.Step, LearningRateSchedule.OneCycle),
            "how the learning rate runs over the steps", t => Word(t.Schedule), (t, v) => t with { Schedule = Named<LearningRateSchedule>(v) }),
        Training("warm-up", ValueKind.Number(Share), "share of the steps over which the learning rate rises linearly before its schedule",
            t => t.WarmUp, (t, v) => t with { WarmUp = Number(v) }),
        Training("patience", ValueKind.Count(ValueRange.AtLeast(1)), "end the training after so many validated epochs without a better one",
            t => t.Patience, (t, v) => t with { Patience = (int?)v }, "all {epochs}"),
        Training("patience-on", Words(PatienceOn.Accuracy, PatienceOn.Loss),
            "what makes an epoch a better one for {patience}: the validation accuracy, or a lower validation loss",
            t => Word(t.PatienceOn), (t, v) => t with { PatienceOn = Named<PatienceOn>(v) }, idle: r => r.Training.Patience is null
                ? "only with {patience}" : null),
        Training("keep", Words(KeptWeights.Best, KeptWeights.Last),
            "which weights the training ends with: those of the best validation accuracy, or those of the last epoch",
            t => t.Said.Keep is { } kept ? Word(kept) : null, (t, v) => v is null ? t : t with { Keep = Named<KeptWeights>(v) },
            "best; compare on the digits: last"),
        new("refit", Words(Refit.None, Refit.All),
            "all: where validation finds an epoch worth keeping, train once more from the start, on training and validation images together",
            r => r.Refit is { } refit ? Word(refit) : null, (r, v) => r with { Refit = v is null ? null : Named<Refit>(v) })
        {
            DefaultText = "all with effort normal or thorough and all training images, else none",
            FormerValue = Word(Refit.None),
            IsOfOneRun = true,
            Idle = r => r is { Refit: Refit.All, Training.Epochs: 0 } ? "none with {epochs} 0; {head-images} says what a fitted head is kept of" : null,
        },
        Training("clip-norm", ValueKind.Number(ValueRange.Above(0)), "largest Euclidean norm of the final gradient: a longer one is scaled down, once a step",
            t => t.ClipNorm, (t, v) => t with { ClipNorm = (double?)v }, "no limit"),
        Training("accumulate", ValueKind.Count(ValueRange.AtLeast(1)),
            "pieces in which a batch is evaluated, one after another: the memory of a piece, the gradient of the whole",
            t => t.Accumulate, (t, v) => t with { Accumulate = (int?)v ?? 1 }),
        Training("precision", Words(Precision.F32, Precision.BF16),
            "what steps compute in: f32, or bf16 with weights, statistics, losses and evaluation in float32 (doctor measures which is faster here)",
            t => Word(t.Precision), (t, v) => t with { Precision = Named<Precision>(v) }),
        Training("memory-layout", Words(MemoryLayout.Contiguous, MemoryLayout.ChannelsLast),
            "how the images of a step lie in memory, which decides the speed and changes results by rounding",
            t => t.Said.MemoryLayout is { } layout ? Word(layout) : null,
            (t, v) => v is null ? t : t with { MemoryLayout = Named<MemoryLayout>(v) },
            "channels-last for the CIFAR networks (resnet20, ...) and with {precision} bf16, else contiguous"),
        Training("batch-norm",
            Words(BatchNormPolicy.OncePerStep, BatchNormPolicy.FirstProbe, BatchNormPolicy.EveryProbe, BatchNormPolicy.CleanForward, BatchNormPolicy.Frozen),
            "what the probes of a step do to BatchNorm's running statistics", t => Word(t.BatchNorm),
            (t, v) => t with { BatchNorm = Named<BatchNormPolicy>(v) }, idle: NotFrozen),
        Training("non-finite", Words(NonFinitePolicy.Throw, NonFinitePolicy.Skip),
            "what a loss or gradient that is not finite does: stop the training, or leave its step out and count it",
            t => Word(t.NonFinite), (t, v) => t with { NonFinite = Named<NonFinitePolicy>(v) }),
    ];

    private static RecipeField[] AugmentationFields() =>
    [
        Training("augment", Words(Augmentation.None, Augmentation.Flip, Augmentation.CropFlip, Augmentation.ResizedCropFlip),
            "random changes of the training images",
            t => Word(t.Augmentation), (t, v) => t with { Augmentation = Named<Augmentation>(v) }),
        new("color-jitter", ValueKind.Number(ValueRange.Between(0, 1)), "brightness, contrast and saturation by random factors from 1 - X to 1 + X",
            r => r.Training.Distortion.ColorJitter, (r, v) => Distorted(r, d => d with { ColorJitter = Number(v) })) { FormerName = "colour-jitter" },
        Of("hue-jitter", ValueKind.Number(ValueRange.Between(0, 0.5)), "hue by a random turn from -X to X of the color circle, beside {color-jitter}",
            r => r.Training.Distortion.HueJitter, (r, v) => Distorted(r, d => d with { HueJitter = Number(v) })),
        Of("rand-augment", ValueKind.Count(ValueRange.Between(0, 14)), "operations of RandAugment on an image",
            r => r.Training.Distortion.RandAugment, (r, v) => Distorted(r, d => d with { RandAugment = (int?)v ?? 0 })),
        Of("rand-magnitude", ValueKind.Count(ValueRange.Between(0, Distortion.LargestMagnitude)), "how strong the operations of {rand-augment} are",
            r => r.Training.Distortion.Magnitude, (r, v) => Distorted(r, d => d with { Magnitude = (int?)v ?? new Distortion().Magnitude }),
            r => r.Training.Distortion.RandAugment > 0 ? null : "only with {rand-augment}"),
        Of("erase", ValueKind.Number(ValueRange.Between(0, 1)), "probability that a rectangle of an image is erased",
            r => r.Training.Distortion.Erasing, (r, v) => Distorted(r, d => d with { Erasing = Number(v) })),
        Training("cutmix", ValueKind.Number(NotNegative),
            "shape of the beta distribution of CutMix, which puts a rectangle of another image into each; 0 is off",
            t => t.CutMix, (t, v) => t with { CutMix = Number(v) }),
        Training("mixup", ValueKind.Number(NotNegative), "alpha of mixup's beta distribution; 0: none", t => t.Mixup, (t, v) => t with { Mixup = Number(v) }),
    ];

    private static RecipeField[] RegularizationFields() =>
    [
        Training("label-smoothing", ValueKind.Number(Share), "share of a label that is spread over all classes",
            t => t.LabelSmoothing, (t, v) => t with { LabelSmoothing = Number(v) }),
        Training("distance-penalty", ValueKind.Number(NotNegative), "strength of the penalty on the distance to the weights' start, the head's to zero",
            t => t.Distance?.Penalty ?? 0, (t, v) => Near(t, d => d with { Penalty = Number(v) })),
        Training("distance-radius", ValueKind.Number(NotNegative), "radius around their start that the body's layers are kept in",
            t => t.Distance?.Radius, (t, v) => Near(t, d => d with { Radius = (double?)v }), "none", NotFrozen),
        Training("head-radius", ValueKind.Number(NotNegative), "radius around zero that the head is kept in",
            t => t.Distance?.HeadRadius, (t, v) => Near(t, d => d with { HeadRadius = (double?)v }), "none"),
        Training("distance-norm", Words(DistanceNorm.Frobenius, DistanceNorm.MaxRowSum), "how a layer's distance is measured",
            t => Word(t.Distance?.Norm ?? DistanceNorm.Frobenius), (t, v) => Near(t, d => d with { Norm = Named<DistanceNorm>(v) }),
            idle: r => r.Training.Distance is { Penalty: > 0 } or { Radius: not null } or { HeadRadius: not null }
                ? null : "only with {distance-penalty}, {distance-radius} or {head-radius}"),
        Training("average", Words(AveragingKind.None, AveragingKind.Ema, AveragingKind.Swa),
            "the average that takes the weights' place in evaluation and in the result",
            t => Word(t.Averaging?.Kind ?? AveragingKind.None), (t, v) => Averaged(t, a => a with { Kind = Named<AveragingKind>(v) })),
        Training("ema-decay", ValueKind.Number(Share), "decay of the exponential moving average, a step",
            t => (t.Averaging ?? new()).Decay, (t, v) => Averaged(t, a => a with { Decay = (double?)v ?? new AveragingOptions().Decay }),
            idle: Only(AveragingKind.Ema)),
        Training("swa-start", ValueKind.Number(Share), "share of the steps before swa averages",
            t => (t.Averaging ?? new()).Start, (t, v) => Averaged(t, a => a with { Start = (double?)v ?? new AveragingOptions().Start }),
            idle: Only(AveragingKind.Swa)),
        Training("swa-learning-rate", ValueKind.Number(ValueRange.Above(0)), "learning rate while swa averages",
            t => t.Averaging?.LearningRate, (t, v) => Averaged(t, a => a with { LearningRate = (double?)v }), "half of {learning-rate}",
            Only(AveragingKind.Swa)),
        Training("swa-cycle", ValueKind.Count(NotNegative), "epochs of a cycle of swa's learning rate; 0: annealed once, constant after",
            t => t.Averaging?.CycleEpochs ?? 0, (t, v) => Averaged(t, a => a with { CycleEpochs = (int?)v ?? 0 }), idle: Only(AveragingKind.Swa)),
    ];

    private static RecipeField[] Under(string heading, params RecipeField[] fields)
    {
        foreach (RecipeField field in fields)
            field.Heading = heading;
        return fields;
    }

    private static RecipeField Of(string name, ValueKind kind, string summary, Func<Recipe, object?> get, Func<Recipe, object?, Recipe> set, Func<Recipe,
        string?>? idle = null) =>
        new(name, kind, summary, get, set) { Idle = idle ?? (_ => null) };

    private static RecipeField Training(
        string name, ValueKind kind, string summary, Func<TrainingOptions, object?> get, Func<TrainingOptions, object?, TrainingOptions> set,
        string? defaultText = null,
        Func<Recipe, string?>? idle = null) =>
        new(name, kind, summary, r => get(r.Training), (r, v) => r with { Training = set(r.Training, v) })
        { DefaultText = defaultText, Idle = idle ?? (_ => null) };

    private static Recipe Distorted(Recipe recipe, Func<Distortion, Distortion> change) =>
        recipe with { Training = recipe.Training with { Distortion = change(recipe.Training.Distortion) } };

    private static TrainingOptions Near(TrainingOptions training, Func<DistanceOptions, DistanceOptions> change) =>
        training with { Distance = change(training.Distance ?? new DistanceOptions()) };

    private static TrainingOptions Averaged(TrainingOptions training, Func<AveragingOptions, AveragingOptions> change) =>
        training with { Averaging = change(training.Averaging ?? new AveragingOptions { Kind = AveragingKind.None }) };

    private static Func<Recipe, string?> Only(AveragingKind kind) =>
        r => r.Training.Averaging?.Kind == kind ? null : $"only with {{average}} {Word(kind)}";

    private static string? NotOfDemo(Recipe recipe) => recipe.IsDemo ? "only with other {data} than the digits demo (its images are chosen by {shots})" : null;

    private static string? NotFrozen(Recipe recipe) => recipe.Training.FreezeBody ? "only without {freeze-body}, which leaves it nothing to act on" : null;

    private static double? PowerOf(string text) => text switch
    {
        "none" => 0,
        "balanced" => 1,
        _ => ValueKind.Number(ValueRange.Above(0)).Read(text) as double?,
    };

    private static string RateText()
    {
        LearningRates cifar = Architectures.Get("resnet20").LearningRates, large = Architectures.Get("resnet18").LearningRates;
        return $"{cifar.FineTuning}, {{freeze-body}} {cifar.Head}, without {{weights}} {cifar.Scratch}, adam and adamw {cifar.Adaptive}; "
            + $"resnet18 and larger {large.FineTuning}, {large.Head}, {large.Scratch}, {large.Adaptive}; digits with sgd {DigitsDemo.LearningRate}";
    }

    private static double Number(object? value) => (double?)value ?? 0;

    private static ValueKind Words<T>(params T[] values)
        where T : struct, Enum => ValueKind.Word(Array.ConvertAll(values, Word));

    private static string Word<T>(T value)
        where T : struct, Enum => SettingWords.Of(value);

    private static T Named<T>(object? word)
        where T : struct, Enum => word is null ? default : SettingWords.Named<T>((string)word);
}
