using Polder.Cli.Files;
using Polder.Cli.Measuring;
using Polder.Cli.Training;

namespace Polder.Cli;

/// <summary>The commands of the program, in the order in which <c>polder --help</c> lists them: a new command is its own file and one line here.</summary>
internal static class CommandList
{
    /// <summary>Fresh commands, one of each.</summary>
    public static IReadOnlyList<PolderCommand> All =>
    [
        new CompareCommand(),
        new FinetuneCommand(),
        new EvaluateCommand(),
        new PredictCommand(),
        new TuneCommand(),
        new MethodsCommand(),
        new HessianCommand(),
        new StabilityCommand(),
        new LandscapeCommand(),
        new BoundCommand(),
        new SenseCommand(),
        new WeightsCommand(),
        new InspectCommand(),
        new ConvertCommand(),
        new ExportCommand(),
        new DoctorCommand(),
    ];
}
