namespace Polder.Cli.Training;

/// <summary><c>polder valleys</c>: which of two minima of equal depth each method ends in.</summary>
internal sealed class ValleysCommand : PolderCommand
{
    private static readonly ValleyOptions Defaults = new();

    private readonly CliOption<IReadOnlyList<string>> _methods = MethodVariant.List("base", "wp", "nso", "sam");

    private readonly CliOption<IReadOnlyList<double>> _strengths = OptionOf.Numbers(
        "--strengths", "values of sigma or rho, whichever is the method's first option, in units of the plane", Defaults.Strengths, ValueRange.Above(0));

    private readonly CliOption<int> _starts = OptionOf.Count("--starts", "random starts", Defaults.Starts, ValueRange.AtLeast(2));

    private readonly CliOption<int> _gradients = OptionOf.Count(
        "--gradients", "gradients of a run, whatever the method", Defaults.Gradients, ValueRange.AtLeast(8));

    private readonly CliOption<double> _learningRate = CommonOptions.LearningRate(Defaults.LearningRate);

    private readonly CliOption<double> _gradientNoise = OptionOf.Number(
        "--gradient-noise", "standard deviation of a mini-batch's gradient, a coordinate", Defaults.GradientNoise, ValueRange.AtLeast(0));

    private readonly CliOption<long> _seed = OptionOf.Long("--seed", "seed of starts, mini-batches and noise", 0, ValueRange.Between(0, 1L << 32));
    private readonly CliOption<string?> _plot = CommonOptions.Plot();
    private readonly MethodOptionSet _methodOptions;

    public ValleysCommand()
        : base("valleys", "count which of two minima each method ends in, a narrow and a wide one of equal depth")
    {
        Add(Heading.Method, _methods, _strengths);
        _methodOptions = new MethodOptionSet(this);
        Add(Heading.Training, _starts, _gradients, _learningRate, _gradientNoise, _seed);
        Add(Heading.Output, _plot);
        UseTorch();
        Examples = ["polder valleys --plot valleys.svg", "polder valleys --methods base,nso,asam,bsam,msam --starts 100",
            "polder valleys --methods nso,nso+pairs=4 --strengths 0.3"];
    }

    protected internal override void Run(CommandContext context)
    {
        if (context.Get(_learningRate) <= 0)
            throw UserErrorException.ForOption("--learning-rate", "0", "a number > 0");
        MethodChoice[] methods = _methodOptions.Choose(context, context.Get(_methods)!, shots: null, swept: true);
        // "all" is all that can; one that is named must.
        if (context.Get(_methods)!.SequenceEqual(MethodRegistry.StandardNames))
        {
            foreach (MethodChoice method in methods)
                if (ValleyStudy.WhyNot(method) is { } reason)
                    context.Output.Info($"left out: {method.Label} {reason}");
            methods = [.. methods.Where(m => ValleyStudy.WhyNot(m) is null)];
            context.SetEffective(_methods, methods.Select(m => m.Label));
        }
        var options = new ValleyOptions
        {
            Methods = methods,
            Strengths = context.Get(_strengths)!,
            Starts = context.Get(_starts),
            Gradients = context.Get(_gradients),
            LearningRate = context.Get(_learningRate),
            GradientNoise = context.Get(_gradientNoise),
            Seed = context.Get(_seed),
        };
        IReadOnlyList<ValleyEnds> ends = context.Output.Track("valleys", ValleyStudy.Reports(options), tracker =>
            ValleyStudy.Run(options, new Relay<(int Done, string Words)>(p => tracker.Report(p.Done, () => p.Words)), context.Cancellation));
        context.Finish(ValleyReport.Of(ends, options));
        if (context.Get(_plot) is { } file)
            PlotWriter.Write(context.Output, file, ValleyReport.Plot(ends, Path.GetExtension(file)));
    }
}
