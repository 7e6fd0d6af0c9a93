using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Experiments.Comparison;
using Polder.Experiments.Reports;
using Polder.Vision.Training;

namespace Polder.Cli.Training;

/// <summary><c>polder compare</c>: every method on every seed, and how they differ from the base optimizer. Without options the demo.</summary>
internal sealed class CompareCommand : PolderCommand
{
    private readonly CliOption<IReadOnlyList<string>> _methods = MethodVariant.List("base", "wp", "nso", "sam");
    private readonly CliOption<IReadOnlyList<long>> _seeds = CommonOptions.Seeds("0..4");
    private readonly CliOption<string> _budget = OptionOf.Choice(
        "--budget", "what all methods have the same of: epochs, or as many gradients as nso with one pair takes in --epochs", "epochs", "epochs", "gradients");

    private readonly FineTuningOptions _options;
    private readonly CurvatureOptions _curvature;
    private readonly CliOption<string?> _out = CommonOptions.Out("compare");

    public CompareCommand()
        : base("compare", "fine-tune with several methods over several seeds and compare their test accuracy")
    {
        Add(Heading.Method, _methods);
        Add(Heading.Training, _seeds, _budget);
        _options = new FineTuningOptions(this, draws: 2);
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

    protected internal override void Run(CommandContext context)
    {
        _options.Configure(context, _methods);
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

        context.Finish(ComparisonReport.Of(task.Name, results, context.Get(_options.Optimizer)!, diverged, unmeasured, folder));
        if (context.Cancellation.IsCancellationRequested)
            throw new StoppedException($"{results.Sum(r => r.Runs.Count)} of {methods.Length * seeds.Count} runs are finished and kept in {folder}");
    }
}
