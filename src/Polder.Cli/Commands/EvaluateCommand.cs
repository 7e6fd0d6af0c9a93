using Polder.Checkpoints;
using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Cli.Output;
using Polder.Experiments.Comparison;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;
using Spectre.Console;

namespace Polder.Cli.Commands;

/// <summary><c>polder evaluate</c>: how well weights do on a part of a data set.</summary>
internal sealed class EvaluateCommand : PolderCommand
{
    private const int DefaultBatchSize = 64;

    private readonly CliOption<string?> _data = CommonOptions.Data();
    private readonly CliOption<string?> _weights = CommonOptions.Weights();
    private readonly CliOption<string?> _architecture = CommonOptions.Architecture([.. Architectures.All.Select(a => a.Name)]);
    private readonly CliOption<string> _split = OptionOf.Choice(
        "--split", "the part that is evaluated; where none is shipped, the one cut with --seed", "test", "train", "validation", "test");

    private readonly CliOption<int?> _imageSize = CommonOptions.ImageSize();
    private readonly CliOption<int> _batchSize = CommonOptions.BatchSize(DefaultBatchSize);
    private readonly CliOption<long> _seed = CommonOptions.Seed();

    public EvaluateCommand()
        : base("evaluate", "accuracy and loss of weights on images")
    {
        Add(_weights);
        Add(_architecture);
        Add(_data);
        Add(_split);
        Add(_imageSize);
        Add(_batchSize);
        Add(_seed);
        UseTorch();
        Examples = ["polder evaluate --weights resnet20.th --arch resnet20 --data cifar-10-batches-bin"];
    }

    protected internal override void Run(CommandContext context)
    {
        context.RequireCpu();
        string weights = context.Get(_weights) ?? throw UserErrorException.ForOption("--weights", "", "a checkpoint file");
        string path = context.Get(_data) ?? throw UserErrorException.ForOption("--data", "", "a folder or the name of a built-in set");
        using Checkpoint checkpoint = Checkpoint.Load(weights);
        ModelFile? file = ModelFile.Of(checkpoint);
        Architecture architecture = FineTuningOptions.ChooseArchitecture(context, _architecture, weights, file);
        int size = context.Get(_imageSize) ?? file?.ImageSize ?? architecture.ImageSize;
        context.SetEffective(_imageSize, size);

        ImageData data = FineTuningOptions.OpenData(context, path, size);
        (ImageClassifier model, LoadReport load) = CheckpointTask.LoadModel(checkpoint, architecture, data.Classes.Count);
        using ImageClassifier owned = model;
        if (load.Missing.FirstOrDefault(t => architecture.HeadParameters.Contains(t.Name)) is { } missing)
            throw new UserErrorException($"{weights}: has no head: {missing.Name} is missing, so there is nothing to evaluate");
        if (file is not null && !file.Classes.SequenceEqual(data.Classes))
            throw new UserErrorException($"{path}: has the classes {Names(data.Classes)}, allowed: those of {weights}: {Names(file.Classes)}");
        if (model.Classes != data.Classes.Count)
            throw new UserErrorException($"{path}: has {data.Classes.Count} classes, allowed: {model.Classes}, as many as the head of {weights}");
        DataSplits splits = data.Split(new SplitOptions { Seed = context.Get(_seed), TestSeed = 0 });
        ImageSet set = context.Get(_split) switch { "train" => splits.Train, "validation" => splits.Validation, _ => splits.Test };
        var loader = new Loader(set, new LoaderOptions
        {
            BatchSize = context.Get(_batchSize),
            ImageSize = size,
            Normalization = file?.Normalization ?? architecture.Normalization,
        });
        EvaluationResult result = context.Output.Track($"evaluating {set.Count} images", 1, _ => EvaluationResult.Of(model, loader, context.Cancellation));

        Table table = CliOutput.NewTable("split", "images", "classes", "accuracy", "loss");
        table.AddRow(context.Get(_split)!, $"{result.Count}", $"{data.Classes.Count}", $"{result.Accuracy:P1}", $"{result.Loss:F4}");
        context.Output.Result(table);
        context.Finish(new { result.Accuracy, result.Loss, result.Count, Classes = data.Classes, Split = context.Get(_split) });
    }

    private static string Names(IReadOnlyList<string> classes) =>
        string.Join(", ", classes.Take(5)) + (classes.Count > 5 ? $" and {classes.Count - 5} more" : "");
}
