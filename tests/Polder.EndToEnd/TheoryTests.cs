using System.Text.Json.Nodes;

namespace Polder.EndToEnd;

public sealed class TheoryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-theory-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Convergence_has_its_figures_table_and_plot()
    {
        string plot = Path.Combine(_folder, "plot.svg"), csv = Path.Combine(_folder, "table.csv");
        (int code, string output, string error) = PolderProcess.Run(
            "converge", "--quick", "--repeats", "16", "--most-steps", "9", "--threads", "1", "--json", "-", "--plot", plot, "--csv", csv, "--quiet");
        Assert.Equal((0, ""), (code, error));
        JsonNode json = JsonNode.Parse(output)!;
        Assert.Equal((16, 9), ((int)json["settings"]!["repeats"]!, (int)json["settings"]!["mostSteps"]!));
        Assert.Equal(4, json["rates"]!.AsArray().Select(r => (int)r!["steps"]!).Distinct().Count());
        Assert.All(json["rates"]!.AsArray(), r => Assert.True((double)r!["gradient"]!["value"]! < (double)r["bound"]!));
        Assert.Contains("</svg>", File.ReadAllText(plot));
        Assert.Equal(["constants", "crossover", "noise", "rates", "scan", "slopes"],
            File.ReadLines(csv).Skip(1).Select(l => l.Split(',')[0]).Distinct().Order());
    }

    [Fact]
    public void Valleys_have_a_row_a_strength()
    {
        (int code, string output, _) = PolderProcess.Run(
            "valleys", "--methods", "base,nso,nso+pairs=2", "--strengths", "0.05,0.35", "--starts", "4", "--gradients", "40", "--json", "-", "--quiet",
            "--threads", "1");
        Assert.Equal(0, code);
        Assert.Equal(["base  40", "nso 0.05 20", "nso 0.35 20", "nso+pairs=2 0.05 10", "nso+pairs=2 0.35 10"],
            JsonNode.Parse(output)!["results"]!.AsArray().Select(r => $"{r!["method"]} {r["strength"]} {r["steps"]}"));
    }

    [Fact]
    public void All_methods_are_those_that_can_run_on_two_valleys()
    {
        (int code, string output, string error) = PolderProcess.Run(
            "valleys", "--methods", "all", "--strengths", "0.1", "--starts", "2", "--gradients", "16", "--json", "-", "--threads", "1");
        Assert.Equal(0, code);
        Assert.Contains("left out: functionalsam takes a network's outputs", error);
        string[] methods = [.. JsonNode.Parse(output)!["results"]!.AsArray().Select(r => (string)r!["method"]!)];
        Assert.Contains("ivon", methods);
        Assert.DoesNotContain("samon", methods);
    }

    [Fact]
    public void The_penalty_is_measured_along_a_training()
    {
        string plot = Path.Combine(_folder, "plot.svg");
        (int code, string output, string error) = PolderProcess.Run(
            "penalty", "--activations", "gelu", "--method", "nso", "--steps", "20", "--looks", "3", "--samples", "30", "--draws", "10", "--max-products",
            "20", "--sigmas", "0.01", "--seeds", "0,3",
            "--json", "-", "--quiet", "--threads", "1", "--plot", plot);
        Assert.Equal((0, ""), (code, error));
        Assert.Equal([(0, 0), (0, 1), (0, 20), (3, 0), (3, 1), (3, 20)],
            JsonNode.Parse(output)!["results"]!.AsArray().Select(r => ((int)r!["seed"]!, (int)r["step"]!)));
        Assert.True(File.Exists(plot));
    }

    [Fact]
    public void A_fair_comparison_chooses_on_some_problems_and_tests_on_others()
    {
        (int code, string output, _) = PolderProcess.Run(
            "sense-fair", "--dimension", "8", "--rank", "1", "--gradients", "80", "--points", "2", "--sigmas", "0.05,0.1", "--learning-rates", "0.01,0.02",
            "--choice-seeds", "5",
            "--seeds", "0..2", "--json", "-", "--quiet", "--threads", "1", "--jobs", "2", "--out", Path.Combine(_folder, "fair"));
        Assert.Equal(0, code);
        JsonNode json = JsonNode.Parse(output)!;
        Assert.Equal(4, json["choices"]!.AsArray().Count);
        Assert.Equal([0, 1, 2], json["tests"]!.AsArray().Select(t => (int)t!["seed"]!).Distinct());

        // What is finished is not made again, what is missing is, and all comes to the same.
        Assert.Contains("sense-fair", File.ReadAllText(Path.Combine(_folder, "fair", "report.html")));
        string[] cells = Directory.GetFiles(Path.Combine(_folder, "fair", "cells"), "*.json");
        Assert.Equal(8 + 12, cells.Length);
        foreach (string cell in cells.Take(5))
            File.Delete(cell);
        (code, string again, _) = PolderProcess.Run("sense-fair", "--resume", Path.Combine(_folder, "fair"), "--json", "-", "--quiet");
        Assert.Equal(0, code);
        foreach (string member in (string[])["choices", "tests"])
            Assert.Equal(json[member]!.ToJsonString(), JsonNode.Parse(again)![member]!.ToJsonString());
        (code, _, string error) = PolderProcess.Run("sense-fair", "--resume", Path.Combine(_folder, "fair"), "--sigmas", "0.2", "--quiet");
        Assert.Equal(2, code);
        Assert.Contains("--sigmas: found [0.2], allowed: [0.05,0.1]", error);
    }

    [Theory]
    [InlineData("--repeats: found 12, allowed: a multiple of 8", "converge", "--repeats", "12")]
    [InlineData("--points: found 1,3, allowed: whole numbers", "sense-fair", "--points", "1,3")]
    [InlineData("--choice-seeds: found 0,1,2,3,4", "sense-fair", "--choice-seeds", "0..4")]
    [InlineData("--strengths: found 0", "valleys", "--strengths", "0")]
    [InlineData("--image-size: found 32, allowed: 8 with the digits", "penalty", "--image-size", "32")]
    [InlineData("--methods: found samon", "valleys", "--methods", "samon", "--starts", "2")]
    [InlineData("passes", "valleys", "--methods", "nso+passes=split", "--starts", "4")]
    public void Wrong_input_is_one_line(string words, params string[] arguments)
    {
        (int code, string output, string error) = PolderProcess.Run([.. arguments, "--quiet"]);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("polder: ", error);
        Assert.Contains(words, error);
        Assert.Equal(error.Length - 1, error.IndexOf('\n'));
    }
}
