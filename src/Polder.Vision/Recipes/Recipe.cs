using System.Text.Json.Nodes;

namespace Polder.Vision.Recipes;

/// <summary>
/// Everything that makes a fine-tuning: images and their split, the network it starts from, the method with its options, the training, the seed.
/// What is not said is filled in by <see cref="Resolve()"/>, by network and data. As JSON (<see cref="RecipeJson"/>) it is what a run folder keeps.
/// </summary>
public sealed record Recipe
{
    /// <summary>The images. Default: the embedded digits.</summary>
    public DataRecipe Data { get; init; } = new();

    /// <summary>The network that the training starts from.</summary>
    public StartRecipe Start { get; init; } = new();

    /// <summary>How the gradient is made. Default: NSO.</summary>
    public MethodChoice Method { get; init; } = MethodChoice.Create("nso");

    /// <summary>How it is trained. Its seed is not looked at: <see cref="Seed"/> is the training's.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>
    /// How much time the training may take: what is not said of image size, epochs, learning rate and the fit of the head goes by it. Null, the default:
    /// normal with the ImageNet network, of which alone it speaks.
    /// </summary>
    public Effort? Effort { get; init; }

    /// <summary>
    /// Whether a fine-tuning trains once more, on all images but those it is tested on. Null, the default: with the efforts normal and thorough and all
    /// training images, else not. Comparisons, tunings and studies never do: they ask what validation says of one training.
    /// </summary>
    public Refit? Refit { get; init; }

    /// <summary>The seed of everything random: split, order, new weights, noise. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>
    /// Whether this is the built-in demo: the digits with a small network that is pre-trained on the spot, unless weights or an architecture are
    /// named.
    /// </summary>
    public bool IsDemo => Data.Source == Digits.Name && Start is { Weights: null, Architecture: null };

    /// <summary>The word for the base optimizer: sgd, adam, adamw.</summary>
    public string OptimizerName => SettingWords.Of(Training.Optimizer);

    /// <summary>The threads that the tensor library shall have; null where it may have one a core.</summary>
    public int? Threads => IsDemo ? DigitsDemo.Threads : null;

    /// <summary>Checks all that can be checked without opening data or weights.</summary>
    /// <exception cref="SettingException">A setting is not allowed, by itself or beside others; the message names it, what was found and what is
    /// allowed.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public void Validate()
    {
        var fresh = new Recipe();
        foreach (RecipeField field in RecipeFields.All.Where(f => f.ValueIn(this) is { } value
            && ValueKind.TextOf(value) != ValueKind.TextOf(f.ValueIn(fresh))))
            field.RequireEffect(this);
        TrainingOptions filled = Filled(WithDefaults().Training, learningRate: 1);
        if (filled.LearningRate <= 0)
            throw new SettingException("learning-rate", ValueKind.TextOf(filled.LearningRate), "a number > 0");
        if (filled is { Epochs: 0 } and not { FreezeBody: true, HeadSolver: HeadSolver.Lbfgs })
            throw new SettingException("epochs", "0", "a whole number >= 1; 0 is only with {freeze-body} and {head-solver}, for a fitted head alone");
        if (filled is { Epochs: > 0, HeadImages: HeadImages.All, Keep: KeptWeights.Last })
            throw new SettingException("head-images", "all", "training with {keep} last, where the fitted head is not kept");
        if (filled is { Patience: not null } && Refit == Recipes.Refit.All)
            throw new SettingException("refit", "all", "none with {patience}: a second training has nothing to end it by");
        if (filled is { Epochs: 0, Averaging: not (null or { Kind: AveragingKind.None }) })
            throw new SettingException("average", SettingWords.Of(filled.Averaging.Kind), "none with {epochs} 0, which takes no steps");
        if (filled.HeadEpochs > 0 && filled.HeadEpochs >= filled.Epochs)
            throw new SettingException("head-epochs", $"{filled.HeadEpochs}",
                $"a whole number below {{epochs}}, {filled.Epochs} ({{freeze-body}} trains the head alone)");
        if (filled.Averaging is { Kind: AveragingKind.Ema, Decay: 0 })
            throw new SettingException("ema-decay", "0", "a number above 0 and below 1: an average of decay 0 is the weights themselves ({average} none)");
        if (filled.Patience >= filled.Epochs)
            throw new SettingException("patience", $"{filled.Patience}", $"a whole number below {{epochs}}, {filled.Epochs}: else it can end nothing");
        if (filled is { Keep: KeptWeights.Last, Patience: not null })
            throw new SettingException("patience", $"{filled.Patience}", "none with {keep} last: it would end the training after its best epoch");
        if (filled is { FreezeBody: true, HeadEpochs: > 0 })
            throw new SettingException("head-epochs", $"{filled.HeadEpochs}", "0 with {freeze-body}, which trains the head alone in all epochs");
        if (filled is { FreezeBody: true, LayerDecay: < 1 })
            throw new SettingException("layer-decay", ValueKind.TextOf(filled.LayerDecay), "1 with {freeze-body}: the head has the full rate");
        filled.Validate();
        if (!Method.Entry.DemandsPlainSgd)
            return;
        Method.BaseTraining(filled);
        string own = $"0: {Method.Name} has momentum and weight decay of its own ({{beta1}}, {{prior-precision}})";
        if (Training.Said.Momentum is { } momentum and not 0)
            throw new SettingException("momentum", ValueKind.TextOf(momentum), own);
        if (Training.Said.WeightDecay is { } decay and not 0)
            throw new SettingException("weight-decay", ValueKind.TextOf(decay), own);
    }

