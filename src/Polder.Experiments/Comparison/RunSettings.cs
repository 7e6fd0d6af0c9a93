using System.Text.Json.Nodes;

namespace Polder.Experiments.Comparison;

/// <summary>What a run depends on, as JSON.</summary>
internal static class RunSettings
{
    /// <summary>
    /// All that is not as it is by default: a setting that a later version adds leaves the runs that are there what they are.
    /// </summary>
    public static JsonObject Of(IFineTuningTask task, MethodChoice method, TrainingOptions training)
    {
        Recipe recipe = ((task as RecipeTask)?.Recipe ?? new Recipe()) with { Training = training }, fresh = new();
        var json = new JsonObject { ["task"] = task.Name, ["method"] = method.Name };
        foreach ((string name, object value) in method.Options.Where(o => !o.Value.Equals(method.Entry.Option(o.Key)?.Default)))
            json[ResultJson.MemberName(name)] = ResultJson.Node(value);
        foreach (RecipeField field in RecipeFields.All)
            if (field.ValueIn(recipe) is { } value && ValueKind.TextOf(value) != ValueKind.TextOf(field.ValueIn(fresh)))
                json[field.Member] = ResultJson.Node(value);
        if (training.Steps is { } steps)
            json["steps"] = steps;
        return json;
    }
}
