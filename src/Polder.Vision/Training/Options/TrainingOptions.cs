namespace Polder.Vision.Training;

/// <summary>What a training does; the method is given to the <see cref="Trainer"/> beside it.</summary>
public sealed partial record TrainingOptions
{
    // Null: not said. What a recipe's network or data then puts here, Filled says.
    private double? _learningRate, _momentum, _weightDecay, _headStartL2;
    private int? _epochs, _batchSize, _validateEvery;
    private MemoryLayout? _memoryLayout;
    private HeadSolver? _headSolver;
    private HeadImages? _headImages;
    private KeptWeights? _keep;
    private IReadOnlyList<string>? _freeze;

    /// <summary>The base optimizer. Default: SGD.</summary>
    public BaseOptimizer Optimizer { get; init; } = BaseOptimizer.Sgd;

    /// <summary>
    /// The learning rate, above 0. Default 0.01; a recipe that does not say it takes the rate of its network and start (<see cref="LearningRates"/>).
    /// </summary>
    public double LearningRate { get => _learningRate ?? 0.01; init => _learningRate = value; }

    /// <summary>The momentum of SGD, at least 0 and below 1. Default 0.9; Adam has none.</summary>
    public double Momentum { get => _momentum ?? 0.9; init => _momentum = value; }

    /// <summary>The weight decay of the base optimizer, at least 0. Default 0.0001.</summary>
    public double WeightDecay { get => _weightDecay ?? 1e-4; init => _weightDecay = value; }

    /// <summary>How the learning rate runs. Default: cosine.</summary>
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Cosine;

    /// <summary>
    /// The share of the steps over which the learning rate first rises linearly, before its schedule begins: at least 0 and below 1, default 0.
    /// </summary>
    public double WarmUp { get; init; }

    /// <summary>
    /// Early stopping: the training ends after so many validated epochs in a row that were not better than the best, 1 or more; null (default):
    /// never. The learning rate's schedule is that of all epochs.
    /// </summary>
    public int? Patience { get; init; }

    /// <summary>What makes an epoch a better one for <see cref="Patience"/>. Default: the accuracy.</summary>
    public PatienceOn PatienceOn { get; init; }

    /// <summary>Which weights the training ends with. Default: those of the best validated epoch.</summary>
    public KeptWeights Keep { get => _keep ?? KeptWeights.Best; init => _keep = value; }

    /// <summary>Passes through the training set, at least 1; 0 with <see cref="FreezeBody"/> is a fitted head alone. Default 30.</summary>
    public int Epochs { get => _epochs ?? 30; init => _epochs = value; }

    /// <summary>
    /// After every how many epochs the validation images are evaluated, beside the last. Default 1. 0, what a recipe takes that does not say it, is
    /// so seldom that they take at most a quarter of the time: where a gradient costs three forward passes, ceil(validation / training images).
    /// </summary>
    public int ValidateEvery { get => _validateEvery ?? 1; init => _validateEvery = value; }

    /// <summary>The number of steps, at least 1, whose last epoch may be a part of one; null, the default, is <see cref="Epochs"/> whole epochs.</summary>
    public long? Steps { get; init; }

    /// <summary>Images a step, at least 1. Default 32.</summary>
    public int BatchSize { get => _batchSize ?? 32; init => _batchSize = value; }

    /// <summary>
    /// What the forward and backward passes of a step compute in. Weights, noise, gradients that methods and the base optimizer see, BatchNorm's
    /// statistics and losses are float32 with bf16, too, and so is the evaluation of an epoch. Default: float32.
    /// </summary>
    public Precision Precision { get; init; }

    /// <summary>
    /// How the images of a step lie in memory, which decides how fast a network is and changes results by rounding. Default: contiguous, and with
    /// bf16 channels last; a recipe that does not say it takes what its network is faster with (<see cref="Architecture.Layout"/>).
    /// </summary>
    public MemoryLayout MemoryLayout { get => _memoryLayout ?? InputForm.Of(Precision).Layout; init => _memoryLayout = value; }

    /// <summary>How much an image of each class counts in the loss of a step, which is the weighted mean over its images. Default: all alike.</summary>
    public ClassWeights ClassWeights { get; init; }

    /// <summary>The power that balanced <see cref="ClassWeights"/> are raised to, above 0: 0.5 is half of the way. Default 1.</summary>
    public double ClassWeightPower { get; init; } = 1;

    /// <summary>Which images an epoch takes. Default: every image once.</summary>
    public Sampling Sampling { get; init; }

    /// <summary>Random changes of the training images. Default: none.</summary>
    public Augmentation Augmentation { get; init; }

    /// <summary>The share of the label that is spread over all classes, at least 0 and below 1. Default 0.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>The shape alpha of mixup's beta distribution, at least 0; 0, the default, mixes nothing, 0.2 is usual.</summary>
    public double Mixup { get; init; }

