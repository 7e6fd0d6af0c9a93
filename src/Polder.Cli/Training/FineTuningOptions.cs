using System.CommandLine;
using Polder.Checkpoints;
using Polder.Cli.Files;
using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Cli.Output;
using Polder.Experiments.Comparison;
using Polder.Machine;
using Polder.Objectives;
using Polder.Optimization;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Models.Weights;
using Polder.Vision.Training;
using static System.FormattableString;

namespace Polder.Cli.Training;

/// <summary>The options that say what is trained on what and how: the same for every command that fine-tunes.</summary>
internal sealed class FineTuningOptions
{
    private const double DefaultWeightDecay = 1e-4;
    private static readonly Dictionary<string, BatchNormPolicy> BatchNormPolicies = new()
    {
        ["once"] = BatchNormPolicy.OncePerStep,
        ["first"] = BatchNormPolicy.FirstProbe,
        ["every"] = BatchNormPolicy.EveryProbe,
        ["clean"] = BatchNormPolicy.CleanForward,
        ["frozen"] = BatchNormPolicy.Frozen,
    };

    private const int DefaultEpochs = 30, DefaultBatchSize = 32;

    private readonly RegularizationOptions _regularization;
    private readonly CliOption<string?> _config = CommonOptions.Config();

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="draws">The default of --draws: a comparison gives one-point noise as many gradients as a pair of nso takes.</param>
    public FineTuningOptions(PolderCommand command, int draws)
    {
        command.Add(Heading.Data, Data);
        Images = new DataOptions(command);
        command.Add(Heading.Data, Shots);
        command.Add(Heading.Network, Weights, Architecture, ImageSize, FreezeBody, Freeze, HeadEpochs);
        Methods = new MethodOptionSet(command, (method, option) => (method.Name, option.Name) == ("wp", "draws") ? draws : null);
        command.Add(Heading.Training, Epochs, BatchSize, LearningRate, Optimizer, Momentum, WeightDecay, LayerDecay);
        command.Add(Heading.Augmentation, Augment);
        Augmentations = new AugmentationOptions(command);
        command.Add(Heading.Training, ClipNorm, Accumulate, BatchNorm, NonFinite);
        _regularization = new RegularizationOptions(command);
        command.Add(Heading.Running, _config);
    }

    public CliOption<string?> Data { get; } = CommonOptions.Data("digits");

    /// <summary>Which of the images are trained on.</summary>
    public DataOptions Images { get; }

    public CliOption<string?> Weights { get; } = CommonOptions.Weights();

    public CliOption<string?> Architecture { get; } = CommonOptions.Architecture([.. Architectures.All.Select(a => a.Name)]);

    public MethodOptionSet Methods { get; }

    public CliOption<string> Optimizer { get; } = CommonOptions.Optimizer();

    public CliOption<double?> LearningRate { get; } = CommonOptions.LearningRate(RateText());

    public CliOption<double> Momentum { get; } = CommonOptions.Momentum();

    public CliOption<double?> WeightDecay { get; } = CommonOptions.WeightDecay(Invariant($"{DefaultWeightDecay}; digits: {DigitsDefaults.WeightDecay}"));

    public CliOption<int?> Epochs { get; } = CommonOptions.Epochs($"{DefaultEpochs}; digits: {DigitsDefaults.Epochs}");

    public CliOption<int?> BatchSize { get; } = CommonOptions.BatchSize($"{DefaultBatchSize}; digits: {DigitsDefaults.BatchSize}");

    public CliOption<int?> ImageSize { get; } = CommonOptions.ImageSize();

    public CliOption<string> Augment { get; } = CommonOptions.Augment();

    /// <summary>Further changes of the training images, and the schedule.</summary>
    public AugmentationOptions Augmentations { get; }

    public CliFlag FreezeBody { get; } = new("--freeze-body", "train the head alone, on the features of the frozen body: a linear probe");

    public CliOption<string?> Freeze { get; } = OptionOf.Text(
        "--freeze", "A,B,C", "parameters that are not trained, by name; * stands for any letters (conv1.*,bn1.*,layer1.*)", "names or patterns, comma-separated, that match", null, "none");

