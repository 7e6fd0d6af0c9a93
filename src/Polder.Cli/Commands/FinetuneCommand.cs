using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Cli.Output;
using Polder.Experiments.Comparison;
using Polder.Vision.Data;
using Polder.Vision.Training;
using Spectre.Console;

namespace Polder.Cli.Commands;

/// <summary><c>polder finetune</c>: one method on one seed, with a run folder that keeps the best weights.</summary>
internal sealed class FinetuneCommand : PolderCommand
{
    private readonly FineTuningOptions _options;
    private readonly CliOption<string> _method = CommonOptions.Method("nso", MethodChoice.Names);
    private readonly CliOption<long> _seed = CommonOptions.Seed();
    private readonly CliOption<string?> _out = CommonOptions.Out("finetune");

    public FinetuneCommand()
        : base("finetune", "fine-tune a network on your images and keep the weights of the best validation accuracy")
    {
        _options = new FineTuningOptions(this, draws: 1);
        Add(_method);
        Add(_seed);
        Add(_out);
        UseTorch();
        Examples =
        [
            "polder finetune",
            "polder finetune --data photos --weights resnet20.th --arch resnet20 --sigma 0.01",
        ];
    }

    protected internal override void Run(CommandContext context)
    {
        context.RequireCpu();
        long seed = context.Get(_seed);
        MethodChoice method = _options.Method(context, context.Get(_method)!);
        TrainingOptions training = _options.Training(context, seed);
        _options.SetEffective(context, method);
        IFineTuningTask task = _options.OpenTask(context);
        using var owner = task as IDisposable;
        using FineTuningCase start = task.Prepare(seed);
        Say(context, task, start);
        int duplicates = DataOptions.WarnOfDuplicates(context, start.Splits).Count;
        FineTuningOptions.RequireRightConvolutions(context, start);

        string folder = context.CreateRunFolder(context.Get(_out));
        TrainingResult result = Train(context, method, training, start, folder);
        EvaluationResult test = Test(context, training, start, folder);
        Show(context, method, result, test, folder);
        context.Finish(new
        {
            Method = method.Name,
            Best = new { result.Best.Epoch, result.Best.ValidationAccuracy },
            Test = new { test.Accuracy, test.Loss, test.Count },
            result.Steps,
            result.GradientEvaluations,
            result.SecondsPerStep,
            Duplicates = duplicates,
            Run = folder,
        });
    }

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

    private static TrainingResult Train(CommandContext context, MethodChoice method, TrainingOptions training, FineTuningCase start, string folder)
    {
        string metrics = Path.Combine(folder, "metrics.jsonl"), best = Path.Combine(folder, "best.safetensors");
        int epochs = 0;
        try
        {
            return context.Output.Track($"{method.Name}", training.Epochs, tracker =>
            {
                var trainer = new Trainer(training, method.Method)
                {
                    Progress = new Relay<TrainingProgress>(p => tracker.Report(
                        training.Epochs * (double)p.Step / p.Steps,
                        () => $"epoch {p.Epoch} of {p.Epochs}, loss {p.Loss:F3}, validation {p.ValidationAccuracy:P1}, {p.ImagesPerSecond:F0} images/s, {Remaining(p.Remaining)} left")),
                    Epoch = new Relay<EpochReport>(report =>
                    {
                        if (report.IsBest)
                            start.File.Save(best, start.Model);
                        File.AppendAllText(metrics, ResultJson.Line(report) + "\n");
                        epochs = report.Epoch;
                    }),
                };
                return trainer.Run(
                    start.Model, start.Splits.Train, start.Splits.Validation, start.File.Normalization, start.File.ImageSize, context.Cancellation);
            });
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            throw new StoppedException(epochs == 0
                ? $"no epoch was finished, {folder} holds the settings"
                : $"{folder} keeps the best weights and metrics of {epochs} of {training.Epochs} epochs");
        }
    }

    private static EvaluationResult Test(CommandContext context, TrainingOptions training, FineTuningCase start, string folder)
    {
        try
        {
            return EvaluationResult.Of(start.Model, LoaderOf(start.Splits.Test, start, training), context.Cancellation);
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            throw new StoppedException($"the training is finished and {folder} keeps its best weights; only the test is missing");
        }
    }

    private static Loader LoaderOf(ImageSet set, FineTuningCase start, TrainingOptions training) => new(set, new LoaderOptions
    {
        BatchSize = training.BatchSize,
        Normalization = start.File.Normalization,
        ImageSize = start.File.ImageSize,
    });

    private static void Show(CommandContext context, MethodChoice method, TrainingResult result, EvaluationResult test, string folder)
    {
        Table table = CliOutput.NewTable("method", "best epoch", "validation", "test", "test loss", "ms a step");
        table.AddRow(
            method.Name, $"{result.Best.Epoch} of {result.Epochs.Count}", $"{result.Best.ValidationAccuracy:P1}", $"{test.Accuracy:P1}", $"{test.Loss:F3}",
            $"{1000 * result.SecondsPerStep:F0}");
        context.Output.Result(table);
        context.Output.Result($"{folder} keeps the best weights (best.safetensors), metrics.jsonl and result.json");
    }

    private static string Remaining(TimeSpan time) => time.TotalHours >= 1 ? $"{time:h\\:mm\\:ss}" : $"{time:m\\:ss}";
}
