using System.CommandLine;

namespace Polder.Cli.Training;

/// <summary><c>polder compare</c>: every method on every seed, and how they differ from the base optimizer. Without options the demo.</summary>
internal sealed class CompareCommand : PolderCommand
{
    private readonly CliOption<IReadOnlyList<string>> _methods = MethodVariant.List("base", "wp", "nso", "sam");
    private readonly CliOption<IReadOnlyList<long>> _seeds = CommonOptions.Seeds("0..4");
    private readonly CliOption<string> _budget = OptionOf.Choice(
        "--budget", "what all methods have the same of: epochs, or as many gradients as nso with one pair takes in --epochs", "epochs", "epochs", "gradients");

    private readonly RecipeOptions _recipe;
    private readonly CurvatureOptions _curvature;
    private readonly CliOption<string?> _out = CommonOptions.Out("compare");

    public CompareCommand()
        : base("compare", "fine-tune with several methods over several seeds and compare their test accuracy")
    {
        Add(Heading.Method, _methods);
        Add(Heading.Training, _seeds, _budget);
        _recipe = new RecipeOptions(this, draws: 2);
        _curvature = new CurvatureOptions(this);
        Add(Heading.Output, _out);
        UseTorch();
        Examples =
        [
            "polder compare",
            "polder compare --methods base,nso,nso+passes=split,nso+every=2 --seeds 0..9",
            "polder compare --data photos --weights resnet20.th --arch resnet20 --methods base,nso --seeds 0..2",
        ];
    }

    protected internal override bool TakesFromFile(Option option, Func<Option, string?> typed) => _recipe.Fits(option, typed(_methods));

    protected internal override void Run(CommandContext context)
    {
        IReadOnlyList<long> seeds = context.Get(_seeds)!;
        Recipe recipe = _recipe.Fill(context, seeds[0]);
        MethodChoice[] methods = _recipe.Methods.Choose(context, context.Get(_methods)!, recipe.IsDemo);
        WeightCurvatureOptions? curvature = _curvature.Choose(context, recipe.IsDemo);
        using RecipeTask task = _recipe.OpenFor(context, recipe, methods);
        using (FineTuningStart first = task.Prepare(seeds[0]))
        {
            context.Output.Info(
                $"{task.Name}: {first.Splits.Train.Count} training, {first.Splits.Validation.Count} validation and {first.Splits.Test.Count} test images; "
                    + $"{methods.Length} methods x {seeds.Count} seeds");
            RecipeOptions.RequireTrainable(context, first, task.Recipe.Training, methods);
        }
        RunFolder folder = context.CreateRunFolder(context.Get(_out));

        ComparisonResult result = context.Output.Track("comparing", methods.Length * seeds.Count, tracker => new ComparisonStudy(task, methods)
        {
            Budget = Enum.Parse<ComparisonBudget>(context.Get(_budget)!, ignoreCase: true),
            Curvature = curvature,
            Note = new Relay<string>(context.Output.Info),
            Progress = new Relay<ComparisonProgress>(p => tracker.Report(
                p.Done, () => $"seed {p.Seed}, {p.Method}: epoch {p.Training.Epoch} of {p.Training.Epochs}, "
                    + $"loss {ResultCell.Readable(p.Training.Loss, "F3")}")),
            Measuring = new Relay<MeasuringProgress>(p => tracker.Report(
                p.Done, () => $"seed {p.Seed}, {p.Method}: {p.Curvature.Figure}, "
                    + $"{p.Curvature.Products} products, {p.Curvature.Value:G4} +- {p.Curvature.Error:G2}")),
        }.Execute(seeds, context.Cancellation));

        context.Finish(ComparisonReport.Of(result, task.Recipe.OptimizerName, folder.Path));
        if (context.Cancellation.IsCancellationRequested)
            throw new StoppedException($"{result.Finished} of {result.Planned} runs are finished and kept in {folder.Path}");
    }
}
