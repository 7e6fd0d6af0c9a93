using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Cli.Output;
using Polder.Experiments.Comparison;
using Polder.Methods.Registry;
using Polder.Statistics;
using Polder.Vision.Training;
using Spectre.Console;

namespace Polder.Cli.Training;

/// <summary><c>polder compare</c>: every method on every seed, and how they differ from the base optimizer. Without options the demo.</summary>
internal sealed class CompareCommand : PolderCommand
{
    /// <summary>Characters that the table with all columns needs.</summary>
    private const int WideTable = 140;

    private readonly CliOption<IReadOnlyList<string>> _methods = MethodVariant.List("base", "wp", "nso", "sam");
    private readonly CliOption<IReadOnlyList<long>> _seeds = CommonOptions.Seeds("0..4");
    private readonly CliOption<string> _budget = OptionOf.Choice(
        "--budget", "what all methods have the same of: epochs, or as many gradients as nso with one pair takes in --epochs", "epochs", "epochs", "gradients");

    private readonly FineTuningOptions _options;
    private readonly CurvatureComparison _curvature;
    private readonly CliOption<string?> _out = CommonOptions.Out("compare");

    public CompareCommand()
        : base("compare", "fine-tune with several methods over several seeds and compare their test accuracy")
    {
        Add(_methods);
        Add(_seeds);
        Add(_budget);
        _options = new FineTuningOptions(this, draws: 2);
        _curvature = new CurvatureComparison(this);
        Add(_out);
        UseTorch();
        Examples =
        [
            "polder compare",
            "polder compare --methods base,nso,nso+passes=split,nso+every=2 --seeds 0..9",
            "polder compare --data photos --weights resnet20.th --arch resnet20 --methods base,nso --seeds 0..2",
        ];
    }

    protected internal override void Run(CommandContext context)
    {
        _options.Configure(context, _methods);
        context.RequireCpu();
        MethodChoice[] methods = _options.Choose(context, context.Get(_methods)!);
        IReadOnlyList<long> seeds = context.Get(_seeds)!;
        TrainingOptions training = _options.Training(context, seeds[0]);
        foreach (MethodChoice method in methods)
            method.Fit(training);
        WeightCurvatureOptions? curvature = _curvature.Choose(context, _options.IsDigits(context));
        IFineTuningTask task = _options.OpenTask(context);
        using var owner = task as IDisposable;
        training = _options.WithLearningRate(context, task, training);
        using (FineTuningCase first = task.Prepare(seeds[0]))
        {
            context.Output.Info(
                $"{task.Name}: {first.Splits.Train.Count} training, {first.Splits.Validation.Count} validation and {first.Splits.Test.Count} test images; {methods.Length} methods x {seeds.Count} seeds");
            _options.RequireTrainable(context, first);
            foreach (MethodChoice method in methods)
                method.For(first, training);
        }
        string folder = context.CreateRunFolder(context.Get(_out));

        IReadOnlyList<DivergedRun> diverged = [];
        IReadOnlyList<UnmeasuredRun> unmeasured = [];
        IReadOnlyList<MethodRuns> results = context.Output.Track("comparing", methods.Length * seeds.Count, tracker =>
        {
            var study = new ComparisonStudy(task, methods, training)
            {
                Budget = Enum.Parse<ComparisonBudget>(context.Get(_budget)!, ignoreCase: true),
                Curvature = curvature,
                Progress = new Relay<ComparisonProgress>(p => tracker.Report(
                    p.Done, () => $"seed {p.Seed}, {p.Method}: epoch {p.Training.Epoch} of {p.Training.Epochs}, loss {p.Training.Loss:F3}")),
                Measuring = new Relay<MeasuringProgress>(p => tracker.Report(
                    p.Done, () => $"seed {p.Seed}, {p.Method}: {p.Curvature.Figure}, {p.Curvature.Products} products, {p.Curvature.Value:G4} +- {p.Curvature.Error:G2}")),
            };
            IReadOnlyList<MethodRuns> finished = study.Execute(seeds, context.Cancellation);
            (diverged, unmeasured) = (study.Diverged, study.Unmeasured);
            return finished;
        });

        MethodRuns? reference = results.FirstOrDefault(r => r.Method == "base");
        IReadOnlyList<PairedDifference?> differences = MethodDifferences.Of(results, reference);
        IReadOnlyList<PairedDifference?>[] curvatureDifferences = CurvatureComparison.Differences(results, reference);
        if (results.Count > 0)
        {
            Show(context, results, differences);
            CurvatureComparison.Show(context.Output, results, curvatureDifferences, runs => LabelOf(context, runs), context.Output.Width >= WideTable);
        }
        Warn(context, results, diverged, unmeasured);
        context.Finish(new
        {
            Task = task.Name,
            Results = results.Select((r, i) => new
            {
                r.Method,
                r.Label,
                Options = MethodOptionSet.Members(r.Options),
                r.Runs,
                r.TestAccuracy,
                DifferenceToBase = differences[i],
                Trace = CurvatureComparison.Summaries(r)[0],
                TraceDifferenceToBase = curvatureDifferences[0][i],
                TopEigenvalue = CurvatureComparison.Summaries(r)[1],
                TopEigenvalueDifferenceToBase = curvatureDifferences[1][i],
            }),
            Diverged = diverged,
            Unmeasured = unmeasured,
            Run = folder,
        });
        if (context.Cancellation.IsCancellationRequested)
            throw new StoppedException($"{results.Sum(r => r.Runs.Count)} of {methods.Length * seeds.Count} runs are finished and kept in {folder}");
    }

