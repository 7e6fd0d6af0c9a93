using System.CommandLine;

namespace Polder.Cli.Training;

/// <summary><c>polder finetune</c>: one method on one seed, with a run folder that keeps the best weights.</summary>
internal sealed class FinetuneCommand : PolderCommand
{
    private readonly RecipeOptions _recipe;
    private readonly CliOption<string> _method = CommonOptions.Method("nso", MethodRegistry.Names);
    private readonly CliOption<long> _seed = CommonOptions.Seed();
    private readonly CliOption<string?> _out = CommonOptions.Out("finetune");
    private readonly CliFlag _noReport = new(
        "--no-report", "write no report.html and no predictions.json.gz, and spare the pass over the training images that they need");

    private readonly CliOption<int?> _checkpointEvery = OptionOf.OptionalCount(
        "--checkpoint-every", "steps after which the state for --resume is written, beside the end of each epoch", "the end of an epoch only",
        ValueRange.AtLeast(1));

    public FinetuneCommand()
        : base("finetune", "fine-tune a network on your images and keep what is best on its validation images")
    {
        Add(Heading.Method, _method);
        _recipe = new RecipeOptions(this, draws: 1, ofOneRun: true);
        Add(Heading.Training, _seed);
        Add(Heading.Output, _out, _noReport);
        Resume = OptionOf.Text(
            "--resume", "DIR", "go on with the run of a folder where it was stopped, with its settings", "a run folder of an earlier finetune", null, "");
        Add(Heading.Running, Resume, _checkpointEvery);
        UseTorch();
        UseRanks(trains: true);
        Examples =
        [
            "polder finetune",
            "polder finetune --data photos --weights resnet20.th --arch resnet20 --sigma 0.01",
            "polder finetune --resume runs/finetune-1",
            "polder finetune --config runs/finetune-1/config.json --seed 1",
        ];
    }

    protected internal override bool TakesFromFile(Option option, Func<Option, string?> typed) => _recipe.Fits(option, typed(_method));

    protected internal override void Run(CommandContext context)
    {
        using IDisposable? before = context.Writes ? context.Folder?.Hold() : null;
        RequireRanks(context);
        Recipe recipe = _recipe.Fill(context, context.Get(_seed));
        recipe = recipe with { Method = _recipe.Methods.Choose(context, [context.Get(_method)!], DigitsDemo.ShotsOf(recipe))[0] };
        recipe.Validate();
        using RecipeTask task = _recipe.Open(context, recipe);
        if (context.Folder is { } resumed && task.FollowOrder(resumed))
            context.Output.Info($"{task.Name}: classes are in the order of the run {resumed.Path}");
        using FineTuningStart start = task.Prepare(recipe.Seed);
        Say(context, task, start);
        int duplicates = RecipeOptions.WarnOfDuplicates(context, start.Splits).Count;
        RecipeOptions.RequireTrainable(context, start, task.Recipe.Training, task.Recipe.Method);
        var training = new FineTuning(task.Recipe, start)
        {
            CheckpointEvery = context.Get(_checkpointEvery) ?? 0,
            Ranks = context.Job?.Ranks,
            Runner = context.Job is { } job ? (model, batchNorm) => job.RunnerOf(model, Sharing(context, batchNorm), () => context.WantsToStop) : null,
        };
        training.RequireAgreement(
            RankedJob.Code(), ("way of sharing", RankAgreement.HashOf($"{context.Get(Ranks!.BatchParts)} {context.Get(Ranks.Reproducible)}")));
        if (!context.Writes)
        {
            training.Folder = context.Folder; // to go on from
            context.Together(() => training.Train(context.Cancellation));
            return;
        }
        RunFolder folder = context.Folder ?? context.CreateRunFolder(context.Get(_out));
        using IDisposable hold = folder.Hold();

        TrainingResult result = context.Together(() => Train(context, training, task.Recipe, folder));
        ClassificationMetrics test = Test(context, training, folder);
        RunPlots.Write(context, folder, result.Epochs, start.Classifier.Classes, test.Confusion);
        bool averages = task.Recipe.Training.Averaging is { Kind: not AveragingKind.None };
        string head = result.HeadFit is null ? HeadOf(start.Classifier) : "fitted";
        bool page = !context.Get(_noReport);
        if (page)
            Judge(context, training, start);
        context.Finish(ResultOf(task.Recipe.Method, result, test, duplicates, folder.Path, head, averages, task.Recipe.Training.Keep, page));
        if (page)
            ReportPages.Of(folder.Path, splits: start.Splits).Write(folder.Page);
    }

