using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Polder.Cli.Files;
using Polder.Cli.Measuring;
using Polder.Cli.Training;
using Polder.Experiments.Reports;

namespace Polder.Cli.Tests;

/// <summary>Help pages, tables, shapes of JSON and CSV files, against the approved files.</summary>
public partial class ApprovedTests
{
    public static TheoryData<string> Commands => [.. CommandList.All.Select(c => c.Name)];

    public static TheoryData<string> Results => [.. OfTheLibrary.Keys, .. OfCommands.Keys];

    /// <summary>Reports of the library, which are the same in whatever culture they are made.</summary>
    private static Dictionary<string, Func<Result>> OfTheLibrary { get; } = new()
    {
        ["compare"] = () => ComparisonReport.Of(
            new("photos", SampleResults.Comparison, 20, [new("nso", 4, "nso, seed 4: epoch 2: the loss is NaN")], [new("sam", 3, "the trace is infinite")]),
            "sgd", "runs/compare-1"),
        ["compare-one-seed"] = () => ComparisonReport.Of(new("photos", SampleResults.OneSeed, 2, [], []), "adam", "runs/compare-2"),
        ["sense"] = () => SensingReport.Of(SampleResults.Sensing, steps: 5000, pairs: 2, draws: 1),
        ["sense-fair"] = () => FairSensingReport.Of(SampleResults.Fair, SampleResults.FairOptions),
        ["converge"] = () => ConvergenceReport.Of(SampleResults.Convergence, new()),
        ["penalty"] = () => PenaltyReport.Of(SampleResults.Penalty, 500),
        ["valleys"] = () => ValleyReport.Of(SampleResults.Valleys, new()),
        ["evaluate"] = () => SampleResults.Evaluation(classes: 3),
        ["evaluate-many-classes"] = () => SampleResults.Evaluation(classes: 24),
        ["stability"] = () => StabilityReport.Of(SampleResults.Gap, 1000, 56229, SampleResults.Trace, new(0.05, 0.0123, 0.00045, 0.678)),
        ["landscape-line"] = () => LandscapeReport.Of(SampleResults.Line, 0.25, 1000, 56229, [12.5], null),
        ["landscape-plane"] = () => LandscapeReport.Of(SampleResults.Plane, 0.25, 1000, 56229, [1, 1], [new(12.5, 0.01, true), new(3.25, 0.02, true)]),
    };

    /// <summary>Reports of commands, which the program makes in its own culture.</summary>
    private static Dictionary<string, Func<Result>> OfCommands { get; } = new()
    {
        ["hessian"] = () => SampleResults.Hessian.ToResult("photos", 1000, 0.012345),
        ["bound"] = () => BoundReport.Of(SampleResults.Bound, new(5), SampleResults.Form, SampleResults.Premises),
        ["finetune"] = () => FinetuneCommand.ResultOf(SampleResults.Method, SampleResults.Training, SampleResults.Metrics(3), duplicates: 1, "runs/finetune-1"),
        ["tune"] = () => TuneCommand.ResultOf("photos", SampleResults.Grid, seeds: 5),
        ["predict"] = () => PredictCommand.ResultOf("best.safetensors", SampleResults.Predictions, showsTable: true),
        ["export"] = () => ExportCommand.ResultOf(SampleResults.Export, ["cat", "dog"], "pixels255"),
        ["doctor"] = () => new Result(new { }) { Blocks = DoctorCommand.Shown(SampleResults.Verdicts) },
    };

    [Theory]
    [MemberData(nameof(Commands))]
    public void Help_of_a_command_is_as_approved(string command) => Approval.Check($"help-{command}", () => Said(command, "--help"));

    [Fact]
    public void Help_is_as_approved() => Approval.Check("help", () => Said("--help"));

    [Fact]
    public void Methods_are_as_approved() =>
        Approval.Check("methods", () => Said("methods") + Shape("methods", JsonNode.Parse(Said("methods", "--json", "-"))!["methods"]));

    [Theory]
    [MemberData(nameof(Results))]
    public void A_result_is_as_approved(string name) => Approval.Check(name, () =>
    {
        Func<Result> result = OfCommands.GetValueOrDefault(name) ?? Made(OfTheLibrary[name]());
        string csv = Path.GetTempFileName();
        try
        {
            string[] parts = [.. new[] { 200, 80 }.Select(width => $"== {width} characters\n{Shown(result, width, "probe", "--csv", csv)}")];
            JsonObject json = JsonNode.Parse(Shown(result, 200, "probe", "--json", "-").Split("-- messages")[0])!.AsObject();
            string shape = string.Concat(json.Skip(5).Select(member => Shape(member.Key, member.Value)));
            return string.Concat(parts) + "== JSON\n" + shape + "== CSV\n" + ManyDigits().Replace(File.ReadAllText(csv),
                number => double.Parse(number.Value, CultureInfo.InvariantCulture).ToString("G12", CultureInfo.InvariantCulture));
        }
        finally
        {
            File.Delete(csv);
        }
    });

    private static string Said(params string[] arguments)
    {
        Outcome outcome = Outcome.Of(CommandList.All, 110, default, arguments);
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        return outcome.Output;
    }

    private static Func<Result> Made(Result result) => () => result;

    private static string Shown(Func<Result> result, int width, params string[] arguments)
    {
        Outcome outcome = Outcome.Of([new ProbeCommand((context, _) => context.Finish(result()))], width, default, arguments);
        Assert.Equal(0, outcome.ExitCode);
        return outcome.Output + (outcome.Error.Length > 0 ? "-- messages\n" + outcome.Error : "");
    }

    // The last digits are the machine's.
    [GeneratedRegex(@"\d+\.\d{12,}(E-\d+)?")]
    private static partial Regex ManyDigits();

    // Names and types, a line a member; of a list the first element that is not null stands for all.
    private static string Shape(string name, JsonNode? node, string indent = "") => $"{indent}{name}: " + node switch
    {
        JsonObject members => "object\n" + string.Concat(members.Select(m => Shape(m.Key, m.Value, indent + "  "))),
        JsonArray list => "list\n" + (list.Count > 0 ? Shape("each", list.FirstOrDefault(e => e is not null), indent + "  ") : ""),
        null => "null\n",
        _ => node.GetValueKind().ToString().ToLowerInvariant() + "\n",
    };
}
