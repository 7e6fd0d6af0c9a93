using System.CommandLine;
using System.Text.Json;

namespace Polder.Cli.Hosting;

/// <summary>
/// A JSON file of option values: an object with a member an option in camelCase, or the config.json of a run folder, which has such an object in
/// <c>settings</c>.
/// </summary>
internal sealed class SettingsFile
{
    // What belongs to one command line and not to what is computed.
    private static readonly string[] OwnToACommandLine = ["--config", "--resume", "--join", "--jobs", "--take-over-after", "--json", "--quiet", "--verbose",
        .. ResultFormat.All.Select(format => format.Option)];

    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    private const int LongestShown = 60;

    private readonly string _path;
    private readonly PolderCommand _command;

    private SettingsFile(string path, PolderCommand command) => (_path, _command) = (path, command);

    /// <summary>Reads a file.</summary>
    /// <param name="option">The option that named it, for the message.</param>
    /// <param name="path">The file.</param>
    /// <param name="command">The command whose options its members are.</param>
    /// <returns>The values of options; those that are null, or in a config.json as without the option, are left out.</returns>
    /// <exception cref="UserErrorException">It cannot be read, a member is no option, or has a value that is not allowed; the message names the file
    /// and the member.</exception>
    public static Dictionary<Option, object?> Read(string option, string path, PolderCommand command)
    {
        if (!File.Exists(path))
            throw UserErrorException.ForOption(option, $"{path}, which {(Directory.Exists(path) ? "is a folder" : "is no file")}",
                "a JSON file of settings, such as the config.json of a run folder");
        try
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllText(path), Lenient);
            return new SettingsFile(path, command).Read(json.RootElement);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: is no JSON file of settings: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    /// <summary>Whether an option says nothing of what is computed.</summary>
    public static bool IsOwnToACommandLine(Option option) => OwnToACommandLine.Contains(option.Name) || option.Name == "--out";

    /// <summary>Whether two values of an option are the same in JSON.</summary>
    public static bool Same(object? value, object? other) => ResultJson.Node(value)?.ToJsonString() == ResultJson.Node(other)?.ToJsonString();

    private Dictionary<Option, object?> Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw new UserErrorException($"{_path}: found {Shown(root)}, allowed: an object of settings");
        bool ofRun = root.TryGetProperty("settings", out JsonElement settings) && settings.ValueKind == JsonValueKind.Object;
        if (ofRun && root.TryGetProperty("command", out JsonElement typed) && typed.ValueKind == JsonValueKind.Array && typed.GetArrayLength() > 0
            && Shown(typed[0]) != $"\"{_command.Name}\"")
            throw new UserErrorException($"{_path}: command: found {Shown(typed[0])}, allowed: \"{_command.Name}\": the file is of another command's run");

        var found = new Dictionary<Option, object?>();
        var seen = new HashSet<string>();
        foreach (JsonProperty member in (ofRun ? settings : root).EnumerateObject())
        {
            if (!seen.Add(member.Name))
                throw new UserErrorException($"{_path}: {member.Name}: found twice, allowed: once");
            if (member is { Name: "device", Value.ValueKind: JsonValueKind.String } && member.Value.GetString() == "cpu")
                continue; // version 0.1.0 had an option for what was always so
            Option option = OptionOf(member.Name);
            bool own = OwnToACommandLine.Contains(option.Name);
            // A run folder's own place and ways of telling are not those of the next run.
            if (ofRun && (own || option.Name == "--out"))
                continue;
            if (own)
                throw new UserErrorException($"{_path}: {member.Name}: found {Shown(member.Value)}, allowed: only on the command line, as {option.Name}");
            if (member.Value.ValueKind == JsonValueKind.Null)
                continue;
            if (!IsOfKind(member.Value, option) || !((ICliOption)option).TryRead(Typed(member.Value), out object? value))
                throw Wrong(member, option);
            // A config.json says the value of every option, also of those that other options would have to ask for.
            if (option is CliFlag ? value is true : !ofRun || !Same(value, ((ICliOption)option).Default))
                found[option] = value;
        }
        // An earlier version did not say the settings that came after it.
        foreach (Option option in ofRun ? _command.Options : [])
            if (RecipeFields.Find(option.Name.TrimStart('-'))?.FormerValue is { } before && !seen.Contains(ResultJson.MemberName(option.Name)))
                found[option] = before;
        return found;
    }

    private Option OptionOf(string member)
    {
        Option[] options = [.. _command.Options.Where(o => o is ICliOption)];
        if (options.FirstOrDefault(o => o.Aliases.Append(o.Name).Any(name => ResultJson.MemberName(name) == member)) is { } option)
            return option;
        string nearest = ParseErrors.Nearest(member, options.Select(o => ResultJson.MemberName(o.Name))) is { } near ? $"{near}, or another option"
            : "an option";
        throw new UserErrorException($"{_path}: {member}: no setting of polder {_command.Name}, "
            + $"allowed: {nearest} of polder {_command.Name} --help, written as learningRate for --learning-rate");
    }

    // Numbers for numbers, text for the rest; what lists several is text or an array.
    private static bool IsOfKind(JsonElement value, Option option)
    {
        ICliOption known = (ICliOption)option;
        return value.ValueKind switch
        {
            JsonValueKind.True or JsonValueKind.False => option is CliFlag,
            JsonValueKind.Number => option is not CliFlag && known.Allowed.Contains("number", StringComparison.Ordinal),
            JsonValueKind.String => option is not CliFlag
                && !(known.Allowed.StartsWith("a number", StringComparison.Ordinal) || known.Allowed.StartsWith("a whole number", StringComparison.Ordinal))
                || known.Allowed.Contains("auto:", StringComparison.Ordinal) || option.ValueType == typeof(string),
            JsonValueKind.Array => known.Placeholder.Contains(',', StringComparison.Ordinal)
                && value.EnumerateArray().All(e => e.ValueKind is JsonValueKind.Number or JsonValueKind.String),
            _ => false,
        };
    }

    private static string Typed(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => string.Join(',', value.EnumerateArray().Select(Typed)),
        JsonValueKind.String => value.GetString()!,
        _ => value.GetRawText(),
    };

    private UserErrorException Wrong(JsonProperty member, Option option) =>
        new($"{_path}: {member.Name}: found {Shown(member.Value)}, allowed: {(option is CliFlag ? "true, false" : ((ICliOption)option).Allowed)}");

    private static string Shown(JsonElement value)
    {
        string text = value.GetRawText().ReplaceLineEndings(" ");
        return text.Length <= LongestShown ? text : text[..(LongestShown - 3)] + "...";
    }
}
