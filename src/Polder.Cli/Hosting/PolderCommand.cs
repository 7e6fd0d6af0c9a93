using System.CommandLine;
using Polder.Cli.Options;

namespace Polder.Cli.Hosting;

/// <summary>
/// A command of the program. A subclass makes its options in its constructor, adds them with <see cref="Command.Add(Option)"/> in the
/// order in which the help page lists them, and does its work in <see cref="Run"/>. <c>--json</c>, <c>--quiet</c> and <c>--verbose</c>
/// are every command's.
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

    /// <summary>Set by <see cref="UseTorch"/>.</summary>
    public CliOption<string>? Device { get; private set; }

    public CliOption<string?> Json { get; } = CommonOptions.Json();

    public CliFlag Quiet { get; } = CommonOptions.Quiet();

    public CliFlag Verbose { get; } = CommonOptions.Verbose();

    /// <summary>Whether the command cannot run where the native libraries do not load.</summary>
    public bool RequiresTorch { get; private set; }

    /// <summary>
    /// Says that the command computes with tensors: adds <c>--threads</c>, applied before it runs, and <c>--device</c>
    /// (<see cref="CommandContext.TorchDevice"/>).
    /// </summary>
    protected void UseTorch(bool required = true)
    {
        RequiresTorch = required;
        Add(Threads = CommonOptions.Threads());
        Add(Device = CommonOptions.Device());
    }

    /// <summary>
    /// The work. Wrong input is a <see cref="UserErrorException"/>; a stop is noticed through <see cref="CommandContext.Cancellation"/>
    /// and left with a <see cref="StoppedException"/>; the result goes to <see cref="CommandContext.Finish"/>.
    /// </summary>
    protected internal abstract void Run(CommandContext context);
}
