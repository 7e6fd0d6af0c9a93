using System.CommandLine;

namespace Polder.Cli.Training;

/// <summary>
/// The options of all methods, as the registry has them: one command-line option a name, whichever methods take it. A command that
/// is given an option that none of its methods takes refuses it.
/// </summary>
internal sealed class MethodOptionSet
{
    private readonly IReadOnlyList<CliOption<string?>> _options;
    private readonly Func<string, string, object?> _commandDefault;

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="commandDefault">The command's own default of a method's option, both by name; null where the registry's holds.</param>
    public MethodOptionSet(PolderCommand command, Func<string, string, object?>? commandDefault = null)
    {
        _commandDefault = commandDefault ?? ((_, _) => null);
        _options =
        [
            .. MethodRegistry.All
                .SelectMany(method => method.Options.Select(option => (Method: method, Option: option)))
                .GroupBy(pair => pair.Option.Name)
                .Select(group => Make(group.Key, [.. group])),
        ];
        command.Add(Heading.Method, [.. _options]);
    }

    /// <summary>
    /// Chooses methods with the options that the user gave, and puts the values into the result's settings that all methods with the option share.
    /// </summary>
    /// <param name="context">The command.</param>
    /// <param name="entries">The methods, as <see cref="MethodVariant"/> reads them.</param>
    /// <param name="shots">The labelled images a class of the digits demo, whose defaults hold then; null: not the demo.</param>
    /// <param name="swept">Whether the command itself tries the first option of each method, so that it cannot be given.</param>
    /// <exception cref="UserErrorException">An option is given that no chosen method takes, or a value that one of them does not allow.</exception>
    public MethodChoice[] Choose(CommandContext context, IReadOnlyList<string> entries, int? shots, bool swept = false)
    {
        MethodVariant[] variants = [.. entries.Select(entry => MethodVariant.TryParse(entry, out MethodVariant variant)
            ? variant
            : throw new ArgumentException($"{entry} is no method", nameof(entries)))];
        MethodEntry[] methods = [.. variants.Select(v => v.Method).Distinct()];
        foreach (CliOption<string?> option in _options.Where(context.IsGiven))
            RequireTaken(context, option, methods, swept);
        MethodChoice[] choices = [.. variants.Select(v => Choice(context, v, shots) with { Label = v.Label })];
        ShowEffective(context, choices);
        return choices;
    }

    /// <summary>Puts the values that all methods with an option share into the settings.</summary>
    /// <exception cref="UserErrorException">Two methods are the same.</exception>
    public void ShowEffective(CommandContext context, IReadOnlyList<MethodChoice> choices)
    {
        RequireDistinct(choices);
        foreach (CliOption<string?> option in _options)
        {
            string name = NameOf(option);
            object[] values = [.. choices.Where(c => c.Options.ContainsKey(name)).Select(c => c.Options[name]).Distinct()];
            context.SetEffective(option, values is [var only] ? only : null);
        }
    }

    /// <summary>Whether the user gave an option of a method.</summary>
    public bool IsAnyGiven(CommandContext context) => _options.Any(context.IsGiven);

    /// <summary>Whether an option is one of a method.</summary>
    public bool Contains(Option option) => _options.Contains(option);

    /// <summary>Whether one of some methods has an option; true for an option that is not a method's.</summary>
    public bool IsTakenBy(Option option, IReadOnlyList<string> methods) =>
        !_options.Contains(option) || methods.Any(name => MethodRegistry.Named(name).Option(NameOf(option)) is not null);

    /// <summary>A method's options as JSON has them.</summary>
    public static Dictionary<string, object> Members(IReadOnlyDictionary<string, object> options) =>
        options.ToDictionary(o => ResultJson.MemberName(o.Key), o => o.Value);

    private static void RequireTaken(CommandContext context, CliOption<string?> option, MethodEntry[] chosen, bool swept)
    {
        string name = NameOf(option), found = context.Get(option)!;
        MethodEntry[] takers = [.. MethodRegistry.All.Where(m => m.Option(name) is not null)];
        MethodEntry[] taken = [.. chosen.Intersect(takers)];
        if (taken.Length == 0)
        {
            throw UserErrorException.ForOption(
                option.Name, found, $"only with {string.Join(", ", takers.Select(m => m.Name))} "
                    + $"({string.Join(", ", chosen.Select(m => m.Name))} {(chosen.Length > 1 ? "have" : "has")} no such option)");
        }
        if (swept && taken.All(m => m.Options[0].Name == name))
            throw UserErrorException.ForOption(option.Name, found, $"nothing: {option.Name} is what is tried, its values are {option.Name}s");
        foreach (MethodEntry method in taken)
            if (!method.Option(name)!.TryParse(found, out _))
                throw UserErrorException.ForOption(option.Name, found, $"{method.Option(name)!.Range} with {method.Name}");
    }

