using Polder.Cli.Hosting;

namespace Polder.Cli.Commands;

/// <summary><c>polder doctor</c>: what this machine is and whether the native libraries work on it.</summary>
internal sealed class DoctorCommand : PolderCommand
{
    public DoctorCommand()
        : base("doctor", "check this machine: the native libraries, the processor, the threads")
    {
        UseTorch();
        Examples = ["polder doctor", "polder doctor --json -"];
    }

    protected internal override void Run(CommandContext context) => context.Finish(new { });
}
