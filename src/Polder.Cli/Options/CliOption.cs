using System.CommandLine;
using System.CommandLine.Parsing;

namespace Polder.Cli.Options;

/// <summary>What help pages, error messages and the JSON settings need of an option, whatever its type.</summary>
internal interface ICliOption
{
    /// <summary>The name with its dashes.</summary>
    string Name { get; }

    /// <summary>What the option means, with its unit: one sentence without a full stop.</summary>
    string Summary { get; }

    /// <summary>The word that stands for the value in a help page; empty for a flag.</summary>
    string Placeholder => "";

    /// <summary>The default as a user would type it, or words for it; empty where there is none.</summary>
    string DefaultText => "";

    /// <summary>The allowed values, for example "a number >= 0"; empty for a flag.</summary>
    string Allowed => "";

    /// <summary>Where a help page lists it.</summary>
    Heading Heading { get; set; }

    /// <summary>The value where nothing is given.</summary>
    object? Default { get; }

    /// <summary>The value that a command line gives it.</summary>
    object? ValueIn(ParseResult result);

    /// <summary>Reads a value as it would be typed; false where it is not allowed.</summary>
    bool TryRead(string text, out object? value);
}

/// <summary>Reads the text of one option value; false where the text is not an allowed value.</summary>
internal delegate bool ValueParser<T>(string text, out T value);

/// <summary>An option with one value, whose errors read <c>--name: found X, allowed: Y</c>.</summary>
internal sealed class CliOption<T> : Option<T>, ICliOption
{
    private readonly ValueParser<T> _parse;

    public CliOption(string name, string placeholder, string summary, string allowed, T @default, string defaultText, ValueParser<T> parse)
        : base(name)
    {
        Summary = summary;
        Placeholder = placeholder;
        Allowed = allowed;
        DefaultText = defaultText;
        HelpName = placeholder;
        Description = summary;
        Arity = ArgumentArity.ExactlyOne;
        DefaultValueFactory = _ => @default;
        Default = @default;
        _parse = parse;
        CustomParser = Parse;
    }

    public string Summary { get; }

    public string Placeholder { get; }

    public string DefaultText { get; }

    public string Allowed { get; }

    public Heading Heading { get; set; }

    public object? Default { get; }

    public object? ValueIn(ParseResult result) => result.GetValue(this);

    public bool TryRead(string text, out object? value)
    {
        bool allowed = _parse(text, out T read);
        value = read;
        return allowed;
    }

    private T? Parse(ArgumentResult argument)
    {
        string text = argument.Tokens.Count > 0 ? argument.Tokens[^1].Value : "";
        if (_parse(text, out T value))
            return value;
        argument.AddError(OptionErrors.Found(Name, text, Allowed));
        return default;
    }
}

/// <summary>An option without a value: given or not.</summary>
internal sealed class CliFlag : Option<bool>, ICliOption
{
    public CliFlag(string name, string summary)
        : base(name)
    {
        Summary = summary;
        Description = summary;
        Arity = ArgumentArity.Zero;
    }

    public string Summary { get; }

    public Heading Heading { get; set; }

    public object? Default => false;

    public object? ValueIn(ParseResult result) => result.GetValue(this);

    public bool TryRead(string text, out object? value)
    {
        value = text == "true";
        return text is "true" or "false";
    }
}

/// <summary>The one form of a message about an option.</summary>
internal static class OptionErrors
{
    public static string Found(string name, string found, string allowed) =>
        $"{name}: found {(found.Length == 0 ? "nothing" : found)}, allowed: {allowed}";
}