    /// <summary>The recipe with nothing left open: what was not said is what its network and data are trained with. The weights are opened for it.</summary>
    /// <exception cref="SettingException">A setting is not allowed (<see cref="Validate"/>), or no architecture is known.</exception>
    public Recipe Resolve()
    {
        if (IsDemo)
            return Resolve(metadata: null);
        Recipe recipe = WithDefaults();
        using Checkpoint? weights = recipe.Start.OpenWeights();
        return recipe.Resolve(weights is null ? null : ClassifierMetadata.Of(weights));
    }

    /// <summary>Opens data and weights.</summary>
    /// <param name="progress">Told of decoding.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>The task; the caller disposes of it.</returns>
    /// <exception cref="SettingException">A setting is not allowed.</exception>
    /// <exception cref="DataException">Data or weights cannot be used.</exception>
    /// <exception cref="CheckpointException">The weights cannot be read.</exception>
    public RecipeTask Open(RecipeProgress? progress = null, CancellationToken cancellation = default) => RecipeTask.Open(this, null, progress, cancellation);

    /// <summary>Opens the weights, for images that are decoded already.</summary>
    /// <param name="data">The images, of the recipe's size or larger; the demo has its own.</param>
    /// <param name="progress">Told of the demo's pre-training.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>The task; the caller disposes of it.</returns>
    /// <inheritdoc cref="Open(RecipeProgress?, CancellationToken)" path="/exception"/>
    public RecipeTask Open(ImageData? data, RecipeProgress? progress = null, CancellationToken cancellation = default) =>
        RecipeTask.Open(this, data, progress, cancellation);

    /// <summary>Decodes the images alone, at the size of the recipe's network: several recipes can share them.</summary>
    /// <param name="progress">Told how many are decoded.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="SettingException">A setting is not allowed.</exception>
    /// <exception cref="DataException">Data or weights cannot be used.</exception>
    /// <exception cref="InvalidOperationException">This is the digits demo, which has images of its own.</exception>
    public ImageData OpenImages(IProgress<DecodingProgress>? progress = null, CancellationToken cancellation = default) =>
        IsDemo ? throw new InvalidOperationException("the digits demo has images of its own")
            : Data.Open(Resolve().Start.ImageOptions, progress, cancellation);

    /// <summary>Opens data and, where the run has no state to go on from, weights; the parts are those of the run, image by image.</summary>
    /// <param name="run">The run that goes on.</param>
    /// <param name="progress">Told of decoding.</param>
    /// <param name="cancellation">Stops.</param>
    /// <inheritdoc cref="Open(RecipeProgress?, CancellationToken)" path="/returns|/exception"/>
    public RecipeTask Resume(RunFolder run, RecipeProgress? progress = null, CancellationToken cancellation = default) =>
        RecipeTask.Open(this, null, progress, cancellation, run);

    /// <summary>
    /// The same with relative paths of data and weights found from the directory that a run was begun in, where they are not in the present one.
    /// </summary>
    /// <param name="run">The run.</param>
    public Recipe LocatedBy(RunFolder run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return this with
        {
            Data = ImageSources.BuiltIn.Contains(Data.Source) ? Data : Data with { Source = run.Locate(Data.Source) },
            Start = Start.Weights is null || WeightsCache.IsName(Start.Weights) ? Start : Start with { Weights = run.Locate(Start.Weights) },
        };
    }

