using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Polder.Checkpoints.IO;
using Polder.Cli.Options;
using Polder.Cli.Output;
using Polder.Experiments.Reports;
using TorchSharp;

namespace Polder.Cli.Hosting;

/// <summary>What a running command has: its option values, the output, the wish to stop, and a place for its result.</summary>
internal sealed class CommandContext
{
    private readonly PolderCommand _command;
    private readonly string? _json;
    private readonly (ResultFormat Format, string? Path)[] _tableFiles;
    private readonly bool _hasTorch;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly JsonObject _settings = [];
    private bool _threadsSettled;
    private ParseResult _parse;
    private IReadOnlyList<string> _arguments;

    public CommandContext(
        PolderCommand command, ParseResult parse, IReadOnlyList<string> arguments, CliOutput output, bool hasTorch, CancellationToken cancellation)
    {
        (_command, _parse, _arguments, Output, _hasTorch, Cancellation) = (command, parse, arguments, output, hasTorch, cancellation);
        _json = Get(command.Json);
        _tableFiles = [.. command.TableFiles.Select(file => (file.Format, Get(file.Option)))];
        InitializeSettings();
    }

    public CliOutput Output { get; }

    /// <summary>Cancelled by Ctrl-C.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>The run folder, once <see cref="CreateRunFolder"/> has made it.</summary>
    public string? RunFolder { get; private set; }

    /// <summary>The command's <c>--json</c>.</summary>
    public CliOption<string?> JsonOption => _command.Json;

    /// <summary>Seconds since the command began.</summary>
    public double Seconds => _clock.Elapsed.TotalSeconds;

    /// <summary>The value of an option: the user's or the default.</summary>
    public T? Get<T>(Option<T> option) => _parse.GetValue(option);

    /// <summary>The value of an argument.</summary>
    public T? Get<T>(Argument<T> argument) => _parse.GetValue(argument);

    /// <summary>Whether the user typed the option.</summary>
    public bool IsGiven(Option option) => _parse.GetResult(option) is { Implicit: false };

    /// <summary>Whether the user typed the option, by its name; false for an option that the command lacks.</summary>
    public bool IsGiven(string option) => _command.Options.FirstOrDefault(o => o.Name == option) is { } known && IsGiven(known);

    /// <summary>Says the value that an option came to have where its default depends on other things: the settings show it.</summary>
    public void SetEffective(ICliOption option, object? value) => SetEffective(option.Name, value);

    /// <summary>What the user typed for an option; empty where it was not given.</summary>
    public string TextOf(string option) =>
        _command.Options.FirstOrDefault(o => o.Name == option) is { } known && _parse.GetResult(known) is { Tokens: [.., var last] } ? last.Value : "";

    /// <inheritdoc cref="SetEffective(ICliOption, object?)"/>
    public void SetEffective(string option, object? value) => _settings[ResultJson.MemberName(option)] = ResultJson.Node(value);

    /// <summary>
    /// Makes the run folder and writes its config.json. Call it when every effective option is known (<see cref="SetEffective(ICliOption, object?)"/>)
    /// and the input has been checked, so that a mistake leaves no folder behind.
    /// </summary>
    /// <param name="folder">The value of <c>--out</c>; null takes <c>runs/COMMAND-N</c>.</param>
    /// <exception cref="UserErrorException">The folder exists and is not empty, or cannot be made.</exception>
    public string CreateRunFolder(string? folder)
    {
        RunFolder = folder is null ? Hosting.RunFolder.CreateNext("runs", _command.Name) : Hosting.RunFolder.Create(folder);
        AtomicFile.WriteText(Path.Combine(RunFolder, "config.json"), ResultJson.Text(Envelope()));
        return RunFolder;
    }

    /// <summary>Computes with so many threads, unless the command line or the run that goes on says how many.</summary>
    public void PreferThreads(int threads)
    {
        if (!_hasTorch || _threadsSettled || IsGiven(_command.Threads!))
            return;
        torch.set_num_threads(threads);
        SetEffective(_command.Threads!, threads);
    }

    /// <summary>
    /// Goes on in the folder of an earlier run: from here on every option has the value of that run, the number of threads included.
    /// <c>--json</c>, <c>--csv</c>, <c>--quiet</c> and <c>--verbose</c> stay those of this command line.
    /// </summary>
    /// <param name="option">The option that names the folder.</param>
    /// <param name="folder">The run folder.</param>
    /// <exception cref="UserErrorException">It is no run folder of this command, or an option beside <paramref name="option"/> contradicts its settings.</exception>
    public void Resume(Option option, string folder)
    {
        RunConfiguration configuration = RunConfiguration.Read(option.Name, folder);
        if (configuration.Command.Count == 0 || configuration.Command[0] != _command.Name)
            throw UserErrorException.ForOption(option.Name, folder, $"a run folder of polder {_command.Name}");
        RequireNoContradiction(option, configuration);
        ParseResult parse = CommandHost.Parse(_parse.RootCommandResult.Command, configuration.Command);
        if (ParseErrors.Describe(parse) is { } error)
            throw new UserErrorException($"{configuration.Path}: its command does not fit this version of polder: {error}");
        if (configuration.Version != ProgramVersion.Text)
            Output.Warn($"{configuration.Path} is of polder {configuration.Version}, this is {ProgramVersion.Text}: the numbers may differ from an uninterrupted run's");
        (_parse, _arguments, RunFolder) = (parse, configuration.Command, folder);
        if (_hasTorch && (int?)configuration.Settings[ResultJson.MemberName(_command.Threads!.Name)] is { } threads)
            torch.set_num_threads(threads);
        _threadsSettled = true;
        InitializeSettings();
    }