    private void RequireRanks(CommandContext context)
    {
        foreach (Option option in (Option[])[Ranks!.BatchParts, Ranks.Reproducible])
            if (context.Job is null && context.IsGiven(option) && (option is not CliFlag flag || context.Get(flag)))
                throw new UserErrorException($"{option.Name}: allowed only with {RankSettings.Name}");
    }

    private RankOptions Sharing(CommandContext context, BatchNormPolicy batchNorm) => new()
    {
        Parts = context.Get(Ranks!.BatchParts),
        Reproducible = context.Get(Ranks.Reproducible),
        BatchNorm = batchNorm,
        Note = new Relay<string>(context.Output.Info),
    };

    internal static Result ResultOf(MethodChoice method, TrainingResult result, ClassificationMetrics test, int duplicates, string folder,
        string? head = null, bool averages = false, KeptWeights keep = KeptWeights.Best, bool page = true) => new(new
        {
            Method = method.Name,
            Options = MethodOptionSet.Members(method.Options),
            Best = new { result.Best.Epoch, result.Best.ValidationAccuracy },
            Test = new { test.Accuracy, test.Loss, test.Count },
            result.Steps,
            result.GradientEvaluations,
            result.SkippedSteps,
            result.SecondsPerStep,
            result.HeadFit,
            result.Refit,
            Duplicates = duplicates,
            Head = head,
            Run = folder,
        })
        { Blocks = [.. Shown(method, result, test, folder, averages, keep, page)] };

    private static string HeadOf(TrainedClassifier start) => start.HasNewHead ? "new" : start.HasReorderedHead ? "reordered" : "kept";

    private static void Say(CommandContext context, RecipeTask task, FineTuningStart start)
    {
        DataSplits splits = start.Splits;
        int classes = start.Classifier.Classes.Count;
        context.Output.Info($"{task.Name}: {classes} classes, {splits.Train.Count} training, "
            + $"{splits.Validation.Count} validation and {splits.Test.Count} test images");
        if (start.Classifier.Load is { } load)
        {
            context.Output.Info($"weights: {load.Loaded.Count} tensors loaded; "
                + (task.Recipe.Training.HeadSolver != HeadSolver.None ? $"head fitted to {classes} classes"
                    : start.Classifier.HasNewHead ? $"new head for {classes} classes"
                    : $"head kept{(start.Classifier.HasReorderedHead ? ", its classes matched by name" : "")}"));
            ImageReading.SayOf(context, start.Classifier);
            context.Output.Verbose(load.ToString());
        }
    }

    private static TrainingResult Train(CommandContext context, FineTuning training, Recipe recipe, RunFolder folder)
    {
        int epochs = recipe.Training.Epochs, passes = recipe.Refit == Refit.All ? 2 : 1;
        training.Folder = folder;
        training.Note = new Relay<string>(context.Output.Info);
        try
        {
            return context.Output.Track(recipe.Method.Name, passes * epochs, tracker =>
            {
                training.Progress = new Relay<TrainingProgress>(p => tracker.Report(
                    epochs * ((training.IsRefitting ? 1 : 0) + (double)p.Step / p.Steps),
                    () => $"{(training.IsRefitting ? "all images, " : "")}epoch {p.Epoch} of {p.Epochs}, loss {ResultCell.Readable(p.Loss, "F3")}"
                        + $"{(double.IsNaN(p.ValidationAccuracy) || training.IsRefitting ? "" : $", validation {p.ValidationAccuracy:P1}")}, "
                        + $"{p.ImagesPerSecond:F0} images/s"));
                return training.Train(context.Cancellation);
            });
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            throw new StoppedException(training.IsRefitting
                ? $"the first training is finished and {folder.Path} keeps its best weights; that on all images is not: polder finetune --resume {folder.Path} "
                    + "goes on"
                : training.FinishedEpochs == 0
                ? $"no epoch was finished, {folder.Path} holds the settings; polder finetune --resume {folder.Path} goes on"
                : !File.Exists(folder.Best)
                ? $"{training.FinishedEpochs} of {epochs} epochs are finished and none is validated; polder finetune --resume {folder.Path} goes on"
                : $"{folder.Path} keeps the best weights and metrics of {training.FinishedEpochs} of {epochs} epochs; "
                    + $"polder finetune --resume {folder.Path} goes on");
        }
    }

