using System.CommandLine;

namespace Polder.Cli.Training;

/// <summary><c>polder tune</c>: validation accuracy over a grid, by which defaults are chosen. The test images are not looked at.</summary>
internal sealed class TuneCommand : PolderCommand
{
    private readonly StudyOptions _study = new("tune", "100..104");
    private readonly RecipeOptions _recipe;
    private readonly CliOption<IReadOnlyList<double>> _shotCounts = OptionOf.Numbers(
        "--shot-counts", "digits: shots a class that the base optimizer is tried with first, where --shots does not say them", [2, 5, 10, 20],
        ValueRange.Between(1, DigitsDemo.MostShots));

    private readonly CliOption<IReadOnlyList<double>> _learningRates = OptionOf.Numbers(
        "--learning-rates", "learning rates that the base optimizer is tried with", [0.05, 0.1, 0.2, 0.4, 0.8], ValueRange.Above(0));

    private readonly CliOption<IReadOnlyList<double>?> _sigmas = OptionOf.OptionalNumbers(
        "--sigmas", "standard deviations that methods with sigma as their first option are tried with", GridText("sigma"), ValueRange.AtLeast(0));

    private readonly CliOption<IReadOnlyList<double>?> _rhos = OptionOf.OptionalNumbers(
        "--rhos", "sizes of the ascent that methods with rho as their first option are tried with", GridText("rho"), ValueRange.AtLeast(0));

    public TuneCommand()
        : base("tune", "choose shots, learning rate, sigma and rho by validation accuracy, with as many tries for each method")
    {
        Add(Heading.Method, _study.Methods);
        Add(Heading.Training, _study.Seeds);
        _recipe = new RecipeOptions(this, draws: 2);
        Add(Heading.Method, _sigmas, _rhos);
        Add(Heading.Training, _learningRates);
        Add(Heading.Data, _shotCounts);
        (Resume, Join) = (_study.Folder.Resume, _study.Folder.Join);
        _study.Folder.AddTo(this);
        UseTorch();
        UseRanks();
        Examples = ["polder tune --seeds 100..104", "polder tune --methods nso,asam --data photos --weights resnet20.th --arch resnet20 --jobs 2"];
    }

    protected internal override bool TakesFromFile(Option option, Func<Option, string?> typed) => _recipe.Fits(option, typed(_study.Methods));

    protected internal override bool IsOfRun(Option option) => _study.IsOfRun(option, _recipe.Methods);

    protected internal override void Run(CommandContext context)
    {
        StudyPlan? kept = _study.PlanOf(context);
        IReadOnlyList<long> seeds = _study.SeedsOf(context, kept);
        Recipe recipe = _recipe.Fill(context, seeds[0]);
        MethodChoice[] methods = _study.MethodsOf(context, kept, _recipe.Methods, DigitsDemo.ShotsOf(recipe), swept: true);
        _study.Folder.ShareProcessors(context, recipe.Threads);
        using RecipeTask opened = _recipe.OpenFor(context, recipe, methods);
        TrainingOptions training = opened.Recipe.Training;
        if (training.Epochs == 0)
            throw new SettingException("epochs", "0", "a whole number >= 1: a fitted head alone has no learning rate to tune, and {head-l2} auto tunes itself");
        using (FineTuningStart first = opened.Prepare(seeds[0]))
            RecipeOptions.RequireTrainable(context, first, training, methods);
        IReadOnlyList<double> rates = context.Get(_learningRates)!,
            counts = recipe is { IsDemo: true, Data.Shots: null } ? [.. context.Get(_shotCounts)!.Order()] : [];
        // Not the demo's default, which whoever goes on with the folder would take for a number that was asked for.
        if (counts.Count > 0)
            context.SetEffective(FieldOption.Spell("shots"), null);
        using StudySession session = _study.Begin(context, kept, StudyPlan.Of(methods, seeds, opened), opened);
        using var features = new FeatureCache();
        int total = counts.Count + rates.Count + methods.Sum(m => GridOf(context, m).Count);
        var rows = new List<TuningPoint>();
        try
        {
            context.Output.Track("tuning", total * seeds.Count, Tune);
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            throw session.Stopped(Name, rows.Count * seeds.Count, $"at least {total * seeds.Count}");
        }
        if (JobProcesses.IsJob || !context.Writes)
            return; // who started it shows the result
        context.Finish(ResultOf(opened.Name, rows, seeds.Count));
        ReportPages.Of(session.Folder.Path).Write(session.Folder.Page);

        void Tune(IProgressTracker tracker)
        {
            RecipeTask task = opened;
            MethodChoice plain = MethodChoice.Create("base");
            if (counts.Count > 0)
            {
                Try(tracker, [.. counts.Select(count =>
                    new Trial(TuningPoint.Shots, $"{(int)count} shots, base", count, opened.WithShots((int)count), plain, training))]);
                task = opened.WithShots((int)TuningPoint.FirstAbove(rows, TuningPoint.EnoughAccuracy).Value);
                _recipe.ShowEffective(context, task.Recipe);
            }
            Try(tracker, [.. rates.Select(rate => new Trial("base", $"learning rate {rate}", rate, task, plain, training with { LearningRate = rate }))]);
            // All methods get the base optimizer's best learning rate.
            TrainingOptions tuned = training with { LearningRate = TuningPoint.Best([.. rows.Where(r => r.Method == "base")]).Value };
            Try(tracker, [.. methods.SelectMany(method => GridOf(context, method), (method, value) =>
                new Trial(method.Label, $"{method.Entry.Options[0].Name} {value}", value, task, method.With(method.Entry.Options[0].Name, value), tuned))]);
        }

        // Those that do not wait for each other are done together: side by side, where there are several jobs.
        void Try(IProgressTracker tracker, IReadOnlyList<Trial> trials)
        {
            ComparisonStudy[] studies =
            [
                .. trials.Select(t => new ComparisonStudy(t.Task, [t.Method], t.Training) { Folder = session.Cells, Features = features }),
            ];
            new CellRunner(session.Cells) { Progress = StudySession.Show(tracker, rows.Count * seeds.Count) }
                .Run([.. studies.SelectMany(study => study.CellsOf(seeds))], context.Cancellation);
            foreach ((Trial trial, ComparisonStudy study) in trials.Zip(studies))
            {
                IReadOnlyList<MethodRuns> runs = [];
                int diverged = seeds.Count;
                try
                {
                    ComparisonResult result = study.Execute(seeds, context.Cancellation);
                    (runs, diverged) = (result.Methods, result.Diverged.Count);
                }
                catch (TrainingDivergedException)
                {
                    // On every seed: that is what the grid shows of this point, and the others are still of use.
                }
                rows.Add(TuningPoint.Of(trial.Name, trial.Label, trial.Value, runs is [var only] ? only.Runs : [], diverged));
            }
        }
    }

    private sealed record Trial(string Name, string Label, double Value, RecipeTask Task, MethodChoice Method, TrainingOptions Training);

    internal static Result ResultOf(string task, IReadOnlyList<TuningPoint> rows, int seeds) =>
        new(new { Task = task, Grid = rows }) { Blocks = [.. Shown(rows, seeds)] };

    private static IEnumerable<ResultBlock> Shown(IReadOnlyList<TuningPoint> rows, int seeds)
    {
        IReadOnlyList<TuningPoint> best = TuningPoint.Chosen(rows);
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
