using TorchSharp;

namespace Polder.Cli.Training;

/// <summary><c>polder sense</c>: the paper's controlled experiment, over-parameterised matrix sensing.</summary>
internal sealed class SenseCommand : PolderCommand
{
    private static readonly SensingOptions Defaults = new();

    private readonly CliOption<int> _dimension = OptionOf.Count(
        "--dimension", "side d of the matrix that is recovered", Defaults.Dimension, ValueRange.Between(1, 1000));

    private readonly CliOption<int> _rank = OptionOf.Count("--rank", "rank of that matrix, at most the dimension", Defaults.Rank, ValueRange.AtLeast(1));

    private readonly CliOption<int?> _measurements = OptionOf.OptionalCount(
        "--measurements", "measurements to train on, and as many to validate on", "5 x dimension x rank", ValueRange.AtLeast(1));

    private readonly CliOption<int> _steps = OptionOf.Count("--steps", "full-batch gradient steps", Defaults.Steps, ValueRange.AtLeast(1));
    private readonly CliOption<double> _learningRate = CommonOptions.LearningRate(Defaults.LearningRate);
    private readonly CliOption<double> _sigma = CommonOptions.Sigma(0.08);
    private readonly CliOption<int> _pairs = CommonOptions.Pairs();
    private readonly CliOption<int> _draws = CommonOptions.Draws();
    private readonly CliOption<IReadOnlyList<string>> _methods = CommonOptions.Methods(["gd", "wp", "nso"], ["gd", "wp", "nso"]);
    private readonly CliOption<IReadOnlyList<long>> _seeds = CommonOptions.Seeds();
    private readonly CliOption<double> _initialScale = OptionOf.Number(
        "--initial-scale", "standard deviation of the start's elements", Defaults.InitialScale, ValueRange.Above(0));

    private readonly CliOption<string> _precision = OptionOf.Choice("--precision", "type of the numbers", "f32", "f32", "f64");
    private readonly CliOption<string?> _plot = CommonOptions.Plot();

    public SenseCommand()
        : base("sense", "recover a low-rank matrix from few measurements: gradient descent, naive noise and NSO")
    {
        Add(Heading.Data, _dimension, _rank, _measurements);
        Add(Heading.Method, _methods, _sigma, _pairs, _draws);
        Add(Heading.Training, _steps, _learningRate, _initialScale, _seeds, _precision);
        Add(Heading.Output, _plot);
        UseTorch();
        Examples = ["polder sense", "polder sense --seeds 0..9 --plot curves.svg", "polder sense --methods wp --draws 8 --sigma 0.04 --json -"];
    }

    protected internal override void Run(CommandContext context)
    {
        SensingOptions options = OptionsOf(context);
        context.SetEffective(_measurements, options.MeasurementCount);
        IReadOnlyList<long> seeds = context.Get(_seeds)!;
        var results = new List<SensingResult>();
        int runs = seeds.Count * options.Methods.Count;
        context.Output.Track("sensing", runs, tracker =>
        {
            try
            {
                // Seed by seed, so that a stopped study keeps whole seeds.
                foreach (long seed in seeds)
                {
                    int done = results.Count;
                    results.AddRange(SensingStudy.Run(
                        options with { Seeds = [seed] },
                        new Relay<SensingProgress>(p => tracker.Report(
                            done + p.Run + ((double)p.Point.Step / options.Steps),
                            () => $"seed {p.Seed}, {p.Method}: step {p.Point.Step}, validation {SensingReport.Number(p.Point.Metrics.Validation)}")),
                        context.Cancellation));
                }
            }
            catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
            {
                // What is finished is shown below.
            }
        });

        context.Finish(SensingReport.Of(results, options.Steps, context.Get(_pairs), context.Get(_draws)));
        if (results.Count > 0)
            Plot(context, results);
        if (context.Cancellation.IsCancellationRequested)
            throw new StoppedException($"{results.Count} of {runs} runs are finished and shown");
    }

    private SensingOptions OptionsOf(CommandContext context)
    {
        int dimension = context.Get(_dimension), rank = context.Get(_rank);
        if (rank > dimension)
            throw UserErrorException.ForOption("--rank", $"{rank}", $"1 to the dimension, {dimension}");
        if (context.Get(_learningRate) <= 0)
            throw UserErrorException.ForOption("--learning-rate", "0", "a number > 0");
        double sigma = context.Get(_sigma);
        return new SensingOptions
        {
            Dimension = dimension,
            Rank = rank,
            Measurements = context.Get(_measurements),
            Steps = context.Get(_steps),
            LearningRate = context.Get(_learningRate),
            Methods = [.. context.Get(_methods)!.Select(name => new KeyValuePair<string, IGradientMethod>(name, name switch
            {
                "wp" => new WeightPerturbation { Sigma = sigma, Draws = context.Get(_draws) },
                "nso" => new NoiseStability { Sigma = sigma, Pairs = context.Get(_pairs) },
                _ => new Plain(),
            }))],
            InitialScale = context.Get(_initialScale),
            DataType = context.Get(_precision) == "f64" ? torch.ScalarType.Float64 : torch.ScalarType.Float32,
            Threads = torch.get_num_threads(),
        };
    }

    private void Plot(CommandContext context, List<SensingResult> results)
    {
        if (context.Get(_plot) is not { } file)
            return;
        if (!PlotFont.IsAvailable)
            context.Output.Warn("no TrueType font was found under /usr/share/fonts: the plot has lines and no words");
        long seed = results[0].Seed;
        byte[] picture = new CurvePlot($"Matrix sensing, seed {seed}", "step", "validation error").Draw(
            [.. results.Where(r => r.Seed == seed).Select(r => new Curve(
                r.Method, [.. r.Curve.Select(p => (double)p.Step)], [.. r.Curve.Select(p => p.Metrics.Validation)]))],
            Path.GetExtension(file));
        AtomicFile.Write(file, stream => stream.Write(picture));
    }
}