    public CliOption<int> HeadEpochs { get; } = OptionOf.Count(
        "--head-epochs", "first epochs in which the head alone is trained, on a frozen body", 0, ValueRange.AtLeast(0));

    public CliOption<double> LayerDecay { get; } = OptionOf.Number(
        "--layer-decay", "factor of the learning rate from each layer (a residual block, the stem) to the one below it; the head has the full rate", 1,
        ValueRange.AboveUpTo(0, 1));

    public CliOption<double?> ClipNorm { get; } = OptionOf.OptionalNumber(
        "--clip-norm", "largest Euclidean norm of the final gradient: a longer one is scaled down, once a step", "no limit", ValueRange.Above(0));

    public CliOption<int> Accumulate { get; } = OptionOf.Count(
        "--accumulate", "pieces in which a batch is evaluated, one after another: the memory of a piece, the gradient of the whole", 1, ValueRange.AtLeast(1));

    public CliOption<string> BatchNorm { get; } = OptionOf.Choice(
        "--batch-norm", "what the probes of a step do to BatchNorm's running statistics", "once", [.. BatchNormPolicies.Keys]);

    public CliOption<string> NonFinite { get; } = OptionOf.Choice(
        "--non-finite", "what a loss or gradient that is not finite does: stop the training, or leave its step out and count it", "throw", "throw", "skip");

    public CliOption<int?> Shots { get; } = OptionOf.OptionalCount(
        "--shots", "digits: labelled training images a class", $"{DigitsTask.DefaultShots}", ValueRange.Between(1, DigitsTask.MostShots));

    /// <summary>Takes the options of <c>--config</c> that were not typed. Call it before any other option is read.</summary>
    /// <param name="context">The command.</param>
    /// <param name="methods">The option that names the method or the methods.</param>
    public void Configure(CommandContext context, Option methods)
    {
        if (context.Get(_config) is not { } file)
            return;
        // Where the methods are typed, options in the file that none of them has belong to the file's.
        string[] typed = context.IsGiven(methods) ? [.. context.TextOf(methods.Name).Split(',').Select(entry => entry.Split('+')[0])] : [];
        context.Configure(_config, file, option => typed.Length == 0 || typed.Contains("all") || Methods.IsTakenBy(option, typed));
    }

    /// <summary>Whether the data is the built-in demo: its own pre-trained network, unless weights or an architecture are given.</summary>
    public bool IsDigits(CommandContext context) =>
        context.Get(Data) == Digits.Name && context.Get(Weights) is null && context.Get(Architecture) is null;

    /// <summary>How to train; the effective values go into the result's settings.</summary>
    public TrainingOptions Training(CommandContext context, long seed)
    {
        bool digits = IsDigits(context);
        if (digits)
            context.PreferThreads(DigitsDefaults.Threads);
        var options = new TrainingOptions
        {
            Optimizer = Enum.Parse<BaseOptimizer>(context.Get(Optimizer)!, ignoreCase: true),
            LearningRate = context.Get(LearningRate) ?? DigitsDefaults.LearningRate, // until the task is open: see WithLearningRate
            Momentum = context.Get(Momentum),
            WeightDecay = Effective(context, WeightDecay, digits ? DigitsDefaults.WeightDecay : DefaultWeightDecay),
            Epochs = Effective(context, Epochs, digits ? DigitsDefaults.Epochs : DefaultEpochs),
            BatchSize = Effective(context, BatchSize, digits ? DigitsDefaults.BatchSize : DefaultBatchSize),
            Augmentation = context.Get(Augment) switch { "flip" => Augmentation.Flip, "crop-flip" => Augmentation.CropFlip, "resized-crop" => Augmentation.ResizedCropFlip, _ => Augmentation.None },
            FreezeBody = context.Get(FreezeBody),
            Freeze = context.Get(Freeze) ?? "",
            HeadEpochs = context.Get(HeadEpochs),
            LayerDecay = context.Get(LayerDecay),
            ClipNorm = context.Get(ClipNorm),
            Accumulate = context.Get(Accumulate),
            BatchNorm = BatchNormPolicies[context.Get(BatchNorm)!],
            NonFinite = context.Get(NonFinite) == "skip" ? NonFinitePolicy.Skip : NonFinitePolicy.Throw,
            Seed = seed,
        };
        RequireMomentumHasAMeaning(context, options.Optimizer);
        RequireBodyIsTrained(context, options);
        if (options.LearningRate <= 0)
            throw UserErrorException.ForOption("--learning-rate", $"{options.LearningRate}", "a number > 0");
        return _regularization.ApplyTo(Augmentations.Apply(context, Images.Apply(context, options)), context);
    }

