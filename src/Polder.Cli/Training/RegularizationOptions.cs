using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Regularization;
using Polder.Vision.Training;

namespace Polder.Cli.Training;

/// <summary>The options of what goes with every method: averages of the weights, label smoothing, mixup, distance to the start.</summary>
internal sealed class RegularizationOptions
{
    private readonly CliOption<string> _average = OptionOf.Choice("--average", "the average that takes the weights' place in evaluation and in the result", "none", "none", "ema", "swa");
    private readonly CliOption<double> _emaDecay = OptionOf.Number("--ema-decay", "decay of the exponential moving average, a step", 0.99, ValueRange.HalfOpen(0, 1));
    private readonly CliOption<double> _swaStart = OptionOf.Number("--swa-start", "share of the steps before swa averages", 0.75, ValueRange.HalfOpen(0, 1));
    private readonly CliOption<double?> _swaLearningRate = OptionOf.OptionalNumber("--swa-learning-rate", "learning rate while swa averages", "half of --learning-rate", ValueRange.Above(0));
    private readonly CliOption<int> _swaCycle = OptionOf.Count("--swa-cycle", "epochs of a cycle of swa's learning rate; 0: annealed once, constant after", 0, ValueRange.AtLeast(0));
    private readonly CliOption<double> _labelSmoothing = OptionOf.Number("--label-smoothing", "share of a label that is spread over all classes", 0, ValueRange.HalfOpen(0, 1));
    private readonly CliOption<double> _mixup = OptionOf.Number("--mixup", "alpha of mixup's beta distribution; 0: none", 0, ValueRange.AtLeast(0));
    private readonly CliOption<double> _distancePenalty = OptionOf.Number("--distance-penalty", "strength of the penalty on the distance to the weights' start, the head's to zero", 0, ValueRange.AtLeast(0));
    private readonly CliOption<double?> _distanceRadius = OptionOf.OptionalNumber("--distance-radius", "radius around their start that the body's layers are kept in", "none", ValueRange.AtLeast(0));
    private readonly CliOption<double?> _headRadius = OptionOf.OptionalNumber("--head-radius", "radius around zero that the head is kept in", "none", ValueRange.AtLeast(0));
    private readonly CliOption<string> _distanceNorm = OptionOf.Choice("--distance-norm", "how a layer's distance is measured", "frobenius", "frobenius", "max-row-sum");

    /// <summary>Adds the options to a command.</summary>
    public RegularizationOptions(PolderCommand command)
    {
        command.Add(Heading.Regularization, _labelSmoothing);
        command.Add(Heading.Augmentation, _mixup);
        command.Add(
            Heading.Regularization, _distancePenalty, _distanceRadius, _headRadius, _distanceNorm, _average, _emaDecay, _swaStart, _swaLearningRate, _swaCycle);
    }

    /// <summary>A training with what the user asked for.</summary>
    /// <exception cref="UserErrorException">An option was given that nothing asked for takes.</exception>
    public TrainingOptions ApplyTo(TrainingOptions training, CommandContext context)
    {
        string average = context.Get(_average)!;
        RequireTaker(context, average == "ema", "--average ema", _emaDecay);
        RequireTaker(context, average == "swa", "--average swa", _swaStart, _swaLearningRate, _swaCycle);
        bool distance = context.Get(_distancePenalty) > 0 || context.Get(_distanceRadius) is not null || context.Get(_headRadius) is not null;
        RequireTaker(context, distance, "--distance-penalty, --distance-radius or --head-radius", _distanceNorm);
        return training with
        {
            LabelSmoothing = context.Get(_labelSmoothing),
            Mixup = context.Get(_mixup),
            Averaging = average == "none" ? null : new AveragingOptions
            {
                Kind = average == "ema" ? AveragingKind.Ema : AveragingKind.Swa,
                Decay = context.Get(_emaDecay),
                Start = context.Get(_swaStart),
                LearningRate = context.Get(_swaLearningRate),
                CycleEpochs = context.Get(_swaCycle),
            },
            Distance = !distance ? null : new DistanceOptions
            {
                Penalty = context.Get(_distancePenalty),
                Radius = context.Get(_distanceRadius),
                HeadRadius = context.Get(_headRadius),
                Norm = context.Get(_distanceNorm) == "frobenius" ? DistanceNorm.Frobenius : DistanceNorm.MaxRowSum,
            },
        };
    }

    private static void RequireTaker(CommandContext context, bool taken, string taker, params ReadOnlySpan<ICliOption> options)
    {
        foreach (ICliOption option in options)
            if (!taken && context.IsGiven(option.Name))
                throw UserErrorException.ForOption(option.Name, context.TextOf(option.Name), $"only with {taker}");
    }
}
