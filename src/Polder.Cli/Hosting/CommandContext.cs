using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using TorchSharp;

namespace Polder.Cli.Hosting;

/// <summary>What a running command has: its option values, the output, the wish to stop, and a place for its result.</summary>
internal sealed class CommandContext
{
    private readonly PolderCommand _command;
    private readonly CommandLine _line;
    private readonly string? _json;
    private readonly (ResultFormat Format, string? Path)[] _tableFiles;
    private readonly bool _hasTorch;
    private readonly CancellationToken _own;
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    // As JSON only where somebody asks: making it takes a good part of the time of a short command.
    private readonly OrderedDictionary<string, object?> _settings = [];

    public CommandContext(
        PolderCommand command, CommandLine line, CliOutput output, bool hasTorch, CancellationToken cancellation, RankedJob? job = null)
    {
        (_command, _line, Output, _hasTorch, Folder, Job) = (command, line, output, hasTorch, line.Resumed, job);
        _own = Cancellation = cancellation;
        _json = Get(command.Json);
        _tableFiles = [.. command.TableFiles.Select(file => (file.Format, Get(file.Option)))];
        foreach (ICliOption option in _command.Options.OfType<ICliOption>())
            SetEffective(option, line.ValueOf(option));
        // What the file says is in the others.
        if (command.Config is { } config)
            SetEffective(config, null);
        // A run that goes on has the settings that it was begun with, its folder included.
        foreach ((string member, JsonNode? value) in line.Resumed?.Configuration.Settings ?? [])
            if (_settings.ContainsKey(member))
                _settings[member] = value;
        if (hasTorch)
            SetEffective(command.Threads!, torch.get_num_threads());
    }

    public CliOutput Output { get; }

    /// <summary>Cancelled by Ctrl-C.</summary>
    public CancellationToken Cancellation { get; private set; }

    /// <summary>The MPI job that this process is a rank of; null where the command is this process's alone.</summary>
    public RankedJob? Job { get; }

    /// <summary>Whether this process writes files: of a job's ranks the first does.</summary>
    public bool Writes => Job?.Writes != false;

    /// <summary>The run folder: that of the run that goes on, or the one that <see cref="CreateRunFolder"/> has made.</summary>
    public RunFolder? Folder { get; private set; }

    /// <summary>Which images are measured, for the result; null where that is not a matter of choice.</summary>
    public object? Sample { get; set; }

    /// <summary>Whether the command goes on with an earlier run.</summary>
    public bool IsResumed => _line.Resumed is not null;

    /// <summary>The command's <c>--json</c>.</summary>
    public CliOption<string?> JsonOption => _command.Json;

    /// <summary>Seconds since the command began.</summary>
    public double Seconds => _clock.Elapsed.TotalSeconds;

    /// <summary>The value of an option: the user's or the default.</summary>
    public T? Get<T>(Option<T> option) => _line.Get(option);

    /// <inheritdoc cref="Get{T}(Option{T})"/>
    public object? ValueOf(ICliOption option) => _line.ValueOf(option);

    /// <summary>The value of an argument.</summary>
    public T? Get<T>(Argument<T> argument) => _line.Get(argument);

    /// <summary>Whether the user said the option, on the command line or in a file.</summary>
    public bool IsGiven(Option option) => _line.IsGiven(option);

    /// <summary>Whether this process was asked to stop; of a job's ranks one may be, and the others not yet.</summary>
    public bool WantsToStop => _own.IsCancellationRequested;

    /// <summary>Does what all ranks of a job do together: there <see cref="Cancellation"/> comes to all of them at the same place.</summary>
    public T Together<T>(Func<T> work)
    {
        Cancellation = Job?.Together ?? _own;
        T result = work(); // where it throws, the words for it ask what was cancelled
        Cancellation = _own;
        return result;
    }

    /// <summary>Says the value that an option came to have where its default depends on other things: the settings show it.</summary>
    public void SetEffective(ICliOption option, object? value) => SetEffective(option.Name, value);

    /// <inheritdoc cref="SetEffective(ICliOption, object?)"/>
    public void SetEffective(string option, object? value) => _settings[ResultJson.MemberName(option)] = value;

    /// <summary>
    /// Makes the run folder and writes its config.json. Call it when every effective option is known (<see cref="SetEffective(ICliOption, object?)"/>)
    /// and the input has been checked, so that a mistake leaves no folder behind.
    /// </summary>
    /// <param name="folder">The value of <c>--out</c>; null takes <c>runs/COMMAND-N</c>.</param>
    /// <param name="plan">What the runs in it are; null where it is of one run.</param>
    /// <exception cref="SettingException">The folder exists and is not empty, or cannot be made.</exception>
    public RunFolder CreateRunFolder(string? folder, JsonObject? plan = null)
    {
        Folder = folder is null ? RunFolder.CreateNext("runs", _command.Name) : RunFolder.Create(folder);
        WriteConfiguration(plan);
        return Folder;
    }