    /// <summary>The training with the learning rate that was given, or that is recommended for the task's network and start.</summary>
    public TrainingOptions WithLearningRate(CommandContext context, IFineTuningTask task, TrainingOptions training)
    {
        double recommended = task is CheckpointTask checkpoint ? checkpoint.RecommendedLearningRate(training)
            : training.Optimizer == BaseOptimizer.Sgd ? DigitsDefaults.LearningRate
            : Architectures.Get("digits-cnn").LearningRates.Adaptive;
        return training with { LearningRate = Effective(context, LearningRate, recommended) };
    }

    private static string RateText()
    {
        LearningRates cifar = Architectures.Get("resnet20").LearningRates, large = Architectures.Get("resnet18").LearningRates;
        return Invariant($"{cifar.FineTuning}, --freeze-body {cifar.Head}, without --weights {cifar.Scratch}, adam and adamw {cifar.Adaptive}; ")
            + Invariant($"resnet18 and larger {large.FineTuning}, {large.Head}, {large.Scratch}, {large.Adaptive}; digits with sgd {DigitsDefaults.LearningRate}");
    }

    private void RequireBodyIsTrained(CommandContext context, TrainingOptions options)
    {
        if (options.HeadEpochs >= options.Epochs)
            throw UserErrorException.ForOption(HeadEpochs.Name, $"{options.HeadEpochs}", $"a whole number below --epochs, {options.Epochs} (--freeze-body trains the head alone)");
        if (options.FreezeBody && options.HeadEpochs > 0)
            throw UserErrorException.ForOption(HeadEpochs.Name, $"{options.HeadEpochs}", "0 with --freeze-body, which trains the head alone in all epochs");
        if (options.FreezeBody && options.LayerDecay < 1)
            throw UserErrorException.ForOption(LayerDecay.Name, context.TextOf(LayerDecay.Name), "1 with --freeze-body: the head has the full rate");
    }

    /// <summary>Checks a training against its network before a run folder is made: the names that are not trained, and the convolutions.</summary>
    public void RequireTrainable(CommandContext context, FineTuningCase start)
    {
        if (context.Get(Freeze) is { } names)
        {
            try
            {
                start.Model.FreezeBody(context.Get(FreezeBody) || context.Get(HeadEpochs) > 0);
                start.Model.Freeze(names.Split(',', StringSplitOptions.TrimEntries));
            }
            catch (ArgumentException e)
            {
                throw UserErrorException.ForOption(Freeze.Name, names, $"patterns of the names of {start.File.Architecture} ({ErrorReport.MessageOf(e)})");
            }
        }
        RequireRightConvolutions(context, start);
    }

    // Adam has betas of its own: a momentum that is given would change nothing.
    private void RequireMomentumHasAMeaning(CommandContext context, BaseOptimizer optimizer)
    {
        if (optimizer == BaseOptimizer.Sgd)
            return;
        if (context.IsGiven(Momentum))
            throw UserErrorException.ForOption(Momentum.Name, $"{context.Get(Momentum)}", $"only with --optimizer sgd ({context.Get(Optimizer)} has none)");
        context.SetEffective(Momentum, null);
    }

    /// <summary>Methods by name with their options.</summary>
    /// <inheritdoc cref="MethodOptionSet.Choose"/>
    public MethodChoice[] Choose(CommandContext context, IReadOnlyList<string> entries, bool swept = false) =>
        Methods.Choose(context, entries, IsDigits(context), swept);

