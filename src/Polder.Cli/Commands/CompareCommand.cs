using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Cli.Output;
using Polder.Experiments.Comparison;
using Polder.Vision.Training;
using Spectre.Console;

namespace Polder.Cli.Commands;

/// <summary><c>polder compare</c>: every method on every seed, and how they differ from the base optimizer. Without options the demo.</summary>
internal sealed class CompareCommand : PolderCommand
{
    private readonly CliOption<IReadOnlyList<string>> _methods = CommonOptions.Methods(MethodChoice.Names, MethodChoice.Names);
    private readonly CliOption<IReadOnlyList<long>> _seeds = CommonOptions.Seeds("0..4");
    private readonly FineTuningOptions _options;
    private readonly CliOption<string?> _out = CommonOptions.Out("compare");

    public CompareCommand()
        : base("compare", "fine-tune with several methods over several seeds and compare their test accuracy")
    {
        Add(_methods);
        Add(_seeds);
        _options = new FineTuningOptions(this, draws: 2);
        Add(_out);
        UseTorch();
        Examples =
        [
            "polder compare",
            "polder compare --data photos --weights resnet20.th --arch resnet20 --methods base,nso --seeds 0..2",
        ];
    }

    protected internal override void Run(CommandContext context)
    {
        context.RequireCpu();
        MethodChoice[] methods = [.. context.Get(_methods)!.Select(name => _options.Method(context, name))];
        _options.SetEffective(context, methods);
        IReadOnlyList<long> seeds = context.Get(_seeds)!;
        TrainingOptions training = _options.Training(context, seeds[0]);
        IFineTuningTask task = _options.OpenTask(context);
        using var owner = task as IDisposable;
        using (FineTuningCase first = task.Prepare(seeds[0]))
        {
            context.Output.Info(
                $"{task.Name}: {first.Splits.Train.Count} training, {first.Splits.Validation.Count} validation and {first.Splits.Test.Count} test images; {methods.Length} methods x {seeds.Count} seeds");
            FineTuningOptions.RequireRightConvolutions(context, first);
        }
        string folder = context.CreateRunFolder(context.Get(_out));

        IReadOnlyList<MethodRuns> results = context.Output.Track("comparing", methods.Length * seeds.Count, tracker =>
            new ComparisonStudy(task, methods, training)
            {
                Progress = new Relay<ComparisonProgress>(p => tracker.Report(
                    p.Done, () => $"seed {p.Seed}, {p.Method}: epoch {p.Training.Epoch} of {p.Training.Epochs}, loss {p.Training.Loss:F3}")),
            }.Execute(seeds, context.Cancellation));

        MethodRuns? reference = results.FirstOrDefault(r => r.Method == "base");
        if (results.Count > 0)
            Show(context, results, reference);
        context.Finish(new
        {
            Task = task.Name,
            Results = results.Select(r => new
            {
                r.Method,
                r.Options,
                r.Runs,
                r.TestAccuracy,
                DifferenceToBase = reference is null ? null : r.DifferenceTo(reference),
            }),
            Run = folder,
        });
        if (context.Cancellation.IsCancellationRequested)
            throw new StoppedException($"{results.Sum(r => r.Runs.Count)} of {methods.Length * seeds.Count} runs are finished and kept in {folder}");
    }

    private void Show(CommandContext context, IReadOnlyList<MethodRuns> results, MethodRuns? reference)
    {
        Table table = CliOutput.NewTable("method", "options", "test accuracy", "difference to base", "95 % interval", "p", "validation", "gradients", "s a run");
        foreach (MethodRuns runs in results)
        {
            PairedDifference? difference = reference is null || runs == reference ? null : runs.DifferenceTo(reference);
            table.AddRow(
                runs.Method == "base" ? context.Get(_options.Optimizer)! : runs.Method,
                string.Join(", ", runs.Options.Select(o => $"{o.Key} {o.Value}")),
                Percent(runs.TestAccuracy),
                difference is null ? "" : $"{100 * difference.Mean:+0.0;-0.0;0.0}",
                difference is null || double.IsNaN(difference.Low) ? "" : $"{100 * difference.Low:+0.0;-0.0;0.0} to {100 * difference.High:+0.0;-0.0;0.0}",
                difference?.P is { } p ? $"{p:F3}" : "",
                Percent(runs.ValidationAccuracy),
                $"{runs.Runs.Average(r => r.GradientEvaluations):F0}",
                $"{runs.Runs.Average(r => r.Seconds):F1}");
        }
        context.Output.Result(table);
        context.Output.Result("Accuracy in percent, mean +- standard deviation over seeds; differences are paired by seed, in points.");
    }

    private static string Percent(Summary summary) => double.IsNaN(summary.StandardDeviation)
        ? $"{100 * summary.Mean:F1}"
        : $"{100 * summary.Mean:F1} +- {100 * summary.StandardDeviation:F1}";
}
