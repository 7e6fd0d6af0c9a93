using System.CommandLine;

namespace Polder.Cli.Training;

/// <summary><c>polder compare</c>: every method on every seed, and how they differ from the base optimizer. Without options the demo.</summary>
internal sealed class CompareCommand : PolderCommand
{
    // Of 20 runs of a few seconds, beside two or three to start a process.
    private const int MostDemoJobs = 4;

    private readonly StudyOptions _study = new("compare", "0..4", $"without options one a processor, {MostDemoJobs} at most");
    private readonly CliOption<string> _budget = OptionOf.Choice(
        "--budget",
        "what all methods have the same of: epochs, as many gradients as nso with one pair takes in --epochs, or the seconds that base takes (steps measured)",
        "epochs", "epochs", "gradients", "seconds");

    private readonly RecipeOptions _recipe;
    private readonly CurvatureOptions _curvature;

    public CompareCommand()
        : base("compare", "fine-tune with several methods over several seeds and compare their test accuracy")
    {
        Add(Heading.Method, _study.Methods);
        Add(Heading.Training, _study.Seeds, _budget);
        _recipe = new RecipeOptions(this, draws: 2);
        _curvature = new CurvatureOptions(this);
        (Resume, Join) = (_study.Folder.Resume, _study.Folder.Join);
        _study.Folder.AddTo(this);
        UseTorch();
        UseRanks();
        Examples =
        [
            "polder compare",
            "polder compare --methods base,nso,nso+passes=split,nso+every=2 --seeds 0..9",
            "polder compare --data photos --weights resnet20.th --arch resnet20 --methods base,nso --seeds 0..2 --jobs 2",
            "polder compare --resume runs/compare-1 --seeds 5..9 --methods sam",
        ];
    }

    protected internal override bool TakesFromFile(Option option, Func<Option, string?> typed) => _recipe.Fits(option, typed(_study.Methods));

    protected internal override bool IsOfRun(Option option) => _study.IsOfRun(option, _recipe.Methods);

    protected internal override void Run(CommandContext context)
    {
        StudyPlan? kept = _study.PlanOf(context);
        IReadOnlyList<long> seeds = _study.SeedsOf(context, kept);
        Recipe recipe = _recipe.Fill(context, seeds[0]);
        bool digits = recipe.IsDemo && recipe.Data.Shots is null;
        if (digits)
            recipe = DigitsDemo.ForComparison(recipe);
        MethodChoice[] methods = _study.MethodsOf(context, kept, _recipe.Methods, DigitsDemo.ShotsOf(recipe));
        WeightCurvatureOptions? curvature = _curvature.Choose(context, recipe.IsDemo, digits ? DigitsDemo.ComparisonLoss : null);
        _study.Folder.ShareProcessors(context, recipe.Threads);
        using RecipeTask task = _recipe.OpenFor(context, recipe, methods);
        ComparisonBudget budget = Enum.Parse<ComparisonBudget>(context.Get(_budget)!, ignoreCase: true);
        if (task.Recipe.Training.Epochs == 0 && budget != ComparisonBudget.Epochs)
            throw new SettingException("budget", $"{context.Get(_budget)}", "epochs with {epochs} 0, which takes no steps");
        if (task.Recipe.Training.Epochs == 0 && methods.Length > 1)
            context.Output.Warn("no method takes a step in 0 epochs: all of them end with the fitted head");
        using (FineTuningStart first = task.Prepare(seeds[0]))
        {
            context.Output.Info(
                $"{task.Name}: {first.Splits.Train.Count} training, {first.Splits.Validation.Count} validation and {first.Splits.Test.Count} test images; "
                    + $"{methods.Length} methods x {seeds.Count} seeds");
            RecipeOptions.RequireTrainable(context, first, task.Recipe.Training, methods);
        }
        // The demo's runs are of one thread and small, so that every processor can have one.
        int ownJobs = digits ? Math.Clamp(Environment.ProcessorCount, 1, MostDemoJobs) : 1;
        using StudySession session = _study.Begin(context, kept, StudyPlan.Of(methods, seeds, task), task, ownJobs);
        using var features = new FeatureCache();
        // What was finished before took no time now. The runs of a budget of seconds are not known yet.
        int done = budget == ComparisonBudget.Seconds ? 0 : Study(null).CellsOf(seeds).Count(session.Cells.Has);
        ComparisonResult result = context.Output.Track("comparing", Math.Max(1, (methods.Length * seeds.Count) - done), tracker =>
            Study(StudySession.Show(tracker, -done)).Execute(seeds, context.Cancellation));
        if (JobProcesses.IsJob || !context.Writes)
            return; // who started it shows the result
        context.Finish(ComparisonReport.Of(result, task.Recipe.OptimizerName, session.Folder.Path));
        ReportPages.Of(session.Folder.Path).Write(session.Folder.Page);
        ComparisonEvents.Write(result, session.Folder.In(ComparisonEvents.FolderName), new Dictionary<string, object>
        {
            ["learning rate"] = task.Recipe.Training.LearningRate,
            ["epochs"] = task.Recipe.Training.Epochs,
            ["optimizer"] = task.Recipe.OptimizerName,
        }, new DateTimeOffset(File.GetLastWriteTimeUtc(session.Folder.ConfigurationFile), TimeSpan.Zero));
        if (context.Cancellation.IsCancellationRequested)
            throw session.Stopped(Name, result.Finished, $"{result.Planned}");

        ComparisonStudy Study(IProgress<CellsProgress>? progress) =>
            new(task, methods)
            {
                Budget = budget,
                Curvature = curvature,
                Features = features,
                Folder = session.Cells,
                Cells = progress,
                Note = new Relay<string>(context.Output.Info),
            };
    }
}
