namespace Polder.Vision.Recipes;

/// <summary>
/// One setting of a recipe, as programs show it, files keep it and people type it: a new setting that all trainings share is a property of the
/// record that it belongs to and one line in <see cref="RecipeFields"/>.
/// </summary>
public sealed class RecipeField
{
    private readonly Func<Recipe, object?> _get;
    private readonly Func<Recipe, object?, Recipe> _set;

    internal RecipeField(string name, ValueKind kind, string summary, Func<Recipe, object?> get, Func<Recipe, object?, Recipe> set) =>
        (Name, Kind, Summary, _get, _set) = (name, kind, summary, get, set);

    /// <summary>The name, in kebab-case; in JSON it is in camelCase.</summary>
    public string Name { get; }

    /// <summary>The name in JSON.</summary>
    public string Member => ResultJson.MemberName(Name);

    /// <summary>The values that it takes.</summary>
    public ValueKind Kind { get; }

    /// <summary>What it means, with its unit: one sentence without a full stop, names of other settings in braces (<see cref="SettingText"/>).</summary>
    public string Summary { get; }

    /// <summary>The default in words; null where it is the value that a fresh recipe has.</summary>
    public string? DefaultText { get; init; }

    /// <summary>What kind of setting it is: data, network, training, augmentation, regularization.</summary>
    public string Heading { get; internal set; } = "";

    /// <summary>A name that it had in earlier versions; null for none.</summary>
    public string? FormerName { get; init; }

    /// <summary>What a file means that lacks it, since the version that wrote it did not know it; null: that it is left open.</summary>
    public object? FormerValue { get; init; }

    /// <summary>Whether it says what a fine-tuning by itself does beside its training: comparisons, tunings and studies have no use for it.</summary>
    public bool IsOfOneRun { get; init; }

    /// <summary>What it acts with only, where a recipe lacks that: <c>only with {optimizer} sgd</c>; null where it acts.</summary>
    internal Func<Recipe, string?> Idle { get; init; } = _ => null;

    /// <summary>The value in a recipe, as JSON has it: a number, a word, a list, true or false; null where the recipe leaves it open.</summary>
    public object? ValueIn(Recipe recipe) => _get(recipe ?? throw new ArgumentNullException(nameof(recipe)));

    /// <summary>The recipe with another value.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="value">The value, as <see cref="ValueKind.Read(string)"/> gives it; null leaves it open.</param>
    public Recipe With(Recipe recipe, object? value) => _set(recipe ?? throw new ArgumentNullException(nameof(recipe)), value);

    /// <summary>Refuses a value that was given and would change nothing.</summary>
    /// <param name="recipe">The recipe with the value in it.</param>
    /// <exception cref="SettingException">It would.</exception>
    public void RequireEffect(Recipe recipe)
    {
        if (Idle(recipe.WithDefaults()) is { } only)
            throw new SettingException(Name, ValueKind.TextOf(ValueIn(recipe)), only);
    }
}
