using System.CommandLine;

namespace Polder.Cli.Hosting;

/// <summary>
/// A command of the program. A subclass makes its options in its constructor, adds them with <see cref="Add"/> in the order in which the
/// help page lists them under each heading, and does its work in <see cref="Run"/>. <c>--json</c>, <c>--quiet</c> and <c>--verbose</c>
/// are every command's, the options of <see cref="ResultFormat"/> those of every command that shows a table.
/// </summary>
internal abstract class PolderCommand : Command
{
    /// <param name="name">What the user types.</param>
    /// <param name="summary">One line for the list of commands, without a full stop.</param>
    protected PolderCommand(string name, string summary)
        : base(name, summary)
    {
        // The host runs the command itself; the parser only needs to know that it may stand alone.
        SetAction(_ => 0);
    }

    /// <summary>Command lines that a reader can paste.</summary>
    public IReadOnlyList<string> Examples { get; init; } = [];

    /// <summary>Set by <see cref="UseTorch"/>.</summary>
    public CliOption<int?>? Threads { get; private set; }

    public CliOption<string?> Json { get; } = CommonOptions.Json();

    /// <summary>The files that the tables can be written to.</summary>
    public IReadOnlyList<(ResultFormat Format, CliOption<string?> Option)> TableFiles { get; private set; } = [];

    public CliFlag Quiet { get; } = CommonOptions.Quiet();

    public CliFlag Verbose { get; } = CommonOptions.Verbose();

    /// <summary>Set by <see cref="UseConfiguration"/>.</summary>
    public CliOption<string?>? Config { get; private set; }

    /// <summary>The option that names a run folder to go on in; null where the command has none.</summary>
    public CliOption<string?>? Resume { get; protected init; }

    /// <summary>The option that names a run folder that several processes share; null where the command has none.</summary>
    public CliOption<string?>? Join { get; protected init; }

    /// <summary>Set by <see cref="UseRanks"/>.</summary>
    public RankSettings? Ranks { get; private set; }

    /// <summary>Whether the command cannot run where the native libraries do not load.</summary>
    public bool RequiresTorch { get; private set; }

    /// <summary>Whether the native libraries are loaded before the command runs.</summary>
    public bool LoadsTorch { get; private set; }

    /// <summary>Whether the result has a table.</summary>
    protected bool ShowsTables { get; init; } = true;

    /// <summary>Adds options, which the help page lists under a heading.</summary>
    public void Add(Heading heading, params ReadOnlySpan<ICliOption> options)
    {
        foreach (ICliOption option in options)
        {
            option.Heading = heading;
            if (Options.Any(o => o.Name == ((Option)option).Name))
                throw new InvalidOperationException($"{Name} has {((Option)option).Name} already.");
            Add((Option)option);
        }
    }

    /// <summary>Adds the options that every command has, after its own.</summary>
    internal void AddCommon()
    {
        Add(Heading.Output, Json);
        TableFiles = [.. ResultFormat.All.Where(_ => ShowsTables).Select(format => (format, format.ToOption()))];
        Add(Heading.Output, [.. TableFiles.Select(file => file.Option)]);
        Add(Heading.Running, Quiet, Verbose);
    }

    /// <summary>Says that the command computes with tensors: adds <c>--threads</c>, applied before it runs.</summary>
    /// <param name="required">Whether the command cannot run where the native libraries do not load.</param>
    /// <param name="loads">Whether they are loaded before it runs. False: it seldom needs them, and takes the option as others do.</param>
    protected void UseTorch(bool required = true, bool loads = true)
    {
        (RequiresTorch, LoadsTorch) = (required, loads);
        Add(Heading.Running, Threads = CommonOptions.Threads());
    }

    /// <summary>Says that several processes of an MPI job can do the command's work: adds <c>--ranks</c>, for which MPI is started before it runs.</summary>
    /// <param name="trains">Whether it shares the steps of one training, which has more to say about it.</param>
    protected void UseRanks(bool trains = false)
    {
        Ranks = new RankSettings();
        Add(Heading.Running, Ranks.Ranks);
        if (trains)
            Add(Heading.Running, Ranks.BatchParts, Ranks.Reproducible);
    }

    /// <summary>Says that options may come from a JSON file: adds <c>--config</c>, whose values are taken before the command runs.</summary>
    public void UseConfiguration(CliOption<string?> config) => Add(Heading.Running, Config = config);

    /// <summary>Whether a file's value of an option goes with what was typed.</summary>
    /// <param name="option">The option.</param>
    /// <param name="typed">What was typed for an option; null where nothing was.</param>
    protected internal virtual bool TakesFromFile(Option option, Func<Option, string?> typed) => true;

    /// <summary>Whether an option is as the run was begun that the command goes on with; others may be said anew, and are not taken from the run.</summary>
    /// <param name="option">The option.</param>
    protected internal virtual bool IsOfRun(Option option) => true;

    /// <summary>
    /// The work. Wrong input is a <see cref="UserErrorException"/>; a stop is noticed through <see cref="CommandContext.Cancellation"/>
    /// and left with a <see cref="StoppedException"/>; the result goes to <see cref="CommandContext.Finish"/>.
    /// </summary>
    protected internal abstract void Run(CommandContext context);
}
