using System.CommandLine;

namespace Polder.Cli.Training;

/// <summary><c>polder tune</c>: validation accuracy over a grid, by which defaults are chosen. The test images are not looked at.</summary>
internal sealed class TuneCommand : PolderCommand
{
    private readonly RecipeOptions _recipe;
    private readonly CliOption<IReadOnlyList<long>> _seeds = CommonOptions.Seeds("100..104");
    private readonly CliOption<IReadOnlyList<double>> _shotCounts = OptionOf.Numbers(
        "--shot-counts", "digits: shots a class that the base optimizer is tried with first, where --shots does not say them", [2, 5, 10, 20],
        ValueRange.Between(1, DigitsDemo.MostShots));

    private readonly CliOption<IReadOnlyList<double>> _learningRates = OptionOf.Numbers(
        "--learning-rates", "learning rates that the base optimizer is tried with", [0.05, 0.1, 0.2, 0.4, 0.8], ValueRange.Above(0));

    private readonly CliOption<IReadOnlyList<string>> _methods = MethodVariant.List("base", "wp", "nso", "sam");
    private readonly CliOption<IReadOnlyList<double>?> _sigmas = OptionOf.OptionalNumbers(
        "--sigmas", "standard deviations that methods with sigma as their first option are tried with", GridText("sigma"), ValueRange.AtLeast(0));

    private readonly CliOption<IReadOnlyList<double>?> _rhos = OptionOf.OptionalNumbers(
        "--rhos", "sizes of the ascent that methods with rho as their first option are tried with", GridText("rho"), ValueRange.AtLeast(0));

    // A task that fewer images leave to chance, and more images solve, compares nothing.
    private const double EnoughAccuracy = 0.85;

    public TuneCommand()
        : base("tune", "choose shots, learning rate, sigma and rho by validation accuracy, with as many tries for each method")
    {
        Add(Heading.Method, _methods);
        Add(Heading.Training, _seeds);
        _recipe = new RecipeOptions(this, draws: 2);
        Add(Heading.Method, _sigmas, _rhos);
        Add(Heading.Training, _learningRates);
        Add(Heading.Data, _shotCounts);
        UseTorch();
        Examples = ["polder tune --seeds 100..104", "polder tune --methods nso,asam --data photos --weights resnet20.th --arch resnet20"];
    }

    protected internal override bool TakesFromFile(Option option, Func<Option, string?> typed) => _recipe.Fits(option, typed(_methods));

    protected internal override void Run(CommandContext context)
    {
        IReadOnlyList<long> seeds = context.Get(_seeds)!;
        Recipe recipe = _recipe.Fill(context, seeds[0]);
        MethodChoice[] methods = [.. _recipe.Methods.Choose(context, context.Get(_methods)!, recipe.IsDemo, swept: true)
            .Where(m => m.Entry.TuningGrid.Count > 0)];
        using RecipeTask opened = _recipe.OpenFor(context, recipe, methods);
        TrainingOptions training = opened.Recipe.Training;
        using (FineTuningStart first = opened.Prepare(seeds[0]))
            RecipeOptions.RequireTrainable(context, first, training, methods);

        RecipeTask task = opened;
        var rows = new List<TuningPoint>();
        MethodChoice plain = MethodChoice.Create("base");
        context.Output.Track("tuning", 1, tracker =>
        {
            IReadOnlyList<double> rates = context.Get(_learningRates)!;
            int total = rates.Count + methods.Sum(m => GridOf(context, m).Count);
            if (recipe is { IsDemo: true, Data.Shots: null })
            {
                IReadOnlyList<double> counts = context.Get(_shotCounts)!;
                total += counts.Count;
                foreach (double count in counts.Order())
                {
                    task = opened.WithShots((int)count);
                    Try("shots", plain, training, $"{(int)count} shots, base", count);
                }
                task = opened.WithShots((int)TuningPoint.FirstAbove(rows, EnoughAccuracy).Value);
                _recipe.ShowEffective(context, task.Recipe);
            }
            foreach (double rate in rates)
                Try("base", plain, training with { LearningRate = rate }, $"learning rate {rate}", rate);
            // All methods get the base optimizer's best learning rate.
            double best = TuningPoint.Best([.. rows.Where(r => r.Method == "base")]).Value;
            TrainingOptions tuned = training with { LearningRate = best };
            foreach (MethodChoice method in methods)
            {
                string option = method.Entry.Options[0].Name;
                foreach (double value in GridOf(context, method))
                    Try(method.Label, method.With(option, value), tuned, $"{option} {value}", value);
            }

            void Try(string name, MethodChoice method, TrainingOptions with, string label, double value)
            {
                tracker.Report((double)rows.Count / total, () => $"{name}, {label}");
                IReadOnlyList<MethodRuns> runs = [];
                int diverged = seeds.Count;
                try
                {
                    ComparisonResult result = new ComparisonStudy(task, [method], with).Execute(seeds, context.Cancellation);
                    (runs, diverged) = (result.Methods, result.Diverged.Count);
                }
                catch (TrainingDivergedException)
                {
                    // On every seed: that is what the grid shows of this point, and the others are still of use.
                }
                context.Cancellation.ThrowIfCancellationRequested();
                rows.Add(TuningPoint.Of(name, label, value, runs is [var only] ? only.Runs : [], diverged));
            }
        });

        context.Finish(ResultOf(opened.Name, rows, seeds.Count));
    }

