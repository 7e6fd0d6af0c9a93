using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Experiments.Study;

/// <summary>A method of a study with values of what is tuned.</summary>
/// <param name="Entry">The method's entry.</param>
/// <param name="LearningRate">The learning rate; null: as the plan says.</param>
/// <param name="Strength">The strength; null: as the plan says.</param>
public sealed record StudySetting(StudyEntry Entry, double? LearningRate = null, double? Strength = null)
{
    /// <summary>The tuned values in words; empty where there is none.</summary>
    public string Words => string.Join(", ", ((string?[])
    [
        Strength is { } x ? string.Create(CultureInfo.InvariantCulture, $"{Entry.Grid?.Option} {x:G6}") : null,
        LearningRate is { } rate ? string.Create(CultureInfo.InvariantCulture, $"rate {rate:G6}") : null,
    ]).OfType<string>());

    /// <summary>The recipe on a task, as the plan says it; its method is apart, since a method may have a base optimizer of its own.</summary>
    /// <param name="design">The study.</param>
    /// <param name="task">The task.</param>
    /// <param name="origin">The file that messages name.</param>
    /// <exception cref="DataException">A setting is not allowed; the message names it.</exception>
    public (Recipe Recipe, MethodChoice Method) On(StudyDesign design, StudyTask task, string origin = "the plan")
    {
        ArgumentNullException.ThrowIfNull(design);
        ArgumentNullException.ThrowIfNull(task);
        // A member that is not there is a default of today, not of the version that had no such setting.
        JsonObject settings = new(RecipeFields.All.Select(field => KeyValuePair.Create<string, JsonNode?>(field.Member, null)));
        foreach (JsonObject own in (JsonObject[])[design.Settings, task.Settings, Entry.Settings])
            foreach ((string member, JsonNode? value) in own)
                settings[member] = value?.DeepClone();
        if (LearningRate is { } rate)
            settings[ResultJson.MemberName("learning-rate")] = rate;
        var options = new Dictionary<string, object>();
        foreach (MethodOption option in Entry.Method.Options)
            if (settings[ResultJson.MemberName(option.Name)] is { } node)
                options[option.Name] = option.Kind.Read(JsonSerializer.SerializeToElement(node)) ?? throw new DataException(
                    origin, $"{Entry.Name}, {ResultJson.MemberName(option.Name)}: found {node.ToJsonString()}, allowed: {option.Kind.Allowed}");
        if (Strength is { } strength)
            options[Entry.Grid!.Option] = strength;
        return (
            RecipeJson.Read(settings, origin) with { Method = MethodChoice.Create("base") },
            MethodChoice.Create(Entry.Method, options) with { Label = Entry.Name });
    }
}
