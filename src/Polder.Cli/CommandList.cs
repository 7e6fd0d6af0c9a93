using Polder.Cli.Files;
using Polder.Cli.Measuring;
using Polder.Cli.Training;

namespace Polder.Cli;

/// <summary>The commands of the program, in the order in which <c>polder --help</c> lists them: a new command is its own file and one line here.</summary>
internal static class CommandList
{
    private static readonly (string Name, Func<PolderCommand> Make)[] Commands =
    [
        ("compare", () => new CompareCommand()),
        ("study", () => new StudyCommand()),
        ("finetune", () => new FinetuneCommand()),
        ("evaluate", () => new EvaluateCommand()),
        ("predict", () => new PredictCommand()),
        ("tune", () => new TuneCommand()),
        ("methods", () => new MethodsCommand()),
        ("hessian", () => new HessianCommand()),
        ("stability", () => new StabilityCommand()),
        ("landscape", () => new LandscapeCommand()),
        ("bound", () => new BoundCommand()),
        ("penalty", () => new PenaltyCommand()),
        ("sense", () => new SenseCommand()),
        ("sense-fair", () => new SenseFairCommand()),
        ("converge", () => new ConvergeCommand()),
        ("valleys", () => new ValleysCommand()),
        ("weights", () => new WeightsCommand()),
        ("inspect", () => new InspectCommand()),
        ("convert", () => new ConvertCommand()),
        ("export", () => new ExportCommand()),
        ("report", () => new ReportCommand()),
        ("doctor", () => new DoctorCommand()),
    ];

    /// <summary>Fresh commands, one of each.</summary>
    public static IReadOnlyList<PolderCommand> All => [.. Commands.Select(c => c.Make())];

    /// <summary>What a command line needs: the command that it begins with, since making all of them takes longer than a short command; else all.</summary>
    public static IReadOnlyList<PolderCommand> For(IReadOnlyList<string> arguments) =>
        arguments.Count > 0 && Array.Find(Commands, c => c.Name == arguments[0]).Make is { } make ? [make()] : All;
}
