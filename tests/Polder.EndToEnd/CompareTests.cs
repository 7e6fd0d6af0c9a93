using System.Text.Json.Nodes;

namespace Polder.EndToEnd;

public sealed class CompareTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-compare-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Json_has_every_run_and_the_paired_difference()
    {
        string run = Path.Combine(_folder, "run"), csv = Path.Combine(_folder, "compare.csv");
        (int code, string output, string error) = PolderProcess.Run(
            "compare", "--shots", "5", "--methods", "base,wp,nso", "--seeds", "0..1", "--epochs", "2", "--threads", "1", "--json", "-", "--csv", csv, "--quiet",
            "--out", run);

        Assert.Equal((0, ""), (code, error));
        JsonObject json = JsonNode.Parse(output)!.AsObject();
        foreach (string member in (string[])["polder", "command", "settings", "environment", "seconds"])
            Assert.True(json.ContainsKey(member), member);
        JsonArray results = json["results"]!.AsArray();
        Assert.Equal(["base", "wp", "nso"], results.Select(r => (string)r!["method"]!));
        JsonNode[][] runs = [.. results.Select(r => r!["runs"]!.AsArray().Select(x => x!).ToArray())];
        Assert.All(runs, r => Assert.Equal([0, 1], r.Select(x => (int)x["seed"]!)));
        // One-point noise has as many gradients as NSO: two draws, one pair.
        long[] gradients = [.. runs.Select(r => (long)r[0]["gradientEvaluations"]!)];
        Assert.Equal([gradients[0], 2 * gradients[0], 2 * gradients[0]], gradients);

        for (int m = 0; m < 3; m++)
        {
            double[] accuracies = [.. runs[m].Select(r => (double)r["testAccuracy"]!)], reference = [.. runs[0].Select(r => (double)r["testAccuracy"]!)];
            Assert.Equal(accuracies.Average(), (double)results[m]!["testAccuracy"]!["mean"]!, 1e-12);
            Assert.Equal(Math.Abs(accuracies[0] - accuracies[1]) / Math.Sqrt(2), (double)results[m]!["testAccuracy"]!["standardDeviation"]!, 1e-12);
            Assert.Equal(2, (int)results[m]!["testAccuracy"]!["count"]!);
            JsonObject difference = results[m]!["differenceToBase"]!.AsObject();
            Assert.Equal(["high", "low", "mean", "p", "pHolm", "pairs", "standardError"], difference.Select(e => e.Key).Order(StringComparer.Ordinal));
            Assert.Equal(accuracies.Average() - reference.Average(), (double)difference["mean"]!, 1e-12);
            Assert.Equal((2, null), ((int)difference["pairs"]!, difference["p"]));

            // On the digits the curvature of the tested weights is measured without being asked for.
            AssertColumn("trace", runs[m], runs[0], results[m]!);
            AssertColumn("topEigenvalue", runs[m], runs[0], results[m]!);
            Assert.All(runs[m], r =>
            {
                JsonNode curvature = r["curvature"]!;
                Assert.Equal((25, 56229), ((int)curvature["samples"]!, (int)curvature["parameters"]!));
                // What has not reached its tolerance by the budget of products says so.
                double trace = Math.Abs((double)curvature["trace"]!["value"]!), error = (double)curvature["trace"]!["standardError"]!;
                Assert.Equal(error <= 0.05 * trace ? "tolerance" : "budget", (string)curvature["trace"]!["exit"]!);
                Assert.InRange(error, 0, 0.2 * trace);
                Assert.InRange((double)curvature["topEigenvalue"]!["residual"]!, 0, 1e-3 * (double)curvature["topEigenvalue"]!["value"]!);
            });
        }
        Assert.Equal(("on", 1000), ((string)json["settings"]!["curvature"]!, (int)json["settings"]!["curvatureSamples"]!));
        Assert.Equal(0.05, (double)json["settings"]!["curvatureError"]!);
        Assert.True(JsonNode.DeepEquals(json, JsonNode.Parse(File.ReadAllText(Path.Combine(run, "result.json")))));
        Assert.True(File.Exists(Path.Combine(run, "config.json")));

        string[][] lines = [.. File.ReadAllText(csv).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Where(line => !line.Contains('"'))
            .Select(line => line.Split(','))];
        int Field(string name) => Array.IndexOf(lines[0], name);
        Assert.Equal(["table", "method", "label"], lines[0].Take(3));
        Assert.Equal(
            runs.SelectMany((r, m) => r.Select(x => (Method: (string)results[m]!["method"]!, Seed: (long)x["seed"]!, Accuracy: (double)x["testAccuracy"]!))),
            lines.Where(line => line[0] == "runs").Select(line => (line[1], long.Parse(line[Field("seed")]), double.Parse(line[Field("testAccuracy")]))));
    }

    [Fact]
    public void A_method_several_times_has_settings_of_its_own()
    {
        (int code, string output, string error) = PolderProcess.Run(
            "compare", "--shots", "5", "--methods", "base,nso,nso+passes=split,nso+sigma=0.05+pairs=2", "--sigma", "0.03", "--seeds", "0", "--epochs", "2",
            "--curvature", "off", "--threads", "1", "--json", "-", "--quiet",
            "--out", Path.Combine(_folder, "run"));

        Assert.Equal((0, ""), (code, error));
        JsonArray results = JsonNode.Parse(output)!["results"]!.AsArray();
        Assert.Equal(["base", "nso", "nso", "nso"], results.Select(r => (string)r!["method"]!));
        Assert.Equal(["base", "nso", "nso+passes=split", "nso+sigma=0.05+pairs=2"], results.Select(r => (string)r!["label"]!));
        Assert.Equal([(0.03, "full", 1), (0.03, "split", 1), (0.05, "full", 2)], results.Skip(1).Select(
            r => ((double)r!["options"]!["sigma"]!, (string)r["options"]!["passes"]!, (int)r["options"]!["pairs"]!)));
        long[] gradients = [.. results.Select(r => (long)r!["runs"]![0]!["gradientEvaluations"]!)];
        Assert.Equal([gradients[0], 2 * gradients[0], gradients[0], 4 * gradients[0]], gradients);
    }

    private static void AssertColumn(string name, JsonNode[] runs, JsonNode[] reference, JsonNode result)
    {
        double[] own = [.. runs.Select(r => (double)r["curvature"]![name]!["value"]!)],
            other = [.. reference.Select(r => (double)r["curvature"]![name]!["value"]!)];
        Assert.Equal(own.Average(), (double)result[name]!["mean"]!, 1e-9 * own.Average());
        Assert.Equal(Math.Abs(own[0] - own[1]) / Math.Sqrt(2), (double)result[name]!["standardDeviation"]!, 1e-9 * own.Average());
        JsonObject difference = result[name + "DifferenceToBase"]!.AsObject();
        Assert.Equal(["high", "low", "mean", "p", "pHolm", "pairs", "standardError"], difference.Select(e => e.Key).Order(StringComparer.Ordinal));
        Assert.Equal(own.Average() - other.Average(), (double)difference["mean"]!, 1e-9 * own.Average());
        Assert.Equal((2, null), ((int)difference["pairs"]!, difference["p"]));
    }

    [Fact]
    public void Without_curvature_its_members_are_null_and_the_table_is_not_shown()
    {
        string file = Path.Combine(_folder, "result.json");
        (int code, string output, _) = PolderProcess.Run(
            "compare", "--methods", "base", "--seeds", "0", "--epochs", "1", "--curvature", "off", "--json", file, "--quiet",
            "--out", Path.Combine(_folder, "run"));
        Assert.Equal(0, code);
        Assert.DoesNotContain("eigenvalue", output);
        JsonNode json = JsonNode.Parse(File.ReadAllText(file))!, result = json["results"]![0]!;
        // The digits take one thread by themselves.
        Assert.Equal((1, 1), ((int)json["settings"]!["threads"]!, (int)json["environment"]!["threads"]!));
        Assert.Equal(Math.Min(4, Environment.ProcessorCount), (int)json["settings"]!["jobs"]!);
        Assert.Equal(("off", null), ((string?)json["settings"]!["curvature"], json["settings"]!["curvatureSamples"]));
        Assert.All(["trace", "traceDifferenceToBase", "topEigenvalue", "topEigenvalueDifferenceToBase"], name => Assert.Null(result[name]));
        Assert.Null(result["runs"]![0]!["curvature"]);
    }

    [Theory]
    [InlineData("--curvature: found yes, allowed: on, off", "--curvature", "yes")]
    [InlineData("--curvature-samples: found 5, allowed: only with --curvature on", "--curvature", "off", "--curvature-samples", "5")]
    [InlineData("--curvature-error: found 0.1, allowed: only with --curvature on", "--curvature", "off", "--curvature-error", "0.1")]
    [InlineData("--curvature-error: found 0, allowed: a number > 0", "--curvature-error", "0")]
    [InlineData("--methods: found base,sgd", "--methods", "base,sgd")]
    [InlineData("--methods: found nso+passes=half, allowed: passes is full, split", "--methods", "base,nso+passes=half")]
    [InlineData("--methods: found sam+pairs=2, allowed: sam has rho", "--methods", "sam+pairs=2")]
    [InlineData("--methods: found nso+sigma=0.02, allowed: settings that differ from nso's", "--methods", "nso,nso+sigma=0.02")]
    [InlineData("--methods: found nso+sigma", "--methods", "nso+sigma")]
    [InlineData("--seeds: found 4..0", "--seeds", "4..0")]
    [InlineData("--shots: found 36, allowed: a whole number between 1 and 35", "--shots", "36")]
    [InlineData("--sigma: found -1", "--sigma", "-1")]
    [InlineData("no-such-folder", "--data", "./no-such-folder", "--arch", "resnet20")]
    [InlineData("no-such-file", "--weights", "no-such-file", "--arch", "resnet20")]
    public void Wrong_input_is_one_line(string words, params string[] arguments)
    {
        (int code, string output, string error) = PolderProcess.Run(["compare", "--out", Path.Combine(_folder, "run"), "--quiet", .. arguments]);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("polder: ", error);
        Assert.Contains(words, error);
        Assert.Equal(error.Length - 1, error.IndexOf('\n'));
        Assert.False(Directory.Exists(Path.Combine(_folder, "run")));
    }

    [Fact]
    public void A_training_that_diverges_names_method_and_seed()
    {
        (int code, string _, string error) = PolderProcess.Run(
            "compare", "--methods", "base", "--seeds", "3", "--learning-rate", "1e30", "--quiet", "--out", Path.Combine(_folder, "run"));
        Assert.Equal(2, code);
        Assert.StartsWith("polder: base, seed 3: ", error);
        Assert.Equal(error.Length - 1, error.IndexOf('\n'));
    }

    [Fact]
    public void A_training_that_diverges_among_others_is_named_and_left_out()
    {
        // Noise so large that float32 overflows; the base optimizer has none.
        (int code, string output, string error) = PolderProcess.Run(
            "compare", "--methods", "base,nso", "--seeds", "0,1", "--epochs", "2", "--curvature", "off", "--threads", "1", "--sigma", "1e30", "--json", "-",
            "--quiet", "--out", Path.Combine(_folder, "run"));
        Assert.Equal(0, code);
        string[] warnings = error.TrimEnd('\n').Split('\n');
        Assert.Equal(2, warnings.Length);
        Assert.All([0, 1], i => Assert.StartsWith($"polder: warning: nso, seed {i}: epoch 1", warnings[i]));
        JsonNode json = JsonNode.Parse(output)!;
        Assert.Equal(["base"], json["results"]!.AsArray().Select(r => (string)r!["method"]!));
        Assert.Equal(2, json["results"]![0]!["runs"]!.AsArray().Count);
        Assert.Equal([0, 1], json["diverged"]!.AsArray().Select(d => (int)d!["seed"]!));
    }

    [Fact]
    public void Ctrl_C_keeps_what_is_finished()
    {
        string run = Path.Combine(_folder, "run"), config = Path.Combine(run, "config.json");
        // More runs than a machine does while the signal is on its way; the first line of progress that names a seed: the trainings have begun.
        (_, string error) = PolderProcess.InterruptAt(line => line.Contains("seed 0", StringComparison.Ordinal),
            "compare", "--methods", "base", "--seeds", "0..999", "--epochs", "1000", "--out", run);
        string folder = System.Text.RegularExpressions.Regex.Escape(run);
        Assert.Matches($"\npolder: stopped: [0-9]+ of 1000 runs are finished and kept in {folder}; polder compare --resume {folder} goes on\n$", error);
        Assert.True(File.Exists(config));
        JsonNode json = JsonNode.Parse(File.ReadAllText(Path.Combine(run, "result.json")))!;
        Assert.InRange(json["results"]!.AsArray().Sum(r => r!["runs"]!.AsArray().Count), 0, 999);
    }
}