    private static void Warn(CommandContext context, IReadOnlyList<MethodRuns> results, IReadOnlyList<DivergedRun> diverged, IReadOnlyList<UnmeasuredRun> unmeasured)
    {
        foreach (DivergedRun run in diverged)
            context.Output.Warn($"{run.Message}; the comparison is without this run");
        foreach (UnmeasuredRun run in unmeasured)
            context.Output.Warn($"{run.Method}, seed {run.Seed}: its curvature is left out: {run.Message}");
        foreach (MethodRuns runs in results.Where(r => r.Runs.Any(run => run.SkippedSteps > 0)))
            context.Output.Warn($"{runs.Label}: {runs.Runs.Sum(r => r.SkippedSteps)} of {runs.Runs.Sum(r => r.Steps)} steps were left out, since a loss or gradient was not finite");
    }

    private void Show(CommandContext context, IReadOnlyList<MethodRuns> results, IReadOnlyList<PairedDifference?> differences)
    {
        // A narrow terminal shows what the comparison is for, unbroken, and the options below it; the JSON result has the rest.
        bool wide = context.Output.Width >= WideTable;
        string[] columns = ["method", "test accuracy", "difference to base", "95 % interval", "p", "p (Holm)"];
        Table table = wide
            ? CliOutput.NewTable(["method", "options", .. columns[1..], "validation", "gradients", "s a run"])
            : CliOutput.NewTable("method", "test", "to base", "95 %", "p", "Holm");
        foreach ((int i, MethodRuns runs) in results.Index())
        {
            PairedDifference? difference = runs.Method == "base" ? null : differences[i];
            string[] cells =
            [
                Percent(runs.TestAccuracy),
                difference is null ? "" : $"{100 * difference.Mean:+0.0;-0.0;0.0}",
                difference is null || double.IsNaN(difference.Low) ? "" : $"{100 * difference.Low:+0.0;-0.0;0.0} to {100 * difference.High:+0.0;-0.0;0.0}",
                difference?.P is { } p ? $"{p:F3}" : "",
                difference?.PHolm is { } corrected ? $"{corrected:F3}" : "",
            ];
            if (wide)
                table.AddRow([NameOf(context, runs), OptionsOf(runs), .. cells, Percent(runs.ValidationAccuracy), $"{runs.Runs.Average(r => r.GradientEvaluations):F0}", $"{runs.Runs.Average(r => r.Seconds):F1}"]);
            else
                table.AddRow([LabelOf(context, runs), .. cells]);
        }
        if (!wide)
        {
            foreach (TableColumn column in table.Columns.Skip(1))
                column.NoWrap().PadRight(1);
        }
        context.Output.Result(table);
        foreach (MethodRuns runs in wide ? [] : results.Where(r => r.Options.Count > 0))
            context.Output.Result($"{runs.Label}: {OptionsOf(runs)}");
        context.Output.Result("Accuracy in percent, mean +- standard deviation over seeds; differences are paired by seed, in points.");
        if (differences.Any(d => d?.PHolm is not null))
            context.Output.Result("p: paired t-test; Holm: corrected over the methods compared with base. Intervals and p cover the seeds, not the test sample.");
    }

    private string NameOf(CommandContext context, MethodRuns runs) => runs.Method == "base" ? context.Get(_options.Optimizer)! : runs.Method;

    private string LabelOf(CommandContext context, MethodRuns runs) => runs.Method == "base" ? NameOf(context, runs) : runs.Label;

    private static string OptionsOf(MethodRuns runs) => MethodOptionSet.Words(MethodRegistry.Named(runs.Method), runs.Options);

    private static string Percent(Summary summary) => CliOutput.Percent(summary.Mean, summary.StandardDeviation);
}