    /// <summary>Which average of the weights takes their place in evaluation and in the result. Default: none, null.</summary>
    public AveragingOptions? Averaging { get; init; }

    /// <summary>How far the weights may go from the pre-trained ones. Default: as far as they will, null.</summary>
    public DistanceOptions? Distance { get; init; }

    /// <summary>The largest Euclidean norm of the final gradient, above 0: a longer one is scaled down, once a step. Default: null, no limit.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>
    /// The number of pieces in which a batch is evaluated, one after another, at least 1: the memory of a piece, the gradient of the whole. Default
    /// 1.
    /// </summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>What the probes of a step do to BatchNorm's running statistics. Default: they move once a step.</summary>
    public BatchNormPolicy BatchNorm { get; init; } = BatchNormPolicy.OncePerStep;

    /// <summary>What happens where a loss or gradient is not finite. Default: the training stops with <see cref="TrainingDivergedException"/>.</summary>
    public NonFinitePolicy NonFinite { get; init; } = NonFinitePolicy.Throw;

    /// <summary>What else is done to the training images: colors, RandAugment, erasing. Default: nothing.</summary>
    public Distortion Distortion { get; init; } = new();

    /// <summary>
    /// The shape of the beta distribution of CutMix, where above 0: a rectangle of each image is replaced by that of another, and the loss is mixed
    /// by their areas. Where <see cref="Mixup"/> is on, too, each step takes one of the two. Default 0.
    /// </summary>
    public double CutMix { get; init; }

    /// <summary>Whether only the head is trained, on the features of a body in evaluation mode: a linear probe. Default: false.</summary>
    public bool FreezeBody { get; init; }

    /// <summary>
    /// The parameters that are not trained: patterns of <see cref="ImageClassifier.Freeze"/>; empty, the default, is none. A
    /// BatchNorm layer whose scale is among them keeps its statistics and uses them, as in evaluation.
    /// </summary>
    public IReadOnlyList<string> Freeze { get => _freeze ?? []; init => _freeze = value; }

    /// <summary>
    /// The number of epochs in which only the head is trained, before all of the network is: at least 0, the default, and below <see cref="Epochs"/>;
    /// with <see cref="Steps"/> the same share of the steps, rounded down.
    /// The body is then as with <see cref="FreezeBody"/>, its BatchNorm statistics included; the learning rate's schedule runs on over all epochs.
    /// </summary>
    public int HeadEpochs { get; init; }

    /// <summary>How the head is fitted before the first step, which goes on from it. Default: it is not.</summary>
    public HeadSolver HeadSolver { get => _headSolver ?? HeadSolver.None; init => _headSolver = value; }

    /// <summary>
    /// The strength of the fitted head's penalty (<see cref="HeadFit"/>), above 0 and at most 1000000; null, the default: of the powers of ten from 1
    /// to 0.000001 the one with the lowest validation loss.
    /// </summary>
    public double? HeadL2 { get; init; }

    /// <summary>
    /// The strength of the penalty of the head that the epochs begin with, at most 1000000: with a head that fits its images to the last there is no gradient,
    /// and the body learns nothing. What is kept where no epoch is better stays the head of <see cref="HeadL2"/>. 0, the default but for
    /// <see cref="Effort.Normal"/>: the epochs begin with that, too.
    /// </summary>
    public double HeadStartL2 { get => _headStartL2 ?? 0; init => _headStartL2 = value; }

    /// <summary>
    /// Which images the fitted head is kept of, where it is kept: at once where nothing is trained after it, at the end where no epoch is better; so not
    /// with <see cref="KeptWeights.Last"/>. Default: <see cref="HeadImages.Training"/>.
    /// </summary>
    public HeadImages HeadImages { get => _headImages ?? HeadImages.Training; init => _headImages = value; }

    /// <summary>
    /// The factor by which the learning rate falls from a layer to the one below it (<see cref="LayerGroups"/>), above 0 and at most 1: the head has
    /// the full rate, a layer with h layers above it that times the h-th power. Default 1, the same rate everywhere.
    /// </summary>
    public double LayerDecay { get; init; } = 1;

    /// <summary>The seed of order, augmentation and noise. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Whether an image is another one in every epoch.</summary>
    internal bool ChangesImages => Augmentation != Augmentation.None || Distortion.ChangesPixels || Distortion.Erasing > 0 || Mixup > 0 || CutMix > 0;

    /// <summary>The form in which a step's images enter the network.</summary>
    internal InputForm InputForm => new(Precision, MemoryLayout);

    /// <summary>What was said of the learning rate, and so on; null where nothing was.</summary>
    internal (double? LearningRate, double? Momentum, double? WeightDecay, int? Epochs, int? BatchSize, MemoryLayout? MemoryLayout, int? ValidateEvery,
        HeadSolver? HeadSolver, double? HeadStartL2, HeadImages? HeadImages, KeptWeights? Keep, IReadOnlyList<string>? Freeze) Said =>
        (_learningRate, _momentum, _weightDecay, _epochs, _batchSize, _memoryLayout, _validateEvery, _headSolver, _headStartL2, _headImages, _keep, _freeze);