    /// <summary>Writes the config.json of the run folder anew.</summary>
    /// <param name="plan">What the runs in it are.</param>
    public void WriteConfiguration(JsonObject? plan) => Folder!.WriteConfiguration(Configuration(plan));

    /// <summary>
    /// Makes the run folder that several processes share, or enters the one that another has made since this one looked: then that was begun with the
    /// same settings.
    /// </summary>
    /// <param name="folder">The value of <c>--join</c>.</param>
    /// <param name="plan">What the runs in it are.</param>
    /// <exception cref="UserErrorException">It was begun with other settings; the message names one.</exception>
    public RunFolder JoinRunFolder(string folder, JsonObject plan)
    {
        Folder = RunFolder.Shared(folder);
        if (!Folder.TryWriteConfiguration(Configuration(plan)))
        {
            foreach (Option option in _command.Options.Where(o => _command.IsOfRun(o) && !SettingsFile.IsOwnToACommandLine(o)))
                RequireSame(option.Name, Settings(), Folder.Configuration.Settings, ResultJson.MemberName(option.Name));
            foreach ((string member, _) in plan)
                RequireSame("--" + member, plan, Folder.Configuration.Plan ?? [], member);
        }
        return Folder;

        void RequireSame(string name, JsonObject own, JsonObject theirs, string member)
        {
            string found = own[member]?.ToJsonString() ?? "null", begun = theirs[member]?.ToJsonString() ?? "null";
            if (found != begun)
                throw UserErrorException.ForOption(name, found, $"{begun}, with which another process has begun {Folder.Path}");
        }
    }

    /// <summary>Enters the run folder that the first rank of a job has made.</summary>
    /// <param name="folder">The folder.</param>
    public RunFolder EnterRunFolder(string folder) => Folder = RunFolder.OpenUnfinished(folder, "out", _command.Name);

    /// <summary>Computes with so many threads, unless the user or the run that goes on says how many.</summary>
    public void PreferThreads(int threads)
    {
        if (!_hasTorch || IsGiven(_command.Threads!))
            return;
        torch.set_num_threads(threads);
        SetEffective(_command.Threads!, threads);
    }

    /// <summary>Shows the result to people, and writes it to the files that options name and, where there is a run folder, to its result.json.</summary>
    public void Finish(Result result)
    {
        if (!Writes)
            return;
        ResultTerminal.Write(Output, result);
        if (Folder is not null || _json is not null)
            WriteJson(result);
        foreach ((ResultFormat format, string? path) in _tableFiles)
            if (path is not null)
                AtomicFile.WriteText(path, format.Text(result));
    }

    private void WriteJson(Result result)
    {
        JsonObject envelope = Envelope();
        envelope["seconds"] = Seconds;
        if (Sample is not null)
            envelope["sample"] = ResultJson.Node(Sample);
        foreach ((string name, JsonNode? value) in (JsonObject)ResultJson.Node(result.Members)!)
            envelope[name] = value?.DeepClone();
        string text = ResultJson.Text(envelope);
        if (Folder is not null)
            AtomicFile.WriteSharedText(Folder.Result, text); // processes that share a folder may all end at the same time
        if (_json == "-")
            Output.Json(text);
        else if (_json is not null)
            AtomicFile.WriteText(_json, text);
    }

    private JsonObject Configuration(JsonObject? plan)
    {
        JsonObject configuration = Envelope();
        if (plan is not null)
            configuration["plan"] = plan.DeepClone();
        return configuration;
    }

    /// <summary>A hash of what the options came to be, for ranks to compare; where output goes plays no part.</summary>
    public ulong SettingsHash() => RankAgreement.HashOf(ResultJson.Text(new JsonObject(
        Settings().Where(s => s.Key is not ("out" or "json" or "plot" or "quiet" or "verbose" or "csv"))
            .Select(s => KeyValuePair.Create(s.Key, s.Value?.DeepClone())))));

    private JsonObject Settings() => new(_settings.Select(s => KeyValuePair.Create(s.Key, ResultJson.Node(s.Value))));

    private JsonObject Envelope() => new()
    {
        ["polder"] = ProgramVersion.Text,
        ["command"] = new JsonArray([.. _line.Arguments.Select(argument => JsonValue.Create(argument))]),
        ["settings"] = Settings(),
        ["environment"] = ResultJson.Node(RuntimeEnvironment.Describe(_hasTorch)),
    };
}
