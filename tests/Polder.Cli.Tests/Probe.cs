using System.CommandLine;
using System.Text.Json.Nodes;
using Polder.Cli.Hosting;
using Polder.Cli.Options;
using Polder.Cli.Output;
using Spectre.Console.Testing;

namespace Polder.Cli.Tests;

/// <summary>A command with one option of each kind, whose work the test gives.</summary>
internal sealed class ProbeCommand : PolderCommand
{
    private readonly Action<CommandContext, ProbeCommand> _work;

    public ProbeCommand(Action<CommandContext, ProbeCommand> work)
        : base("probe", "do what the test says")
    {
        _work = work;
        Add(Heading.Method, Methods, Sigma, Pairs);
        Add(Heading.Training, Seeds, LearningRate, Optimizer, Frozen);
        Add(Heading.Output, Out, Plot);
        UseConfiguration(CommonOptions.Config());
    }

    public CliOption<double> Sigma { get; } = CommonOptions.Sigma(0.01);

    public CliOption<int> Pairs { get; } = CommonOptions.Pairs();

    public CliOption<IReadOnlyList<long>> Seeds { get; } = CommonOptions.Seeds("0..2");

    public CliOption<IReadOnlyList<string>> Methods { get; } = CommonOptions.Methods(["base", "nso"], ["base", "wp", "nso", "sam"]);

    public CliOption<double?> LearningRate { get; } = CommonOptions.LearningRate("by --arch");

    public CliOption<string> Optimizer { get; } = OptionOf.Choice("--optimizer", "the base optimizer", "sgd", "sgd", "adam", "adamw");

    public CliOption<string?> Out { get; } = CommonOptions.Out("probe");

    public CliOption<string?> Plot { get; } = CommonOptions.Plot();

    public CliFlag Frozen { get; } = new("--frozen", "a flag");

    /// <summary>Whether a file's value of an option is taken; all are by default.</summary>
    public Func<ProbeCommand, Option, bool> Takes { get; init; } = (_, _) => true;

    protected internal override bool TakesFromFile(Option option, Func<Option, string?> typed) => Takes(this, option);

    protected internal override void Run(CommandContext context) => _work(context, this);
}

/// <summary>What a command line came to.</summary>
internal sealed record Outcome(int ExitCode, string Output, string Error)
{
    public JsonObject Json => JsonNode.Parse(Output)!.AsObject();

    public static Outcome Of(Action<CommandContext, ProbeCommand> work, params string[] arguments) => Of(work, default, arguments);

    public static Outcome Of(Action<CommandContext, ProbeCommand> work, CancellationToken cancellation, params string[] arguments) =>
        Of([new ProbeCommand(work)], 200, cancellation, arguments);

    public static Outcome Of(IReadOnlyList<PolderCommand> commands, int width, CancellationToken cancellation, params string[] arguments)
    {
        using TestConsole results = new TestConsole().Width(width), messages = new TestConsole().Width(200);
        int code = new CommandHost(new Consoles(results, messages, Live: false), commands).Run(arguments, cancellation);
        return new Outcome(code, results.Output, messages.Output);
    }
}
