using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Polder.Vision.Training;

/// <summary>
/// One file with all that the rest of a training depends on: the model, the best weights so far, the optimizer's state, the state of
/// torch's random generator, and the run's counts and reports. Order and augmentation are functions of seed and epoch and need no state.
/// </summary>
internal sealed class TrainingCheckpoint
{
    private const string ModelPrefix = "model.", BestPrefix = "best.", OptimizerPrefix = "optimizer.", RandomName = "random", RunName = "run",
        OptionPrefix = "setting.";

    private readonly string _path;
    private readonly Dictionary<string, string> _options;

    /// <summary>Describes the training that the file is of.</summary>
    public TrainingCheckpoint(string path, TrainingOptions options, IGradientMethod method, NoiseDistribution distribution, int trainImages,
        int validationImages)
    {
        _path = path;
        _options = JsonSerializer.SerializeToElement(options, TrainingJson.Default.TrainingOptions).EnumerateObject()
            .ToDictionary(p => p.Name, p => p.Value.GetRawText());
        _options["Method"] = method.ToString() ?? method.Name;
        _options["Distribution"] = distribution.Name;
        _options["training images"] = trainImages.ToString(CultureInfo.InvariantCulture);
        _options["validation images"] = validationImages.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Whether there is something to go on from.</summary>
    public bool Exists => File.Exists(_path);

    /// <summary>Writes the file; it appears whole or not at all.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public void Save(nn.Module model, Snapshot best, FlatMinimaOptimizer optimizer, TrainingRun run)
    {
        using var scope = NewDisposeScope();
        var tensors = new List<(string, Tensor)>();
        tensors.AddRange(model.state_dict().Select(e => (ModelPrefix + e.Key, e.Value)));
        tensors.AddRange(best.Copies.Select((copy, i) => ($"{BestPrefix}{i}", copy)));
        tensors.AddRange(optimizer.StateDict().Select(e => (OptimizerPrefix + e.Key, e.Value)));
        tensors.Add((RandomName, get_rng_state()));
        var metadata = _options.ToDictionary(e => OptionPrefix + e.Key, e => e.Value);
        metadata[RunName] = JsonSerializer.Serialize(run.Save(), TrainingJson.Default.State);
        Safetensors.Write(_path, tensors, metadata);
    }

    /// <summary>Takes the file's state over.</summary>
    /// <exception cref="CheckpointException">The file is damaged.</exception>
    /// <exception cref="DataException">It is of another training; the message says in what they differ.</exception>
    public void Load(nn.Module model, Snapshot best, FlatMinimaOptimizer optimizer, TrainingRun run, HeadPhase phase)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using Checkpoint checkpoint = Checkpoint.Load(_path);
        RequireSameTraining(checkpoint.Metadata);
        try
        {
            TrainingRun.State state = JsonSerializer.Deserialize(checkpoint.Metadata[RunName], TrainingJson.Default.State)!;
            // The state is of the parameters that were trained then.
            phase.Resume(state.Step);
            optimizer.LoadStateDict(checkpoint.Tensors.Where(e => e.Key.StartsWith(OptimizerPrefix, StringComparison.Ordinal))
                .ToDictionary(e => e.Key[OptimizerPrefix.Length..], e => e.Value));
            foreach (var (name, tensor) in model.state_dict())
                tensor.copy_(checkpoint.Tensors[ModelPrefix + name]);
            for (int i = 0; i < best.Copies.Count; i++)
                best.Copies[i].copy_(checkpoint.Tensors[$"{BestPrefix}{i}"]);
            set_rng_state(checkpoint.Tensors[RandomName]);
            run.Load(state);
        }
        catch (Exception e) when (e is KeyNotFoundException or JsonException or ArgumentException)
        {
            throw new DataException(_path, $"does not belong to this training: {e.Message}", e);
        }
    }

    private void RequireSameTraining(IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.ContainsKey(RunName))
            throw new DataException(_path, "is no state of a training");
        foreach (var (name, value) in _options)
            if (metadata.TryGetValue(OptionPrefix + name, out string? saved) && saved != value)
                throw new DataException(_path, $"is of a training with {name} {saved}; this one has {value}, and a training is resumed as it was begun");
    }
}

/// <summary>How the options and the counts of a training are kept: the same text whatever the culture.</summary>
[JsonSourceGenerationOptions(NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, UseStringEnumConverter = true)]
[JsonSerializable(typeof(TrainingOptions))]
[JsonSerializable(typeof(TrainingRun.State))]
internal sealed partial class TrainingJson : JsonSerializerContext;