    /// <summary>The word for no names at all.</summary>
    internal const string None = "none";

    /// <summary>What a text of names or patterns for <see cref="Freeze"/> means.</summary>
    internal static string[] NamesOf(string text) =>
        text == None ? [] : text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>The same with these values where nothing was said; what they leave open stays so.</summary>
    internal TrainingOptions With(TrainingPreset preset) => this with
    {
        _learningRate = _learningRate ?? preset.LearningRate,
        _weightDecay = _weightDecay ?? preset.WeightDecay,
        _epochs = _epochs ?? preset.Epochs,
        _batchSize = _batchSize ?? preset.BatchSize,
        _validateEvery = _validateEvery ?? preset.ValidateEvery,
        _headSolver = _headSolver ?? preset.HeadSolver,
        // Who says how the head is fitted means the head that the epochs begin with.
        _headStartL2 = _headStartL2 ?? (_headSolver is null && HeadL2 is null && (_epochs ?? preset.Epochs) != 0 ? preset.HeadStartL2 : null),
        _keep = _keep ?? preset.Keep,
        _headImages = _headImages ?? (KeepsHead(preset) ? preset.HeadImages : null),
        FreezeBody = FreezeBody || preset.FreezeBody,
        _freeze = _freeze ?? preset.Freeze,
    };

    // Whether a head is fitted and may be what is kept.
    private bool KeepsHead(TrainingPreset preset) => (_headSolver ?? preset.HeadSolver) is not (null or HeadSolver.None)
        && ((_epochs ?? preset.Epochs) == 0 || (_keep ?? preset.Keep) != KeptWeights.Last);

    /// <summary>The same with nothing left open.</summary>
    /// <param name="layout">The memory layout of the network's float32 steps.</param>
    internal TrainingOptions Filled(MemoryLayout layout) => this with
    {
        LearningRate = LearningRate,
        _momentum = Optimizer == BaseOptimizer.Sgd ? Momentum : _momentum,
        WeightDecay = WeightDecay,
        Epochs = Epochs,
        BatchSize = BatchSize,
        ValidateEvery = _validateEvery ?? 0,
        HeadSolver = HeadSolver,
        HeadStartL2 = HeadStartL2,
        HeadImages = HeadImages,
        Keep = Keep,
        MemoryLayout = _memoryLayout ?? (Precision == Precision.F32 ? layout : MemoryLayout),
    };

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is out of range; the message names it and what is allowed.</exception>
    public void Validate()
    {
        Require.Positive(LearningRate);
        Require.BelowOne(Momentum);
        Require.NotNegative(WeightDecay);
        Require.AtLeast(Epochs, FreezeBody && HeadSolver != HeadSolver.None ? 0 : 1);
        Require.AtLeast(ValidateEvery, 0);
        Require.AtLeast(Steps, 1);
        Require.AtLeast(BatchSize, 1);
        Require.BelowOne(LabelSmoothing);
        Require.BelowOne(WarmUp);
        Require.AtLeast(Patience, 1);
        Require.Known(PatienceOn);
        Require.Known(Keep);
        Require.Positive(ClassWeightPower);
        Require.NotNegative(CutMix);
        Require.NotNegative(Mixup);
        Averaging?.Validate();
        Distance?.Validate();
        Require.Positive(ClipNorm);
        Require.Known(HeadSolver);
        Require.Known(HeadImages);
        Require.That(HeadImages == HeadImages.Training || Epochs == 0 || Keep == KeptWeights.Best, HeadImages, "training, where the last epoch is kept");
        Require.That(HeadL2 is null or (> 0 and <= 1e6), HeadL2, "a number above 0 and at most 1000000");
        Require.That(HeadStartL2 is >= 0 and <= 1e6, HeadStartL2, "0, for the head that is kept, or a number up to 1000000");
        Require.That(HeadStartL2 == 0 || HeadSolver != HeadSolver.None, HeadStartL2, "0, where no head is fitted");
        Require.That(HeadEpochs == 0 || (HeadEpochs > 0 && HeadEpochs < Epochs), HeadEpochs, $"0 or more and below the {Epochs} epochs");
        Require.That(LayerDecay is > 0 and <= 1, LayerDecay, "a number above 0 and at most 1");
        Require.AtLeast(Accumulate, 1);
        Require.Known(BatchNorm);
        Require.Known(NonFinite);
        Require.Known(Precision);
        Require.Known(MemoryLayout);
        Require.That(Enum.IsDefined(Optimizer), Optimizer, "sgd, adam or adamw");
        Require.That(Enum.IsDefined(Schedule), Schedule, "constant, cosine, step or one-cycle");
    }
}