    /// <summary>Refuses what the user asked for and the method cannot have.</summary>
    public void RequireFit(CommandContext context, MethodChoice method, TrainingOptions training)
    {
        if (!method.Entry.DemandsPlainSgd)
            return;
        const string own = "0: bsam has momentum and weight decay of its own (--beta1, --prior-precision)";
        if (context.IsGiven(Momentum) && training.Momentum != 0)
            throw UserErrorException.ForOption(Momentum.Name, $"{training.Momentum}", own);
        if (context.IsGiven(WeightDecay) && training.WeightDecay != 0)
            throw UserErrorException.ForOption(WeightDecay.Name, $"{training.WeightDecay}", own);
        if (training.Optimizer != BaseOptimizer.Sgd)
            throw UserErrorException.ForOption("--optimizer", context.Get(Optimizer)!, $"sgd ({method.Name} makes its own update)");
    }

    /// <summary>The training as one method needs it, after <see cref="RequireFit"/>.</summary>
    public TrainingOptions Fit(CommandContext context, MethodChoice method, TrainingOptions training)
    {
        if (!method.Entry.DemandsPlainSgd)
            return training;
        TrainingOptions fit = method.Fit(context.IsGiven(LearningRate) ? training with { Momentum = 0 } : training); // a rate that is given is the method's own
        context.SetEffective(LearningRate, fit.LearningRate);
        context.SetEffective(Momentum, 0);
        context.SetEffective(WeightDecay, 0);
        return fit;
    }

    /// <summary>Opens data and weights.</summary>
    public IFineTuningTask OpenTask(CommandContext context)
    {
        if (IsDigits(context))
        {
            int shots = Effective(context, Shots, DigitsTask.DefaultShots);
            return context.Output.Track("pre-training on digits 0-4", 1, tracker => DigitsTask.Create(
                shots,
                new Relay<TrainingProgress>(p => tracker.Report((double)p.Step / p.Steps, () => $"loss {p.Loss:F3}")),
                context.Cancellation));
        }
        if (context.IsGiven(Shots))
            throw UserErrorException.ForOption("--shots", $"{context.Get(Shots)}", "only with --data digits, and without --weights and --arch");
        return OpenCheckpointTask(context);
    }

    private CheckpointTask OpenCheckpointTask(CommandContext context)
    {
        Checkpoint? checkpoint = context.Get(Weights) is { } weights ? WeightsOf.Load(weights) : null;
        try
        {
            ModelFile? file = checkpoint is null ? null : ModelFile.Of(checkpoint);
            Architecture architecture = ChooseArchitecture(context, Architecture, context.Get(Weights), file);
            int size = Effective(context, ImageSize, file?.ImageSize ?? architecture.ImageSize);
            ImageData data = Images.Open(context, context.Get(Data)!, size);
            return new CheckpointTask(data, architecture, size, checkpoint, file?.Normalization) { Split = Images.Split(context) };
        }
        catch
        {
            checkpoint?.Dispose();
            throw;
        }
    }

    /// <summary>The architecture that the option or the weights name.</summary>
    public static Architecture ChooseArchitecture(CommandContext context, CliOption<string?> option, string? weights, ModelFile? file)
    {
        string? given = context.Get(option);
        if (given is not null && file is not null && given != file.Architecture)
            throw UserErrorException.ForOption("--arch", given, $"{file.Architecture}, which {weights} names");
        string name = given ?? file?.Architecture ?? (weights is null ? null : PublishedWeights.Find(weights)?.Name) ?? throw UserErrorException.ForOption(
            "--arch", "", $"{string.Join(", ", Architectures.All.Select(a => a.Name))} ({(weights is null ? "no weights are given" : $"{weights} does not name one")})");
        context.SetEffective(option, name);
        return Architectures.Find(name) ?? throw new UserErrorException($"{weights}: names the architecture {name}, which this version does not have");
    }

    /// <summary>Stops before a network is trained wrongly: some float32 convolutions are wrong on some machines.</summary>
    private static void RequireRightConvolutions(CommandContext context, FineTuningCase start)
    {
        ConvolutionReport report = start.Model.CheckConvolutions(start.File.ImageSize);
        if (!report.IsRight)
            throw new UserErrorException($"{start.File.Architecture}: {report.Describe()}");
        context.Output.Verbose($"{report.Verdicts.Count} distinct convolutions checked against float64: all right");
    }

    private static T Effective<T>(CommandContext context, CliOption<T?> option, T @default)
        where T : struct
    {
        T value = context.Get(option) ?? @default;
        context.SetEffective(option, value);
        return value;
    }
}