    private static ClassificationMetrics Test(CommandContext context, FineTuning training, RunFolder folder)
    {
        try
        {
            return training.Test(context.Cancellation);
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            throw new StoppedException(
                $"the training is finished and {folder.Path} keeps its best weights; "
                    + $"only the test is missing: polder finetune --resume {folder.Path} makes it");
        }
    }

    private static void Judge(CommandContext context, FineTuning training, FineTuningStart start)
    {
        int count = start.Splits.Train.Count;
        try
        {
            context.Output.Track("judging training images", count, tracker => training.KeepPredictions(
                new Relay<int>(done => tracker.Report(done, () => $"{done} of {count}")), context.Cancellation));
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            throw new StoppedException($"the training is finished and {training.Folder!.Path} keeps its best weights; "
                + $"only the test is missing: polder finetune --resume {training.Folder.Path} makes it");
        }
    }

    private static IEnumerable<ResultBlock> Shown(MethodChoice method, TrainingResult result, ClassificationMetrics test, string folder,
        bool averages, KeptWeights keep, bool page)
    {
        int epochs = result.Epochs.Count(e => e.Epoch > 0);
        yield return new ResultTable(
            "run",
            ["method", new(keep == KeptWeights.Last ? "epoch" : "best epoch", "bestEpoch", "epochs"), new("validation", "validationAccuracy"),
                new("test", "testAccuracy"), new("test loss", "testLoss"), new("ms a step", "secondsPerStep")],
            [[
                method.Name,
                new($"{(result.Best.Epoch == 0 ? "fitted head, 0" : result.Best.Epoch)} of {epochs}{(result.Best.IsAverage ? ", average" : "")}",
                    result.Best.Epoch, epochs),
                ResultCell.Of(result.Best.ValidationAccuracy, "P1"), ResultCell.Of(test.Accuracy, "P1"), ResultCell.Of(test.Loss, "F3"),
                new(result.Steps == 0 ? "" : $"{1000 * result.SecondsPerStep:F0}", result.SecondsPerStep),
            ]]);
        if (result.Refit is { } refit)
            yield return $"the weights are those of a second training, on all {refit.Images} images but the test's: {refit.Epochs} epochs in "
                + $"{refit.Seconds:F0} s; validation and epoch are those of the first";
        if (result.SkippedSteps > 0)
            yield return new ResultNote(
                $"{result.SkippedSteps} of {result.Steps} steps were left out, since a loss or gradient was not finite")
            { IsWarning = true };
        if (averages && !result.Best.IsAverage)
            yield return new ResultNote((result.Epochs.FirstOrDefault(e => e.IsAverage) is { } first
                ? $"the best epoch, {result.Best.Epoch}, lies before the average, which begins with epoch {first.Epoch}"
                : "the training ended before there was an average") + ": the result is plain weights, no average")
            { IsWarning = true };
        string kept = result.Refit is not null ? "second training's" : keep == KeptWeights.Last ? "last" : "best";
        yield return $"{folder} keeps the {kept} weights (best.safetensors), metrics.jsonl, plots and result.json"
            + (page ? $"; {folder}/{ReportPages.FileName} shows it all" : "");
    }
}
