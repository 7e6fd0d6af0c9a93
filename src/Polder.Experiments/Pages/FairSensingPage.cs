using System.Text.Json.Nodes;

namespace Polder.Experiments.Pages;

/// <summary>The page of <c>polder sense-fair</c>: tested errors by sigma, of settings that were chosen on other problems.</summary>
internal static class FairSensingPage
{
    private sealed record Choice(string Method, double Sigma, int Steps, bool IsChosen, double? LearningRate = null, double? Error = null);

    private sealed record Test(string Method, double Sigma, double LearningRate, int Steps, long Seed, double Error, double Trace);

    private sealed record Form(Choice?[] Choices, Test[] Tests, string[] Diverged);

    /// <summary>Makes the page.</summary>
    public static Page Of(JsonObject result, string path)
    {
        Form found = ResultFile.Form<Form>(result, path);
        Choice[] choices = ResultFile.Whole(found.Choices, "choices", path);
        var tested = found.Tests.GroupBy(t => (t.Method, t.Sigma))
            .Select(g => (g.Key.Method, g.Key.Sigma, Error: Math.Exp(g.Average(t => Math.Log(t.Error))), Trace: g.Average(t => t.Trace), Runs: g.Count()))
            .OrderBy(t => t.Sigma).ToArray();
        var best = choices.Where(c => c.IsChosen).Select(c => tested.FirstOrDefault(t => (t.Method, t.Sigma) == (c.Method, c.Sigma))).Where(t => t.Runs > 0)
            .OrderBy(t => t.Error).ToArray();
        string lead = best.Length == 0 ? "Every tested run diverged."
            : "Each method at the sigma that other problems chose: "
                + $"{string.Join(", ", best.Select(t => $"{t.Method} at {Words.Number(t.Sigma)} {Words.Number(t.Error, 3)}"))}.";
        return TheoryPage.Of(result, path, "Matrix sensing, settings chosen on other problems", lead,
            new PageSection("Tested error", new PageColumns(
                new PageChart("Tested error", "The geometric mean over the tested problems, a line a method.", new PageAxis("sigma") { IsLogarithmic = true },
                    new PageAxis("error") { IsLogarithmic = true }, TheoryPage.Lines(tested.GroupBy(t => t.Method), t => t.Sigma, t => t.Error)),
                new PageChart("Error on the problems that settings were chosen on", "A line a method, at its best rate and stopping for each sigma.",
                    new PageAxis("sigma") { IsLogarithmic = true }, new PageAxis("error") { IsLogarithmic = true },
                    TheoryPage.Lines(choices.Where(c => c.Error is not null).GroupBy(c => c.Method), c => c.Sigma, c => c.Error!.Value)))),
            new PageSection("All settings", new PageTable("A star marks the sigma of each method.", ResultTable.Of(
                "choices", ["method", "sigma", "chosen", "rate", "steps", "error when chosen", "tested error", "Tr H", "runs"], choices, c =>
                {
                    var own = tested.FirstOrDefault(t => (t.Method, t.Sigma) == (c.Method, c.Sigma));
                    return
                    [
                        c.Method, ResultCell.Of(c.Sigma, "G4"), c.IsChosen ? "*" : "", ResultCell.Of(c.LearningRate, "G4"), c.Steps,
                        ResultCell.Of(c.Error, "G3"), own.Runs > 0 ? ResultCell.Of(own.Error, "G3") : ResultCell.None,
                        own.Runs > 0 ? ResultCell.Of(own.Trace, "G4") : ResultCell.None, own.Runs,
                    ];
                }))));
    }
}
