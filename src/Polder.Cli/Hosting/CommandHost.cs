using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using Spectre.Console;
using TorchSharp;

namespace Polder.Cli.Hosting;

/// <summary>Runs a command line: parse, set up, run, and turn whatever happens into an exit code and words.</summary>
internal sealed class CommandHost
{
    private readonly Consoles _consoles;
    private readonly RootCommand _root;
    private readonly HelpOption _help;
    private readonly VersionOption _version;
    private RankedJob? _job;

    public CommandHost(Consoles consoles, IReadOnlyList<PolderCommand> commands)
    {
        OnnxNetworks.Register();
        _consoles = consoles;
        _root = new RootCommand("find flat minima: fine-tune neural networks with noise stability optimization and measure how flat they are");
        _help = _root.Options.OfType<HelpOption>().Single();
        _version = _root.Options.OfType<VersionOption>().Single();
        foreach (PolderCommand command in commands)
        {
            command.AddCommon();
            _root.Add(command);
        }
    }

    /// <summary>Runs the command line and returns the exit code.</summary>
    /// <param name="arguments">What the user typed after <c>polder</c>.</param>
    /// <param name="cancellation">Stops the command as Ctrl-C does.</param>
    public int Run(IReadOnlyList<string> arguments, CancellationToken cancellation = default)
    {
        // One culture whatever the host's is: numbers read the same everywhere.
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
            return Dispatch(arguments, cancellation);
        }
        catch (Exception e)
        {
            ErrorReport report = ErrorReport.Of(e);
            if (_job is not null)
                return _job.Fail(report, SayRaw);
            if (!RankedJob.LeavesItToTheFirst(arguments))
                SayRaw(report.Text);
            return report.ExitCode;
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    /// <summary>Reads a command line. No response files: "@name" is a value like any other. No bundling: there are no one-letter options to bundle.</summary>
    internal static ParseResult Parse(Command root, IReadOnlyList<string> arguments) =>
        root.Parse(arguments, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });

    private int Dispatch(IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        if (arguments.Count > 0 && arguments[0] == "help")
            arguments = [.. arguments.Skip(1), "--help"];
        ParseResult parse = Parse(_root, arguments);
        Command command = parse.CommandResult.Command;
        if (arguments.Count == 0 || parse.GetResult(_help) is { Implicit: false })
        {
            HelpPage.Write(_consoles.Results, command);
            return ErrorReport.Done;
        }
        if (parse.GetResult(_version) is { Implicit: false })
        {
            _consoles.Results.Profile.Out.Writer.WriteLine($"polder {ProgramVersion.Text}");
            return ErrorReport.Done;
        }
        if (ParseErrors.Describe(parse) is { } error)
            throw new UserErrorException(error);
        if (command is not PolderCommand polderCommand)
            throw new UserErrorException($"no command: allowed: {string.Join(", ", _root.Subcommands.Select(c => c.Name))}");
        Run(polderCommand, parse, arguments, cancellation);
        return ErrorReport.Done;
    }

    private void Run(PolderCommand command, ParseResult parse, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        using var interruption = new Interruption(SayStopping, Abort);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(interruption.Token, cancellation);
        string? json = parse.GetValue(command.Json);
        if (json is not (null or "-"))
            OutputFile.RequireFolder("--json", json, "a file in a folder that exists, or -");
        foreach (CliOption<string?> option in command.Options.OfType<CliOption<string?>>()
            .Where(o => o.Name == "--plot" || command.TableFiles.Any(f => f.Option == o)))
            if (parse.GetValue(option) is { } file)
                OutputFile.RequireFolder(option.Name, file);
        var output = new CliOutput(_consoles, parse.GetValue(command.Quiet), parse.GetValue(command.Verbose), jsonOnly: json == "-");
        var line = new CommandLine(command, parse, arguments, output);
        if (command.Ranks is { } settings && line.Get(settings.Ranks) is { } ranks)
        {
            _job = RankedJob.Start(ranks);
            output = _job.Writes ? output : CliOutput.Silent;
            output.Verbose($"rank {_job.Ranks.Rank} of {ranks}, {_job.Library}");
        }
        bool hasTorch = command.LoadsTorch && LoadTorch(command.RequiresTorch);
        if (hasTorch)
            SetThreads(line.Get(command.Threads!));
        var context = new CommandContext(command, line, output, hasTorch, both.Token, _job);
        command.Run(context);
        _job?.Dispose();
    }

    private static bool LoadTorch(bool required)
    {
        NativeLoad load = NativeRuntime.Load();
        if (required && !load.IsLoaded)
            throw new UserErrorException($"libtorch does not load: {load.Reason}; {load.Remedy}");
        NativeRuntime.ApplyLogLevel();
        return load.IsLoaded;
    }

    private static void SetThreads(int? threads)
    {
        // libtorch counts the machine's cores, .NET those that the process may use (a container's limit).
        torch.set_num_threads(threads ?? Math.Min(torch.get_num_threads(), Environment.ProcessorCount));
    }

    private void SayStopping(string line)
    {
        if (_consoles.Messages.Profile.Out.IsTerminal)
            _consoles.Messages.Write(new Text(line + "\n"));
    }

    private void Abort()
    {
        if (_consoles.Live)
            _consoles.Messages.Cursor.Show(true);
        SayRaw("polder: stopped at once");
        Environment.Exit(ErrorReport.Stopped);
    }

    private void SayRaw(string text) => _consoles.Messages.Profile.Out.Writer.WriteLine(text);
}
