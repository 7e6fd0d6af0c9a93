using System.Text.Json.Nodes;

namespace Polder.Experiments.Comparison;

/// <summary>What a run depends on, as JSON.</summary>
internal static class RunSettings
{
    /// <summary>
    /// All that is not as it is by default: a setting that a later version adds leaves the runs that are there what they are.
    /// </summary>
    public static JsonObject Of(IFineTuningTask task, MethodChoice method, TrainingOptions training) =>
        Of(task.Name, ((task as RecipeTask)?.Recipe ?? new Recipe()) with { Training = training }, method);

    /// <summary>The same of a recipe as it is, opened or not; its own method is not looked at.</summary>
    public static JsonObject Of(string task, Recipe recipe, MethodChoice method)
    {
        var fresh = new Recipe();
        var json = new JsonObject { ["task"] = task, ["method"] = method.Name };
        foreach ((string name, object value) in method.Options.Where(o => !o.Value.Equals(method.Entry.Option(o.Key)?.Default)))
            json[ResultJson.MemberName(name)] = ResultJson.Node(value);
        foreach (RecipeField field in RecipeFields.All.Where(f => !f.IsOfOneRun))
            if (field.ValueIn(recipe) is { } value && ValueKind.TextOf(value) != ValueKind.TextOf(field.ValueIn(fresh)))
                json[field.Member] = ResultJson.Node(value);
        if (recipe.Training.Steps is { } steps)
            json["steps"] = steps;
        return json;
    }
}
