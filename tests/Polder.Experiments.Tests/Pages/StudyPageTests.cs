using System.Text.Json.Nodes;
using Polder.Curvature;
using Polder.Experiments.Pages;
using Polder.Experiments.Reports;
using Polder.Experiments.Sensing;
using Polder.Experiments.Theory;
using Polder.Flatness;
using Polder.Settings;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Recipes;

namespace Polder.Experiments.Tests.Pages;

/// <summary>Pages of the studies that train nobody's network, from what their commands write with --json.</summary>
public sealed class StudyPageTests : IDisposable
{
    private static readonly SensingOptions Problem = new() { Dimension = 6, Rank = 1, Threads = 1 };

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-study-page-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string, string, string> Commands => new()
    {
        { "converge", "Convergence of NSO", "measured beside what is proved" },
        { "penalty", "What second order explains of NSO's penalty", "at sigma 0.01: relu 50.0 %, gelu 100.0 %" },
        { "sense", "Matrix sensing", "has the lowest error on measurements that were not trained on, over 1 problem." },
        { "sense-fair", "Matrix sensing, settings chosen on other problems", "Each method at the sigma that other problems chose:" },
        { "valleys", "Which of two minima", "of the starts in the narrow valley end in the wide one." },
    };

    [Theory, MemberData(nameof(Commands))]
    public void A_result_has_its_page(string command, string title, string lead)
    {
        Page page = ReportPages.Of(Write(command, Study(command)));
        Assert.Equal((command, title), (page.Kind, page.Title));
        Assert.Contains(lead, page.Lead, StringComparison.Ordinal);
        Assert.Contains(page.Sections.SelectMany(s => s.Blocks), b => b is PageColumns { Blocks: [PageChart, ..] });
        Assert.Contains($"polder {command} --seed 3", page.Html, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Commands))]
    public void A_result_with_a_gap_is_refused(string command, string title, string lead)
    {
        _ = (title, lead);
        JsonObject members = ResultJson.Node(Study(command).Members)!.AsObject();
        foreach (string name in members.Where(m => m.Value is JsonArray { Count: > 0 }).Select(m => m.Key).Where(n => n is not ("scan" or "crossover")))
        {
            JsonObject damaged = members.DeepClone().AsObject();
            damaged[name]!.AsArray()[0] = new JsonObject { ["nothing"] = 1 };
            string file = Write(command, damaged);
            Assert.Contains("is not a result as polder writes it", Assert.Throws<DataException>(() => ReportPages.Of(file)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_folder_of_them_has_a_table_that_leads_to_each()
    {
        foreach (string command in (string[])["penalty", "valleys"])
            Write(command, Study(command));
        Page page = ReportPages.Of(_folder);
        Assert.Equal("2 results: 1 by penalty, 1 by valleys.", page.Lead);
        Assert.True(File.Exists(Path.Combine(_folder, "valleys.html")));
    }

    private static Result Study(string command) => command switch
    {
        "converge" => Converge(new ConvergenceOptions { Repeats = 8, FewestStepsPower = 2, MostStepsPower = 4, Pairs = [1, 4], Threads = 1 }),
        "penalty" => PenaltyReport.Of(
            [
                Look(Activation.Relu, 0, 0), Look(Activation.Relu, 0, 10), Look(Activation.Relu, 1, 0), Look(Activation.Relu, 1, 10),
                Look(Activation.Gelu, 0, 0), Look(Activation.Gelu, 0, 10),
            ], 48),
        "sense" => SensingReport.Of(SensingStudy.Run(Problem with { Steps = 20, MetricsEvery = 5 }), 20, 1, 1),
        "sense-fair" => Fair(new FairSensingOptions
        {
            Problem = Problem,
            Gradients = 40,
            Points = [1, 2],
            Sigmas = [0.02, 0.1],
            LearningRates = [0.005],
            ChoiceSeeds = [9],
            Seeds = [0, 1],
            LookEvery = 10,
            TraceProducts = 20,
        }),
        _ => Valleys(new ValleyOptions
        {
            Starts = 4,
            Gradients = 20,
            Strengths = [0.1, 0.4],
            Methods = [MethodChoice.Create("base"), MethodChoice.Create("wp")],
        }),
    };

    private static PenaltyLook Look(Activation activation, long seed, int step) => new(
        activation, seed, step, 1, new TraceEstimate(200, 1, 20, 20, "hutchinson", 0, EstimateExit.Budget),
        [new NoiseGapPoint(0.01, new(activation == Activation.Relu ? 0.02 : 0.01, 1e-4, 20))]);

    private static Result Converge(ConvergenceOptions options) => ConvergenceReport.Of(ConvergenceStudy.Run(options), options);

    private static Result Fair(FairSensingOptions options) => FairSensingReport.Of(FairSensingStudy.Run(options), options);

    private static Result Valleys(ValleyOptions options) => ValleyReport.Of(ValleyStudy.Run(options), options);

    private string Write(string command, Result result) => Write(command, ResultJson.Node(result.Members)!.AsObject());

    private string Write(string command, JsonObject members)
    {
        string file = Path.Combine(_folder, $"{command}.json");
        members = members.DeepClone().AsObject();
        members["polder"] = "0.2.0";
        members["command"] = new JsonArray(command, "--seed", "3");
        members["settings"] = new JsonObject();
        members["seconds"] = 1.5;
        File.WriteAllText(file, ResultJson.Text(members));
        return file;
    }
}