    // Two entries of the same settings would be compared with each other for nothing.
    private static void RequireDistinct(IReadOnlyList<MethodChoice> choices)
    {
        foreach ((int i, MethodChoice choice) in choices.Index())
        {
            if (choices.Take(i).FirstOrDefault(c => c.Name == choice.Name && c.Options.All(o => o.Value.Equals(choice.Options[o.Key]))) is { } same)
                throw UserErrorException.ForOption("--methods", choice.Label, $"settings that differ from {same.Label}'s");
        }
    }

    private MethodChoice Choice(CommandContext context, MethodVariant variant, int? shots)
    {
        MethodEntry method = variant.Method;
        var values = new Dictionary<string, object>();
        foreach (MethodOption option in method.Options)
            if (context.Get(_options.Single(o => NameOf(o) == option.Name)) is { } given)
                values[option.Name] = given;
        foreach ((string name, string text) in variant.Settings)
        {
            MethodOption option = method.Option(name) ?? throw UserErrorException.ForOption(
                "--methods", variant.Label,
                $"{method.Name} has {(method.Options.Count > 0 ? string.Join(", ", method.Options.Select(o => o.Name)) : "no options")}");
            if (!option.TryParse(text, out object value))
                throw UserErrorException.ForOption("--methods", variant.Label, $"{name} is {option.Range}");
            values[name] = value;
        }
        return MethodChoice.Create(method, values)
            .WithDefaults(option => (shots is { } n ? DigitsDemo.Default(method.Name, option, n) : null) ?? _commandDefault(method.Name, option));
    }

    private CliOption<string?> Make(string name, IReadOnlyList<(MethodEntry Method, MethodOption Option)> takers)
    {
        MethodOption first = takers[0].Option;
        string[] ranges = [.. takers.GroupBy(t => t.Option.Range)
            .Select((g, i) => i == 0 ? g.Key : $"{string.Join(", ", g.Select(t => t.Method.Name))}: {g.Key}")];
        string[] others = [.. MethodRegistry.Names.Except(takers.Select(t => t.Method.Name))];
        string takenBy = others.Length < takers.Count ? $"all but {string.Join(", ", others)}" : string.Join(", ", takers.Select(t => t.Method.Name));
        return new CliOption<string?>(
            "--" + name, first.Placeholder, $"{first.Summary} ({takenBy})", string.Join("; ", ranges), null, DefaultText(takers),
            (string text, out string? value) =>
            {
                // In its shortest form, so that 0.010 is 0.01 to a comparison of texts.
                object? read = takers.Select(t => t.Option.TryParse(text, out object found) ? found : null).FirstOrDefault(found => found is not null);
                value = read is null ? text : MethodOption.Text(read);
                return read is not null;
            });
    }

    // The most frequent default first, then who differs, then the digits.
    private string DefaultText(IReadOnlyList<(MethodEntry Method, MethodOption Option)> takers)
    {
        string[] groups =
        [
            .. takers
                .GroupBy(t => MethodOption.Text(_commandDefault(t.Method.Name, t.Option.Name) ?? t.Option.Default))
                .OrderByDescending(g => g.Count())
                .Select((g, i) => i == 0 ? g.Key : $"{string.Join(", ", g.Select(t => t.Method.Name))} {g.Key}"),
        ];
        string[] digits =
        [
            .. takers
                .Select(t => (t.Method.Name, Value: DigitsDemo.Default(t.Method.Name, t.Option.Name)))
                .Where(t => t.Value is not null)
                .Select(t => $"{t.Name} {MethodOption.Text(t.Value!)}"),
        ];
        string[] compared =
        [
            .. takers
                .Select(t => (t.Method.Name, Few: DigitsDemo.Default(t.Method.Name, t.Option.Name),
                    More: DigitsDemo.Default(t.Method.Name, t.Option.Name, DigitsDemo.ComparisonShots)))
                .Where(t => t.More is not null && !t.More.Equals(t.Few))
                .Select(t => $"{t.Name} {MethodOption.Text(t.More!)}"),
        ];
        return string.Join(", ", groups) + (digits.Length > 0 ? $"; digits: {string.Join(", ", digits)}" : "")
            + (compared.Length > 0 ? $", with {DigitsDemo.ComparisonShots} shots: {string.Join(", ", compared)}" : "");
    }

    private static string NameOf(Option option) => option.Name[2..];
}
