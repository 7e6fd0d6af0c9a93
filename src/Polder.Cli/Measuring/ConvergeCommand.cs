namespace Polder.Cli.Measuring;

/// <summary><c>polder converge</c>: the rates of NSO's convergence theory, measured.</summary>
internal sealed class ConvergeCommand : PolderCommand
{
    private static readonly ConvergenceOptions Defaults = new();

    private readonly CliFlag _quick = new("--quick", "a smaller form: 80 runs of 2^6 to 2^12 steps");

    private readonly CliOption<int?> _repeats = OptionOf.OptionalCount(
        "--repeats", "independent runs of every setting, a multiple of 8", "400, quick: 80", ValueRange.AtLeast(8));

    private readonly CliOption<int?> _steps = OptionOf.OptionalCount(
        "--most-steps", "the most steps of a run, as a power of 2", "16, quick: 12", ValueRange.Between(9, 24));

    private readonly CliOption<double> _sigma = OptionOf.Number(
        "--sigma", "standard deviation of the weight noise, in units of the weights", Defaults.Sigma, ValueRange.AtLeast(0));

    private readonly CliOption<double> _gradientNoise = OptionOf.Number(
        "--gradient-noise", "root of the variance of a mini-batch's gradient", Defaults.GradientNoise, ValueRange.Above(0));

    private readonly CliOption<long> _seed = OptionOf.Long("--seed", "seed of the noise", 0, ValueRange.Between(0, 1L << 32));
    private readonly CliOption<int?> _threads = CommonOptions.Threads();
    private readonly CliOption<string?> _plot = CommonOptions.Plot();

    public ConvergeCommand()
        : base("converge", "measure how fast NSO converges, beside what is proved: rates, constants and the noise of its gradients")
    {
        Add(Heading.Method, _sigma, _gradientNoise);
        Add(Heading.Measurement, _repeats, _steps, _quick, _seed);
        Add(Heading.Output, _plot);
        Add(Heading.Running, _threads);
        Examples = ["polder converge --quick", "polder converge --plot convergence.svg --csv convergence.csv"];
    }

    protected internal override void Run(CommandContext context)
    {
        ConvergenceOptions size = context.Get(_quick) ? ConvergenceOptions.Quick : Defaults;
        ConvergenceOptions options = size with
        {
            Repeats = context.Get(_repeats) ?? size.Repeats,
            MostStepsPower = context.Get(_steps) ?? size.MostStepsPower,
            Sigma = context.Get(_sigma),
            GradientNoise = context.Get(_gradientNoise),
            Seed = context.Get(_seed),
            Threads = context.Get(_threads) ?? 0,
        };
        if (options.Repeats % 8 != 0)
            throw UserErrorException.ForOption("--repeats", $"{options.Repeats}", "a multiple of 8");
        context.SetEffective(_repeats, options.Repeats);
        context.SetEffective(_steps, options.MostStepsPower);
        ConvergenceResult result = context.Output.Track("convergence", 1, tracker =>
            ConvergenceStudy.Run(options, new Relay<double>(done => tracker.Report(done)), context.Cancellation));
        context.Finish(ConvergenceReport.Of(result, options));
        if (context.Get(_plot) is { } file)
            PlotWriter.Write(context.Output, file, ConvergenceReport.Plot(result, Path.GetExtension(file)));
    }
}
