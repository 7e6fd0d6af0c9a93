using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Experiments.Comparison;

/// <summary>
/// What a comparison or a tuning consists of beside the settings of its recipe: a run folder keeps it, and every process that goes on with the folder or
/// shares it must mean the same.
/// </summary>
/// <param name="Methods">The methods with the values of all their options.</param>
/// <param name="Seeds">The seeds.</param>
/// <param name="Images">A hash of the images of seed 0 with their labels and parts: the data must not change in between.</param>
/// <param name="Weights">A hash of the file of weights that the trainings start from; null without one.</param>
public sealed record StudyPlan(IReadOnlyList<MethodChoice> Methods, IReadOnlyList<long> Seeds, string Images, string? Weights)
{
    private sealed record Entry(string Label, string Method, Dictionary<string, JsonElement> Options);

    private sealed record Form(Entry[] Methods, long[] Seeds, string Images, string? Weights);

    /// <summary>The plan of an opened task.</summary>
    /// <param name="methods">The methods.</param>
    /// <param name="seeds">The seeds.</param>
    /// <param name="task">The task.</param>
    public static StudyPlan Of(IReadOnlyList<MethodChoice> methods, IReadOnlyList<long> seeds, IFineTuningTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        // Always of the same seed: the seeds may become more.
        using FineTuningStart start = task.Prepare(0);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ImageSet part in (ImageSet[])[start.Splits.Train, start.Splits.Validation, start.Splits.Test])
        {
            hash.AppendData(BitConverter.GetBytes(part.Count));
            for (int i = 0; i < part.Count; i++)
            {
                hash.AppendData(part.Pixels(i));
                hash.AppendData(BitConverter.GetBytes(part.Labels[i]));
            }
        }
        string? weights = start.Classifier.Source is { } source && WeightsCache.Locate(source) is var file && File.Exists(file) ? HashOf(file) : null;
        return new StudyPlan(methods, seeds, Convert.ToHexStringLower(hash.GetHashAndReset()), weights);
    }

    /// <summary>The plan that a run folder keeps.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="DataException">It has none, or a damaged one.</exception>
    public static StudyPlan Read(RunFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (folder.Configuration.Plan is not { } plan)
            throw new DataException(folder.ConfigurationFile, "has no plan: an earlier version made it, which kept no runs to go on from");
        try
        {
            Form form = plan.Deserialize<Form>(ResultJson.Options)!;
            return new StudyPlan([.. form.Methods.Select(entry => Choice(entry, folder.ConfigurationFile))], form.Seeds, form.Images, form.Weights);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or NullReferenceException)
        {
            throw new DataException(folder.ConfigurationFile, $"has a damaged plan: {e.Message}", e);
        }
    }

    /// <summary>The plan as JSON.</summary>
    public JsonObject ToJson() => ResultJson.Node(new
    {
        Methods = Methods.Select(m => new { m.Label, Method = m.Name, m.Options }),
        Seeds,
        Images,
        Weights,
    })!.AsObject();

    /// <summary>Refuses images or weights that are not those of this plan.</summary>
    /// <param name="other">The plan of a task that was opened now.</param>
    /// <param name="folder">The folder that this plan is of.</param>
    /// <param name="task">What the task is called.</param>
    /// <exception cref="DataException">They are others.</exception>
    public void RequireSameData(StudyPlan other, string folder, string task)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Images != Images)
            throw new DataException(task, $"its images, labels or parts are not those that the runs in {folder} were trained on");
        if (other.Weights != Weights)
            throw new DataException(task, $"its weights are not those that the runs in {folder} were trained from");
    }

    private static MethodChoice Choice(Entry entry, string origin)
    {
        MethodEntry method = MethodRegistry.Named(entry.Method);
        var options = new Dictionary<string, object>();
        foreach ((string name, JsonElement value) in entry.Options)
            options[name] = method.Option(name)?.Kind.Read(value)
                ?? throw new DataException(origin, $"plan: {entry.Label} has {name} {value.GetRawText()}, which {method.Name} does not take");
        return MethodChoice.Create(method, options) with { Label = entry.Label };
    }

    private static string HashOf(string file)
    {
        using FileStream stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