    /// <summary>Takes the values of a file for the options that the user did not type; from here on all is as if they had been typed.</summary>
    /// <param name="option">The option that names the file.</param>
    /// <param name="path">The file.</param>
    /// <param name="fits">Whether an option of the file goes with what the user typed; those that do not are left out.</param>
    /// <exception cref="UserErrorException">The file cannot be read or has a member that is not allowed.</exception>
    public void Configure(Option option, string path, Func<Option, bool> fits)
    {
        Command root = _parse.RootCommandResult.Command;
        var all = SettingsFile.Read(option.Name, path, _command, arguments => CommandHost.Parse(root, arguments));
        var taken = all.Where(entry => !IsGiven(entry.Option) && fits(entry.Option)).ToArray();
        foreach (var (left, _) in all.Except(taken))
            Output.Verbose($"{path}: {ResultJson.MemberName(left.Name)} is left out: the command line says otherwise");
        string[] typed = [.. _command.Options.Where(o => o != option && IsGiven(o)).SelectMany(Typed)];
        string[] arguments = [_command.Name, .. taken.SelectMany(entry => entry.Typed), .. typed];
        ParseResult parse = CommandHost.Parse(root, arguments);
        if (ParseErrors.Describe(parse) is { } error)
            throw new UserErrorException($"{path}: {error}");
        (_parse, _arguments) = (parse, arguments);
        if (_hasTorch && Get(_command.Threads!) is { } threads)
            torch.set_num_threads(threads);
        InitializeSettings();

        IEnumerable<string> Typed(Option given) => _parse.GetResult(given)!.Tokens is [.., var value]
            ? [$"{given.Name}={value.Value}"]
            : [given.Name];
    }

    /// <summary>Shows the result to people, and writes it to the files that options name and, where there is a run folder, to its result.json.</summary>
    public void Finish(Result result)
    {
        ResultTerminal.Write(Output, result);
        JsonObject envelope = Envelope();
        envelope["seconds"] = Seconds;
        foreach ((string name, JsonNode? value) in (JsonObject)ResultJson.Node(result.Members)!)
            envelope[name] = value?.DeepClone();
        string text = ResultJson.Text(envelope);
        if (RunFolder is not null)
            AtomicFile.WriteText(Path.Combine(RunFolder, "result.json"), text);
        if (_json == "-")
            Output.Json(text);
        else if (_json is not null)
            AtomicFile.WriteText(_json, text);
        foreach ((ResultFormat format, string? path) in _tableFiles)
            if (path is not null)
                AtomicFile.WriteText(path, format.Text(result));
    }

    private void RequireNoContradiction(Option resume, RunConfiguration configuration)
    {
        Option[] free = [resume, _command.Json, _command.Quiet, _command.Verbose, .. _command.TableFiles.Select(file => file.Option)];
        foreach (Option given in _command.Options.Where(o => IsGiven(o) && !free.Contains(o)))
        {
            string found = ResultJson.Node(((ICliOption)given).ValueIn(_parse))?.ToJsonString() ?? "null";
            string own = configuration.Settings[ResultJson.MemberName(given.Name)]?.ToJsonString() ?? "null";
            // An option whose type depends on the method is text on the command line and a number in the settings.
            if (found.Trim('"') != own.Trim('"'))
                throw UserErrorException.ForOption(given.Name, found, $"{own}, which {configuration.Path} says: a run is resumed as it was begun");
        }
    }

    private void InitializeSettings()
    {
        _settings.Clear();
        foreach (ICliOption option in _command.Options.OfType<ICliOption>())
            SetEffective(option, option.ValueIn(_parse));
        if (_hasTorch)
            SetEffective(_command.Threads!, torch.get_num_threads());
    }

    private JsonObject Envelope() => new()
    {
        ["polder"] = ProgramVersion.Text,
        ["command"] = new JsonArray([.. _arguments.Select(argument => JsonValue.Create(argument))]),
        ["settings"] = _settings.DeepClone(),
        ["environment"] = ResultJson.Node(RuntimeEnvironment.Describe(_hasTorch)),
    };
}