    internal static Result ResultOf(string task, IReadOnlyList<TuningPoint> rows, int seeds) =>
        new(new { Task = task, Grid = rows }) { Blocks = [.. Shown(rows, seeds)] };

    private static IEnumerable<ResultBlock> Shown(IReadOnlyList<TuningPoint> rows, int seeds)
    {
        TuningPoint[] best = [.. rows.GroupBy(r => r.Method)
            .Select(same => same.Key == "shots" ? TuningPoint.FirstAbove([.. same], EnoughAccuracy) : TuningPoint.Best([.. same]))];
        yield return ResultTable.Of(
            "grid",
            [
                "method", "setting", new("value") { In = ResultPlace.Programs },
                new("validation accuracy", "validationAccuracy", "validationAccuracyStandardDeviation"), "validation loss", "diverged",
                "chosen",
            ],
            rows,
            row =>
            {
                bool ran = row.Validation.Count > 0, chosen = ran && best.Any(b => ReferenceEquals(b, row));
                return
                [
                    row.Method, row.Setting, new("", row.Value), ran ? ResultCell.Percent(row.Validation.Mean, row.Validation.StandardDeviation)
                        : ResultCell.None,
                    ran ? ResultCell.Of(row.Loss, "F3") : ResultCell.None, new(row.Diverged > 0 ? $"{row.Diverged} of {seeds}" : "", row.Diverged),
                    new(chosen ? "*" : "", chosen),
                ];
            });
        foreach (TuningPoint row in best.Where(b => b.Diverged > 0))
            yield return new ResultNote($"{row.Method}: at every value tried a training diverged; "
                + $"{row.Setting} did on {row.Diverged} of {seeds} seeds, fewest of all")
            { IsWarning = true };
    }

    private IReadOnlyList<double> GridOf(CommandContext context, MethodChoice method) => method.Entry.Options[0].Name switch
    {
        "sigma" => context.Get(_sigmas) ?? method.Entry.TuningGrid,
        "rho" => context.Get(_rhos) ?? method.Entry.TuningGrid,
        _ => method.Entry.TuningGrid,
    };

    private static string GridText(string option) => string.Join("; ", MethodRegistry.All
        .Where(m => m.TuningGrid.Count > 0 && m.Options[0].Name == option)
        .GroupBy(m => string.Join(',', m.TuningGrid.Select(value => MethodOption.Text(value))))
        .Select(g => $"{string.Join(", ", g.Select(m => m.Name))} {g.Key}"));
}
