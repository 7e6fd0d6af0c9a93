using Polder.Checkpoints;
using Polder.Cli.Files;
using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Cli.Training;
using Polder.Experiments.Comparison;
using Polder.Vision.Models;
using Polder.Vision.Training;

namespace Polder.Cli.Measuring;

/// <summary>A network with weights and a head, ready to be judged and used, and what its images look like.</summary>
/// <param name="Model">The network, in evaluation mode.</param>
/// <param name="File">Architecture, image size, normalisation and classes; classes are numbered where the weights do not name them.</param>
/// <param name="NamesClasses">Whether the weights name their classes.</param>
/// <param name="Weights">The file of the weights.</param>
internal sealed record TrainedModel(ImageClassifier Model, ModelFile File, bool NamesClasses, string Weights) : IDisposable
{
    /// <summary>Opens what <c>--weights</c> names or <c>--run</c> holds.</summary>
    /// <param name="context">The command.</param>
    /// <param name="weights">The option <c>--weights</c>.</param>
    /// <param name="architecture">The option <c>--arch</c>.</param>
    /// <param name="imageSize">The option <c>--image-size</c>.</param>
    /// <param name="run">The run of <c>--run</c>; null without one.</param>
    /// <exception cref="UserErrorException">No weights, no architecture, or weights without a head.</exception>
    public static TrainedModel Open(
        CommandContext context, CliOption<string?> weights, CliOption<string?> architecture, CliOption<int?> imageSize, FinishedRun? run)
    {
        string value = context.Get(weights) ?? run?.Weights ?? throw UserErrorException.ForOption("--weights", "", "a checkpoint file, or --run");
        context.SetEffective(weights, value);
        string path = WeightsOf.Resolve(value);
        using Checkpoint checkpoint = Checkpoint.Load(path);
        ModelFile? file = ModelFile.Of(checkpoint);
        Architecture chosen = FineTuningOptions.ChooseArchitecture(context, architecture, value, file);
        int size = context.Get(imageSize) ?? file?.ImageSize ?? chosen.ImageSize;
        context.SetEffective(imageSize, size);
        (ImageClassifier model, LoadReport load) = CheckpointTask.LoadModel(checkpoint, chosen, defaultClasses: file?.Classes.Count ?? 2);
        if (load.Missing.FirstOrDefault(t => chosen.HeadParameters.Contains(t.Name)) is { } missing)
        {
            model.Dispose();
            throw new UserErrorException($"{path}: has no head: {missing.Name} is missing, so it cannot classify; polder finetune trains one");
        }
        IReadOnlyList<string> classes = file?.Classes ?? [.. Enumerable.Range(0, model.Classes).Select(c => $"{c}")];
        model.eval();
        return new TrainedModel(model, new ModelFile(chosen.Name, size, file?.Normalization ?? chosen.Normalization, classes), file is not null, path);
    }

    /// <summary>Refuses a set whose classes are not the network's.</summary>
    public void RequireClasses(string data, IReadOnlyList<string> classes)
    {
        if (NamesClasses && !File.Classes.SequenceEqual(classes))
            throw new UserErrorException($"{data}: has the classes {Names(classes)}, allowed: those of {Weights}: {Names(File.Classes)}");
        if (Model.Classes != classes.Count)
            throw new UserErrorException($"{data}: has {classes.Count} classes, allowed: {Model.Classes}, as many as the head of {Weights}");
    }

    public void Dispose() => Model.Dispose();

    private static string Names(IReadOnlyList<string> classes) =>
        string.Join(", ", classes.Take(5)) + (classes.Count > 5 ? $" and {classes.Count - 5} more" : "");
}
