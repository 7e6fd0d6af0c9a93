using System.CommandLine;

namespace Polder.Cli.Hosting;

/// <summary>What was typed, with the values of a file that <c>--config</c> or <c>--resume</c> names; it does not change while the command runs.</summary>
internal sealed class CommandLine
{
    private readonly PolderCommand _command;
    private readonly ParseResult _parse;
    private readonly Dictionary<Option, object?> _ofFile = [];

    /// <summary>Reads the file that is named, if one is.</summary>
    /// <param name="command">The command.</param>
    /// <param name="parse">What was typed.</param>
    /// <param name="arguments">The same as words.</param>
    /// <param name="output">Where to say what is left out.</param>
    /// <exception cref="UserErrorException">The file cannot be read, has a member that is not allowed, or a typed option contradicts the run that is
    /// resumed.</exception>
    public CommandLine(PolderCommand command, ParseResult parse, IReadOnlyList<string> arguments, CliOutput output)
    {
        (_command, _parse, Arguments) = (command, parse, arguments);
        if (BegunRun() is { } resume)
        {
            Resumed = RunFolder.OpenUnfinished(parse.GetValue(resume)!, resume.Name[2..], command.Name);
            _ofFile = SettingsFile.Read(resume.Name, Resumed.ConfigurationFile, command).Where(e => command.IsOfRun(e.Key)).ToDictionary();
            RequireNoContradiction(Resumed);
            RunConfiguration configuration = Resumed.Configuration;
            if (configuration.Version != ProgramVersion.Text)
                output.Warn($"{Resumed.ConfigurationFile} is of polder {configuration.Version}, "
                    + $"this is {ProgramVersion.Text}: the numbers may differ from an uninterrupted run's");
            Arguments = configuration.Arguments;
        }
        else if (command.Config is { } config && parse.GetValue(config) is { } file)
        {
            foreach ((Option option, object? value) in SettingsFile.Read(config.Name, file, command))
            {
                if (!IsTyped(option) && command.TakesFromFile(option, Typed))
                    _ofFile[option] = value;
                else
                    output.Verbose($"{file}: {ResultJson.MemberName(option.Name)} is left out: the command line says otherwise");
            }
            // Results show a command that needs no file.
            Arguments =
            [
                command.Name, .. _ofFile.SelectMany(entry => Words(entry.Key, ValueKind.TextOf(entry.Value))),
                .. command.Options.Where(o => o != config && IsTyped(o)).SelectMany(o => o is CliFlag ? [o.Name] : (string[])[$"{o.Name}={Typed(o)}"]),
            ];
        }
    }

    /// <summary>The words that results show: those of the run that is resumed, else those that were typed.</summary>
    public IReadOnlyList<string> Arguments { get; }

    /// <summary>The run that the command goes on with; null where it begins one.</summary>
    public RunFolder? Resumed { get; }

    /// <summary>The value of an option: typed, of the file, or the default.</summary>
    public T? Get<T>(Option<T> option) => _ofFile.TryGetValue(option, out object? value) ? (T?)value : _parse.GetValue(option);

    /// <inheritdoc cref="Get{T}(Option{T})"/>
    public object? ValueOf(ICliOption option) => _ofFile.TryGetValue((Option)option, out object? value) ? value : option.ValueIn(_parse);

    /// <summary>The value of an argument.</summary>
    public T? Get<T>(Argument<T> argument) => _parse.GetValue(argument);

    /// <summary>Whether the option was typed or is in the file.</summary>
    public bool IsGiven(Option option) => _ofFile.ContainsKey(option) || IsTyped(option);

    // A value that begins with a dash would be taken for an option.
    private static string[] Words(Option option, string value) =>
        option is CliFlag ? [option.Name] : value.StartsWith('-') ? [$"{option.Name}={value}"] : [option.Name, value];

    // A folder that is shared may not be begun yet.
    private CliOption<string?>? BegunRun() => IsNamed(_command.Resume) ? _command.Resume
        : IsNamed(_command.Join) && RunFolder.IsBegun(_parse.GetValue(_command.Join!)!) ? _command.Join : null;

    private bool IsNamed(CliOption<string?>? option) => option is not null && _parse.GetValue(option) is not null;

    private bool IsTyped(Option option) => _parse.GetResult(option) is { Implicit: false };

    private string? Typed(Option option) => IsTyped(option) && _parse.GetResult(option) is { Tokens: [.., var last] } ? last.Value : null;

    private void RequireNoContradiction(RunFolder run)
    {
        Option?[] free = [_command.Resume, _command.Join, _command.Json, _command.Quiet, _command.Verbose, .. _command.TableFiles.Select(file => file.Option)];
        foreach (Option given in _command.Options.Where(o => IsTyped(o) && !free.Contains(o) && _command.IsOfRun(o)))
        {
            string found = ResultJson.Node(((ICliOption)given).ValueIn(_parse))?.ToJsonString() ?? "null";
            string own = run.Configuration.Settings[ResultJson.MemberName(given.Name)]?.ToJsonString() ?? "null";
            // An option whose type depends on the method is text on the command line and a number in the settings.
            if (found.Trim('"') != own.Trim('"'))
            {
                string way = given.Name == "--epochs" ? $"; to train on, begin another run from --weights {run.Best}" : "";
                throw UserErrorException.ForOption(given.Name, found, $"{own}, which {run.ConfigurationFile} says: a run is resumed as it was begun{way}");
            }
        }
    }
}
