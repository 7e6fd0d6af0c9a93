using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Cli.Output;
using Polder.Experiments.Comparison;
using Polder.Vision.Training;
using Spectre.Console;

namespace Polder.Cli.Commands;

/// <summary><c>polder tune</c>: validation accuracy over a grid, by which defaults are chosen. The test images are not looked at.</summary>
internal sealed class TuneCommand : PolderCommand
{
    private readonly FineTuningOptions _options;
    private readonly CliOption<IReadOnlyList<long>> _seeds = CommonOptions.Seeds("100..104");
    private readonly CliOption<IReadOnlyList<double>> _shotCounts = OptionOf.Numbers(
        "--shot-counts", "digits: shots a class that the base optimizer is tried with first, where --shots does not say them", [2, 5, 10, 20],
        ValueRange.Between(1, DigitsTask.MostShots));

    private readonly CliOption<IReadOnlyList<double>> _learningRates = OptionOf.Numbers(
        "--learning-rates", "learning rates that the base optimizer is tried with", [0.05, 0.1, 0.2, 0.4, 0.8], ValueRange.Above(0));

    private readonly CliOption<IReadOnlyList<double>> _sigmas = OptionOf.Numbers(
        "--sigmas", "standard deviations that wp and nso are tried with", [0.005, 0.01, 0.02, 0.04, 0.08], ValueRange.AtLeast(0));

    private readonly CliOption<IReadOnlyList<double>> _rhos = OptionOf.Numbers(
        "--rhos", "radii that sam is tried with", [0.1, 0.2, 0.5, 1, 2], ValueRange.AtLeast(0));

    // A task that fewer images leave to chance, and more images solve, compares nothing.
    private const double EnoughAccuracy = 0.85;

    public TuneCommand()
        : base("tune", "choose shots, learning rate, sigma and rho by validation accuracy, with an equal grid for each method")
    {
        _options = new FineTuningOptions(this, draws: 2);
        Add(_seeds);
        Add(_shotCounts);
        Add(_learningRates);
        Add(_sigmas);
        Add(_rhos);
        UseTorch();
        Examples = ["polder tune --seeds 100..104"];
    }

    protected internal override void Run(CommandContext context)
    {
        context.RequireCpu();
        IReadOnlyList<long> seeds = context.Get(_seeds)!;
        TrainingOptions training = _options.Training(context, seeds[0]);
        IFineTuningTask task = _options.OpenTask(context);
        using var owner = task as IDisposable;
        using (FineTuningCase first = task.Prepare(seeds[0]))
            FineTuningOptions.RequireRightConvolutions(context, first);

        var rows = new List<TuningRow>();
        int draws = context.Get(_options.Draws), pairs = context.Get(_options.Pairs);
        context.Output.Track("tuning", 1, tracker =>
        {
            IReadOnlyList<double> rates = context.Get(_learningRates)!, sigmas = context.Get(_sigmas)!, rhos = context.Get(_rhos)!;
            int total = rates.Count + (2 * sigmas.Count) + rhos.Count;
            if (task is DigitsTask digits && !context.IsGiven(_options.Shots))
            {
                IReadOnlyList<double> counts = context.Get(_shotCounts)!;
                total += counts.Count;
                foreach (double count in counts.Order())
                {
                    task = digits.WithShots((int)count);
                    Try("shots", new MethodOptions(), training, $"{(int)count} shots, base", count);
                }
                double chosen = rows.FirstOrDefault(r => r.Validation.Mean >= EnoughAccuracy, rows[^1]).Value;
                task = digits.WithShots((int)chosen);
                context.SetEffective(_options.Shots, (int)chosen);
            }
            foreach (double rate in rates)
                Try("base", new MethodOptions(), training with { LearningRate = rate }, $"learning rate {rate}", rate);
            // All methods get the base optimizer's best learning rate.
            double best = rows.Where(r => r.Method == "base").MaxBy(r => (r.Validation.Mean, -r.Loss))!.Value;
            TrainingOptions tuned = training with { LearningRate = best };
            foreach (double sigma in sigmas)
                Try("wp", new MethodOptions(Sigma: sigma, Draws: draws), tuned, $"sigma {sigma}", sigma);
            foreach (double sigma in sigmas)
                Try("nso", new MethodOptions(Sigma: sigma, Pairs: pairs), tuned, $"sigma {sigma}", sigma);
            foreach (double rho in rhos)
                Try("sam", new MethodOptions(Rho: rho), tuned, $"rho {rho}", rho);

            void Try(string name, MethodOptions options, TrainingOptions with, string label, double value)
            {
                tracker.Report((double)rows.Count / total, () => $"{name}, {label}");
                IReadOnlyList<MethodRuns> runs = new ComparisonStudy(task, [MethodChoice.Create(name == "shots" ? "base" : name, options)], with).Execute(seeds, context.Cancellation);
                context.Cancellation.ThrowIfCancellationRequested();
                rows.Add(new TuningRow(name, label, value, runs[0].ValidationAccuracy, runs[0].Runs.Average(r => r.ValidationLoss)));
            }
        });

        Table table = CliOutput.NewTable("method", "setting", "validation accuracy", "validation loss", "chosen");
        foreach (TuningRow row in rows)
        {
            TuningRow[] same = [.. rows.Where(r => r.Method == row.Method)];
            bool isBest = row == (row.Method == "shots"
                ? same.FirstOrDefault(r => r.Validation.Mean >= EnoughAccuracy, same[^1])
                : same.MaxBy(r => (r.Validation.Mean, -r.Loss)));
            table.AddRow(row.Method, row.Setting, $"{100 * row.Validation.Mean:F1} +- {100 * row.Validation.StandardDeviation:F1}", $"{row.Loss:F3}", isBest ? "*" : "");
        }
        context.Output.Result(table);
        context.Finish(new { Task = task.Name, Grid = rows });
    }

    /// <summary>One point of the grid.</summary>
    private sealed record TuningRow(string Method, string Setting, double Value, Summary Validation, double Loss);
}
