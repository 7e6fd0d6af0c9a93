namespace Polder.Cli.Training;

/// <summary>What <c>polder compare</c> measures of the curvature at the tested weights.</summary>
internal sealed class CurvatureOptions
{
    private readonly CliOption<string?> _curvature = new(
        "--curvature", "NAME", "trace and largest eigenvalue of the training loss's Hessian at the tested weights of every run", "on, off", null,
        "off; digits: on",
        (string text, out string? value) => (value = text) is "on" or "off");

    private readonly CliOption<int> _samples = OptionOf.Count(
        "--curvature-samples", "training images for --curvature, at most: of every class its share, drawn by the seed, without augmentation",
        new WeightCurvatureOptions().Samples, ValueRange.AtLeast(1));

    private readonly CliOption<double?> _loss = OptionOf.OptionalNumber(
        "--curvature-loss",
        "measure once more, at the end of the first epoch whose training images have this mean loss or less: flatness of weights that fit alike",
        "not; digits: 0.1", ValueRange.Above(0));

    public CurvatureOptions(PolderCommand command)
    {
        command.Add(Heading.Measurement, _curvature, _samples, _loss);
    }

    /// <summary>How to measure; null where nothing is to be measured.</summary>
    /// <param name="context">The command.</param>
    /// <param name="digits">Whether the data is the built-in demo.</param>
    /// <param name="loss">The training loss at which curvature is compared, too, where nobody says another; null: none.</param>
    public WeightCurvatureOptions? Choose(CommandContext context, bool digits, double? loss)
    {
        bool on = (context.Get(_curvature) ?? (digits ? "on" : "off")) == "on";
        if (!on && context.IsGiven(_samples))
            throw UserErrorException.ForOption(_samples.Name, $"{context.Get(_samples)}", "only with --curvature on");
        if (!on && context.IsGiven(_loss))
            throw UserErrorException.ForOption(_loss.Name, $"{context.Get(_loss)}", "only with --curvature on");
        context.SetEffective(_curvature, on ? "on" : "off");
        context.SetEffective(_loss, on ? context.Get(_loss) ?? loss : null);
        context.SetEffective(_samples, on ? context.Get(_samples) : null);
        return on ? new WeightCurvatureOptions { Samples = context.Get(_samples), AtLoss = context.Get(_loss) ?? loss } : null;
    }
}
