using System.Text.Json;
using System.Text.Json.Nodes;

namespace Polder.Vision.Recipes;

/// <summary>A recipe as JSON: one flat object with a member a setting, in camelCase, null where the recipe leaves it open.</summary>
public static class RecipeJson
{
    /// <summary>Writes a recipe.</summary>
    /// <param name="recipe">The recipe.</param>
    public static JsonObject Write(Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        var json = new JsonObject();
        foreach (RecipeField field in RecipeFields.All)
            json[field.Member] = ResultJson.Node(field.ValueIn(recipe));
        json["method"] = recipe.Method.Name;
        foreach (MethodOption option in MethodRegistry.All.SelectMany(m => m.Options).Concat(recipe.Method.Entry.Options).DistinctBy(o => o.Name))
            json[ResultJson.MemberName(option.Name)] = ResultJson.Node(recipe.Method.Options.GetValueOrDefault(option.Name));
        json["seed"] = recipe.Seed;
        return json;
    }

    /// <summary>Reads a recipe. Members that are no setting of a recipe are passed over: a run folder keeps those of its command beside them.</summary>
    /// <param name="settings">The object.</param>
    /// <param name="origin">The file that messages name.</param>
    /// <exception cref="DataException">A member has a value that is not allowed.</exception>
    public static Recipe Read(JsonObject settings, string origin)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var recipe = new Recipe();
        foreach (RecipeField field in RecipeFields.All)
        {
            if (ValueOf(settings, field.Name, field.Kind, origin) is { } value)
                recipe = field.With(recipe, value);
            else if (field.FormerName is { } former && ValueOf(settings, former, field.Kind, origin) is { } old)
                recipe = field.With(recipe, old);
            else if (field.FormerValue is { } before && !settings.ContainsKey(field.Member))
                recipe = field.With(recipe, before);
        }
        MethodChoice method = recipe.Method;
        if (ValueOf(settings, "method", ValueKind.Word(MethodRegistry.Names), origin) is string name)
        {
            MethodEntry entry = MethodRegistry.Named(name);
            var options = new Dictionary<string, object>();
            foreach (MethodOption option in entry.Options)
                if (ValueOf(settings, option.Name, option.Kind, origin) is { } value)
                    options[option.Name] = value;
            method = MethodChoice.Create(entry, options);
        }
        return recipe with { Method = method, Seed = (long?)ValueOf(settings, "seed", ValueKind.LargeCount(ValueRange.AtLeast(0)), origin) ?? 0 };
    }

    /// <summary>The recipe of a run, with data and weights found from where it was begun.</summary>
    /// <param name="run">The run folder.</param>
    /// <exception cref="DataException">A member has a value that is not allowed.</exception>
    public static Recipe ReadRecipe(this RunFolder run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return Read(run.Configuration.Settings, run.ConfigurationFile).LocatedBy(run);
    }

    private static object? ValueOf(JsonObject settings, string name, ValueKind kind, string origin)
    {
        string member = ResultJson.MemberName(name);
        if (settings[member] is not { } node)
            return null;
        return kind.Read(JsonSerializer.SerializeToElement(node))
            ?? throw new DataException(origin, $"{member}: found {node.ToJsonString()}, allowed: {kind.Allowed}");
    }
}
