using Polder.Checkpoints.IO;
using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Cli.Output;
using Polder.Experiments.Comparison;
using Polder.Experiments.Reports;
using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Vision.Data;
using Polder.Vision.Training;
using Polder.Vision.Training.Metrics;

namespace Polder.Cli.Training;

/// <summary><c>polder finetune</c>: one method on one seed, with a run folder that keeps the best weights.</summary>
internal sealed class FinetuneCommand : PolderCommand
{
    private readonly FineTuningOptions _options;
    private readonly CliOption<string> _method = CommonOptions.Method("nso", MethodRegistry.Names);
    private readonly CliOption<long> _seed = CommonOptions.Seed();
    private readonly CliOption<string?> _out = CommonOptions.Out("finetune");
    private readonly CliOption<int?> _checkpointEvery = OptionOf.OptionalCount(
        "--checkpoint-every", "steps after which the state for --resume is written, beside the end of each epoch", "the end of an epoch only", ValueRange.AtLeast(1));

    private readonly CliOption<string?> _resume = OptionOf.Text(
        "--resume", "DIR", "go on with the run of a folder where it was stopped, with its settings", "a run folder of an earlier finetune", null, "");

    public FinetuneCommand()
        : base("finetune", "fine-tune a network on your images and keep the weights of the best validation accuracy")
    {
        Add(Heading.Method, _method);
        _options = new FineTuningOptions(this, draws: 1);
        Add(Heading.Training, _seed);
        Add(Heading.Output, _out);
        Add(Heading.Running, _resume, _checkpointEvery);
        UseTorch();
        Examples =
        [
            "polder finetune",
            "polder finetune --data photos --weights resnet20.th --arch resnet20 --sigma 0.01",
            "polder finetune --resume runs/finetune-1",
            "polder finetune --config runs/finetune-1/config.json --seed 1",
        ];
    }

    protected internal override void Run(CommandContext context)
    {
        string? resumed = context.Get(_resume);
        if (resumed is not null)
            context.Resume(_resume, resumed);
        else
            _options.Configure(context, _method);
        long seed = context.Get(_seed);
        MethodChoice method = _options.Choose(context, [context.Get(_method)!])[0];
        TrainingOptions asked = _options.Training(context, seed);
        _options.RequireFit(context, method, asked);
        IFineTuningTask task = _options.OpenTask(context);
        using var owner = task as IDisposable;
        TrainingOptions training = _options.Fit(context, method, _options.WithLearningRate(context, task, asked));
        using FineTuningCase start = task.Prepare(seed);
        Say(context, task, start);
        int duplicates = DataOptions.WarnOfDuplicates(context, start.Splits).Count;
        _options.RequireTrainable(context, start);

        IGradientMethod gradient = method.For(start, training);
        string folder = resumed ?? context.CreateRunFolder(context.Get(_out));
        TrainingResult result = Train(context, method, gradient, training, start, folder);
        ClassificationMetrics test = Test(context, training, start, folder);
        RunPlots.Write(context, folder, result.Epochs, start.File.Classes, test.Confusion);
        context.Finish(ResultOf(method, result, test, duplicates, folder));
    }

    internal static Result ResultOf(MethodChoice method, TrainingResult result, ClassificationMetrics test, int duplicates, string folder) => new(new
    {
        Method = method.Name,
        Options = MethodOptionSet.Members(method.Options),
        Best = new { result.Best.Epoch, result.Best.ValidationAccuracy },
        Test = new { test.Accuracy, test.Loss, test.Count },
        result.Steps,
        result.GradientEvaluations,
        result.SkippedSteps,
        result.SecondsPerStep,
        Duplicates = duplicates,
        Run = folder,
    })
    { Blocks = [.. Shown(method, result, test, folder)] };

    private static void Say(CommandContext context, IFineTuningTask task, FineTuningCase start)
    {
        DataSplits splits = start.Splits;
        context.Output.Info(
            $"{task.Name}: {start.File.Classes.Count} classes, {splits.Train.Count} training, {splits.Validation.Count} validation and {splits.Test.Count} test images");
        if (task is CheckpointTask { LastLoad: { } load })
        {
            context.Output.Info($"weights: {load.Loaded.Count} tensors loaded{(start.HeadReplaced ? $"; new head for {start.File.Classes.Count} classes" : "")}");
            context.Output.Verbose(load.ToString());
        }
    }

