using System.CommandLine;

namespace Polder.Cli.Training;

/// <summary>What <c>polder compare</c> measures of the curvature at the tested weights.</summary>
internal sealed class CurvatureOptions
{
    // Of the demo: its curvature differs by 20 to 50 % from seed to seed, beside which an error of 5 % of each trace is nothing; its images are tiny.
    private const double DemoError = 0.05;
    private const int DemoBatchSize = 256;

    private readonly CliOption<string?> _curvature = new(
        "--curvature", "NAME", "trace and largest eigenvalue of the training loss's Hessian at the tested weights of every run", "on, off", null,
        "off; digits: on",
        (string text, out string? value) => (value = text) is "on" or "off");

    private readonly CliOption<int> _samples = OptionOf.Count(
        "--curvature-samples", "training images for --curvature, at most: of every class its share, drawn by the seed, without augmentation",
        new WeightCurvatureOptions().Samples, ValueRange.AtLeast(1));

    private readonly CliOption<double?> _loss = OptionOf.OptionalNumber(
        "--curvature-loss",
        "measure once more, where the mean loss of the training images first falls to this: flatness of weights that fit alike",
        "not; digits: 0.1", ValueRange.Above(0));

    private readonly CliOption<double?> _error = OptionOf.OptionalNumber(
        "--curvature-error", "the standard error of the trace, as a share of it, at which its estimation ends; at 300 products it ends in any case",
        $"{ValueKind.TextOf(new WeightCurvatureOptions().RelativeError)}; digits: {ValueKind.TextOf(DemoError)}", ValueRange.Above(0));

    public CurvatureOptions(PolderCommand command)
    {
        command.Add(Heading.Measurement, _curvature, _samples, _loss, _error);
    }

    /// <summary>How to measure; null where nothing is to be measured.</summary>
    /// <param name="context">The command.</param>
    /// <param name="digits">Whether the data is the built-in demo.</param>
    /// <param name="loss">The training loss at which curvature is compared, too, where nobody says another; null: none.</param>
    public WeightCurvatureOptions? Choose(CommandContext context, bool digits, double? loss)
    {
        bool on = (context.Get(_curvature) ?? (digits ? "on" : "off")) == "on";
        foreach (ICliOption option in (ReadOnlySpan<ICliOption>)[_samples, _loss, _error])
            if (!on && context.IsGiven((Option)option))
                throw UserErrorException.ForOption(option.Name, ValueKind.TextOf(context.ValueOf(option)), "only with --curvature on");
        var defaults = new WeightCurvatureOptions();
        double error = context.Get(_error) ?? (digits ? DemoError : defaults.RelativeError);
        context.SetEffective(_curvature, on ? "on" : "off");
        context.SetEffective(_loss, on ? context.Get(_loss) ?? loss : null);
        context.SetEffective(_samples, on ? context.Get(_samples) : null);
        context.SetEffective(_error, on ? error : null);
        return !on ? null : defaults with
        {
            Samples = context.Get(_samples),
            AtLoss = context.Get(_loss) ?? loss,
            RelativeError = error,
            BatchSize = digits ? DemoBatchSize : defaults.BatchSize,
        };
    }
}
