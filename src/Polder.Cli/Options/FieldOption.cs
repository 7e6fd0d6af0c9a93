namespace Polder.Cli.Options;

/// <summary>A setting of a recipe as an option of the command line: it is declared once, with the recipe (<see cref="RecipeFields"/>).</summary>
internal static class FieldOption
{
    /// <summary>The option of a setting, with the setting's default.</summary>
    /// <param name="field">The setting.</param>
    public static ICliOption Of(RecipeField field)
    {
        if (field.Kind.IsFlag)
            return new CliFlag(Spell(field.Name), Spelled(field.Summary));
        object? @default = field.ValueIn(new Recipe());
        return Make(field, @default, field.DefaultText is { } words ? Spelled(words) : ValueKind.TextOf(@default));
    }

    /// <summary>A setting with a text for its value as a command has it that asks for no recipe: without the recipe's default.</summary>
    public static CliOption<string?> Text(string field, string defaultText = "") => Make<string?>(RecipeFields.Find(field)!, null, defaultText);

    /// <inheritdoc cref="Text"/>
    public static CliOption<int?> Count(string field, string? defaultText = null) =>
        Make<int?>(RecipeFields.Find(field)!, null, defaultText ?? RecipeFields.Find(field)!.DefaultText ?? "");

    /// <summary>A setting that is on or off.</summary>
    public static CliFlag Flag(string field) => (CliFlag)Of(RecipeFields.Find(field)!);

    /// <summary>A setting's name as it is typed.</summary>
    public static string Spell(string setting) => "--" + setting;

    private static string Spelled(string text) => SettingText.Spell(text, Spell);

    private static CliOption<T> Make<T>(RecipeField field, T @default, string defaultText)
    {
        CliOption<T> option = OptionOf.Kind(Spell(field.Name), Spelled(field.Summary), field.Kind, @default, defaultText);
        if (field.FormerName is { } former)
            option.Aliases.Add(Spell(former));
        return option;
    }
}