    /// <summary>Trains and tests, and writes nothing.</summary>
    /// <inheritdoc cref="Run(string, IProgress{TrainingProgress}?, CancellationToken)"/>
    public FineTuningResult Run(IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default) => RunIn(null, progress, cancellation);

    /// <summary>Trains and tests, and keeps settings, epochs, weights and the state to go on from in a run folder.</summary>
    /// <param name="folder">The run folder, which must not exist or be empty.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellation">Stops after the step at hand.</param>
    /// <returns>What came of it; the caller disposes of it.</returns>
    /// <exception cref="SettingException">A setting is not allowed.</exception>
    /// <exception cref="DataException">Data or weights cannot be used.</exception>
    /// <exception cref="TrainingDivergedException">A loss or gradient is not finite.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; a run folder keeps what was done.</exception>
    public FineTuningResult Run(string folder, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return RunIn(folder, progress, cancellation);
    }

    private FineTuningResult RunIn(string? folder, IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        using RecipeTask task = Open(progress: null, cancellation);
        FineTuningStart start = task.Prepare(Seed);
        try
        {
            start.RequireTrainable(task.Recipe.Training);
            var training = new FineTuning(task.Recipe, start) { Progress = progress };
            RunFolder? run = folder is null ? null : RunFolder.Create(folder);
            run?.WriteConfiguration(new JsonObject
            {
                ["polder"] = typeof(Recipe).Assembly.GetName().Version?.ToString(3),
                ["command"] = new JsonArray("finetune"),
                ["settings"] = RecipeJson.Write(task.Recipe),
            });
            training.Folder = run;
            return training.Run(cancellation);
        }
        catch
        {
            start.Dispose();
            throw;
        }
    }

    /// <summary>The same with the network that a recipe has which names none, and with the settings that its effort stands for.</summary>
    internal Recipe WithDefaults()
    {
        StartRecipe start = IsDemo ? Start : Start.WithDefault();
        if (start.Weights != PackagedWeights.Name)
            return this;
        Effort effort = Effort ?? Recipes.Effort.Normal;
        return this with
        {
            Start = start with { ImageSize = start.ImageSize ?? Efforts.ImageSize },
            Effort = effort,
            Training = Training.With(Efforts.Of(effort, Training, Data)),
            Refit = Refit ?? Efforts.RefitOf(effort, Training, Data),
        };
    }

    internal Recipe Resolve(ClassifierMetadata? metadata)
    {
        Recipe recipe = IsDemo
            ? this with
            {
                Data = Data with { Shots = Data.Shots ?? DigitsDemo.DefaultShots },
                Method = Method.WithDefaults(option => DigitsDemo.Default(Method.Name, option, Data.Shots ?? DigitsDemo.DefaultShots))
            }
            : this with { Start = Start.Resolve(metadata) };
        recipe.Validate();
        bool adaptive = Training.Optimizer != BaseOptimizer.Sgd;
        double rate = !IsDemo ? Architectures.Get(recipe.Start.Architecture!).LearningRates.For(pretrained: Start.Weights is not null,
            Training.FreezeBody, adaptive)
            : adaptive ? DigitsDemo.Architecture.LearningRates.Adaptive : DigitsDemo.LearningRate;
        TrainingOptions training = recipe.Filled(Training, rate) with { Seed = Seed };
        // A rate that was said is the method's own.
        if (Method.Entry.DemandsPlainSgd)
            training = Method.BaseTraining(Training.Said.LearningRate is null ? training : training with { Momentum = 0 });
        return recipe with { Training = training, Refit = recipe.Refit ?? Recipes.Refit.None };
    }

    private TrainingOptions Filled(TrainingOptions training, double learningRate) => IsDemo
        ? training.With(new TrainingPreset
        {
            LearningRate = learningRate,
            WeightDecay = DigitsDemo.WeightDecay,
            Epochs = DigitsDemo.Epochs,
            BatchSize = DigitsDemo.BatchSize,
            ValidateEvery = 1,
        }).Filled(layout: default)
        : training.With(new TrainingPreset { LearningRate = learningRate })
            .Filled(Start.Architecture is null ? default : Architectures.Get(Start.Architecture).Layout);
}