    private TrainingResult Train(
        CommandContext context, MethodChoice method, IGradientMethod gradient, TrainingOptions training, FineTuningCase start, string folder)
    {
        string metrics = Path.Combine(folder, "metrics.jsonl"), best = Path.Combine(folder, "best.safetensors");
        int epochs = 0;
        DateTimeOffset began = new(File.GetLastWriteTimeUtc(Path.Combine(folder, "config.json")), TimeSpan.Zero);
        Directory.CreateDirectory(Path.Combine(folder, "last"));
        try
        {
            return context.Output.Track($"{method.Name}", training.Epochs, tracker =>
            {
                var trainer = new Trainer(training, gradient)
                {
                    Distribution = method.Distribution,
                    Progress = new Relay<TrainingProgress>(p => tracker.Report(
                        training.Epochs * (double)p.Step / p.Steps,
                        () => $"epoch {p.Epoch} of {p.Epochs}, loss {p.Loss:F3}{(double.IsNaN(p.ValidationAccuracy) ? "" : $", validation {p.ValidationAccuracy:P1}")}, {p.ImagesPerSecond:F0} images/s")),
                    ResumeFile = Path.Combine(folder, "last", "training.safetensors"),
                    CheckpointEvery = context.Get(_checkpointEvery) ?? 0,
                    Epoch = new Relay<EpochReport>(report =>
                    {
                        if (report.IsBest)
                            start.File.Save(best, start.Model);
                    }),
                    // Whole each time: a run that dies in between must not leave an epoch in it that the resumed run writes again.
                    Saved = new Relay<IReadOnlyList<EpochReport>>(reports =>
                    {
                        AtomicFile.WriteText(metrics, string.Concat(reports.Select(report => ResultJson.Line(report) + "\n")));
                        AtomicFile.Write(Path.Combine(folder, TensorBoardEvents.FileName), stream => stream.Write(TensorBoardEvents.Of(reports, began)));
                        epochs = reports.Count;
                    }),
                };
                return trainer.Run(
                    start.Model, start.Splits.Train, start.Splits.Validation, start.File.Normalization, start.File.ImageSize, context.Cancellation);
            });
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            throw new StoppedException(epochs == 0
                ? $"no epoch was finished, {folder} holds the settings; polder finetune --resume {folder} goes on"
                : $"{folder} keeps the best weights and metrics of {epochs} of {training.Epochs} epochs; polder finetune --resume {folder} goes on");
        }
    }

    private static ClassificationMetrics Test(CommandContext context, TrainingOptions training, FineTuningCase start, string folder)
    {
        try
        {
            return ModelMetrics.Of(start.Model, LoaderOf(start.Splits.Test, start, training), cancellation: context.Cancellation);
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            throw new StoppedException($"the training is finished and {folder} keeps its best weights; only the test is missing: polder finetune --resume {folder} makes it");
        }
    }

    private static Loader LoaderOf(ImageSet set, FineTuningCase start, TrainingOptions training) => new(set, new LoaderOptions
    {
        BatchSize = training.BatchSize,
        Normalization = start.File.Normalization,
        ImageSize = start.File.ImageSize,
    });

    private static IEnumerable<ResultBlock> Shown(MethodChoice method, TrainingResult result, ClassificationMetrics test, string folder)
    {
        yield return new ResultTable(
            "run",
            ["method", new("best epoch", "bestEpoch", "epochs"), new("validation", "validationAccuracy"), new("test", "testAccuracy"), new("test loss", "testLoss"), new("ms a step", "secondsPerStep")],
            [[
                method.Name, new($"{result.Best.Epoch} of {result.Epochs.Count}", result.Best.Epoch, result.Epochs.Count), ResultCell.Of(result.Best.ValidationAccuracy, "P1"),
                ResultCell.Of(test.Accuracy, "P1"), ResultCell.Of(test.Loss, "F3"), new($"{1000 * result.SecondsPerStep:F0}", result.SecondsPerStep),
            ]]);
        if (result.SkippedSteps > 0)
            yield return new ResultNote($"{result.SkippedSteps} of {result.Steps} steps were left out, since a loss or gradient was not finite") { IsWarning = true };
        yield return $"{folder} keeps the best weights (best.safetensors), metrics.jsonl, plots and result.json";
    }
}
