using System.Text.Json.Nodes;
using TorchSharp;

namespace Polder.Cli.Training;

/// <summary><c>polder sense-fair</c>: one-point noise against NSO on matrix sensing, with nothing chosen on what is tested.</summary>
internal sealed class SenseFairCommand : PolderCommand
{
    private static readonly FairSensingOptions Defaults = new();

    private readonly CliOption<int> _dimension = OptionOf.Count(
        "--dimension", "side d of the matrix that is recovered", Defaults.Problem.Dimension, ValueRange.Between(1, 1000));

    private readonly CliOption<int> _rank = OptionOf.Count(
        "--rank", "rank of that matrix, at most the dimension", Defaults.Problem.Rank, ValueRange.AtLeast(1));

    private readonly CliOption<int?> _measurements = OptionOf.OptionalCount(
        "--measurements", "measurements to train on, and as many to choose or test on", "5 x dimension x rank", ValueRange.AtLeast(1));

    private readonly CliOption<IReadOnlyList<double>> _sigmas = OptionOf.Numbers(
        "--sigmas", "standard deviations of the weight noise, in units of the weights", Defaults.Sigmas, ValueRange.Above(0));

    private readonly CliOption<IReadOnlyList<double>> _points = OptionOf.Numbers(
        "--points", "gradients a step, whole numbers: wp takes as many draws, nso half as many pairs where they are even",
        [.. Defaults.Points.Select(n => (double)n)], ValueRange.Between(1, 1000));

    private readonly CliOption<int> _gradients = OptionOf.Count(
        "--gradients", "the most gradients of a run, whatever the method", Defaults.Gradients, ValueRange.AtLeast(1));

    private readonly CliOption<IReadOnlyList<double>> _learningRates = OptionOf.Numbers(
        "--learning-rates", "learning rates to choose from", Defaults.LearningRates, ValueRange.Above(0));

    private readonly CliOption<IReadOnlyList<long>> _seeds = CommonOptions.Seeds("0..9");

    private readonly CliOption<IReadOnlyList<long>> _choiceSeeds = new(
        "--choice-seeds", "0..4|0,3,7", "seeds of the problems that settings are chosen on, which are not tested", SeedList.Allowed, Defaults.ChoiceSeeds,
        "1000,1001",
        SeedList.TryParse);

    private readonly CliOption<string> _tested = OptionOf.Choice(
        "--tested", "test every sigma, or of each method the chosen one alone", "every", "every", "chosen");

    private readonly CliOption<string> _precision = OptionOf.Choice("--precision", "type of the numbers", "f32", "f32", "f64");
    private readonly CliOption<string?> _plot = CommonOptions.Plot();
    private readonly StudyFolderOptions _folder = new("sense-fair", more: null);

    public SenseFairCommand()
        : base("sense-fair", "compare naive noise and NSO on matrix sensing at equal gradients, with settings chosen on other problems")
    {
        Add(Heading.Data, _dimension, _rank, _measurements);
        Add(Heading.Method, _sigmas, _points);
        Add(Heading.Training, _gradients, _learningRates, _choiceSeeds, _seeds, _tested, _precision);
        Add(Heading.Output, _plot);
        (Resume, Join) = (_folder.Resume, _folder.Join);
        _folder.AddTo(this);
        UseTorch();
        Examples = ["polder sense-fair --dimension 40 --rank 2 --plot sigma.svg", "polder sense-fair --tested chosen --choice-seeds 1000 --jobs 2 --out fair",
            "polder sense-fair --resume fair"];
    }

    protected internal override bool IsOfRun(System.CommandLine.Option option) => option != _plot && !_folder.Contains(option);

    protected internal override void Run(CommandContext context)
    {
        _folder.RequireOne(context);
        FairSensingOptions options = OptionsOf(context);
        context.SetEffective(_measurements, options.Problem.MeasurementCount);
        _folder.ShareProcessors(context, null);
        options = options with { Problem = options.Problem with { Threads = torch.get_num_threads() } };
        using StudySession session = _folder.Begin(context, new JsonObject { ["runs"] = options.Runs }, () => MemoryOf(options.Problem));
        FairSensingResult result;
        try
        {
            result = context.Output.Track("sensing", options.Runs, tracker =>
                FairSensingStudy.Run(options, session.Cells, StudySession.Show(tracker), context.Cancellation));
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            throw session.Stopped(Name, Directory.GetFiles(session.Folder.Cells, "*.json").Length, $"at most {options.Runs}");
        }
        if (JobProcesses.IsJob)
            return; // who started it shows the result
        context.Finish(FairSensingReport.Of(result, options));
        ReportPages.Of(session.Folder.Path).Write(session.Folder.Page);
        if (context.Get(_plot) is not { } file)
            return;
        if (result.Tests.Count == 0)
            context.Output.Warn($"every run diverged, so there is nothing to draw: {file} is not written");
        else
            PlotWriter.Write(context.Output, file, FairSensingReport.Plot(result, Path.GetExtension(file)));
    }

    // Two sets of n symmetric matrices, and as much again while they are made and packed.
    private static long MemoryOf(SensingOptions problem) =>
        4L * problem.MeasurementCount * problem.Dimension * problem.Dimension * (problem.DataType == torch.ScalarType.Float64 ? 8 : 4);

    private FairSensingOptions OptionsOf(CommandContext context)
    {
        int dimension = context.Get(_dimension), rank = context.Get(_rank), gradients = context.Get(_gradients);
        if (rank > dimension)
            throw UserErrorException.ForOption("--rank", $"{rank}", $"1 to the dimension, {dimension}");
        IReadOnlyList<double> points = context.Get(_points)!;
        if (points.Any(n => n != Math.Floor(n) || n > gradients) || points.All(n => n % 2 != 0))
            throw UserErrorException.ForOption("--points", ValueKind.TextOf(points), "whole numbers up to --gradients, one of them even");
        IReadOnlyList<long> seeds = context.Get(_seeds)!, choice = context.Get(_choiceSeeds)!;
        if (choice.Intersect(seeds).Any())
            throw UserErrorException.ForOption("--choice-seeds", ValueKind.TextOf(choice), "seeds that --seeds does not have");
        return new FairSensingOptions
        {
            Problem = new SensingOptions
            {
                Dimension = dimension,
                Rank = rank,
                Measurements = context.Get(_measurements),
                DataType = context.Get(_precision) == "f64" ? torch.ScalarType.Float64 : torch.ScalarType.Float32,
                Threads = torch.get_num_threads(),
            },
            Gradients = gradients,
            Points = [.. points.Select(n => (int)n)],
            Sigmas = context.Get(_sigmas)!,
            LearningRates = context.Get(_learningRates)!,
            ChoiceSeeds = choice,
            Seeds = seeds,
            TestsEverySigma = context.Get(_tested) == "every",
        };
    }
}
