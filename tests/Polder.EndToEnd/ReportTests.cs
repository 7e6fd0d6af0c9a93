using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Polder.EndToEnd;

public sealed class ReportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-report-").FullName;

    private string Run => Path.Combine(_folder, "run");

    private string Page => Path.Combine(Run, "report.html");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_training_writes_its_page_and_report_makes_it_anew_with_what_was_measured_since()
    {
        string data = MiniatureImages.Write(Path.Combine(_folder, "data"), 3, 20);
        Polder("finetune", "--data", data, "--arch", "resnet20", "--image-size", "32", "--epochs", "1", "--batch-size", "16", "--out", Run, "--quiet");
        string first = File.ReadAllText(Page);
        Assert.Contains("The curvature at the kept weights has not been measured", first, StringComparison.Ordinal);
        Assert.Matches("<img src=\"data:image/(png|jpeg);base64,", first);
        int pictures = Regex.Count(first, "<img ");

        Polder("hessian", "--run", Run, "--samples", "4", "--trace", "none", "--tolerance", "0.2", "--top", "1", "--bottom", "0", "--image-parts", "0",
            "--json", Path.Combine(Run, "hessian.json"), "--quiet");
        JsonNode result = JsonNode.Parse(Polder("report", Run, "--json", "-"))!;
        string second = File.ReadAllText(Page);
        Assert.Equal((Page, (long)new FileInfo(Page).Length, "run"), ((string)result["file"]!, (long)result["bytes"]!, (string)result["kind"]!));
        Assert.Contains("Largest eigenvalue", second, StringComparison.Ordinal);
        // The files are found and are the same pictures.
        Assert.Equal(pictures, Regex.Count(second, "<img "));
        Assert.Equal(Pictures(first), Pictures(second));

        // Images that are gone are missed, and that is said.
        Directory.Delete(data, recursive: true);
        Polder("report", Run, "--quiet");
        string third = File.ReadAllText(Page);
        Assert.Equal(0, Regex.Count(third, "<img "));
        Assert.Matches("[0-9]+ of [0-9]+ pictures are not shown", third);
        Polder("report", Run, "--no-pictures", "--out", Path.Combine(_folder, "other.html"), "--quiet");
        Assert.Contains("Pictures were left out (--no-pictures)", File.ReadAllText(Path.Combine(_folder, "other.html")), StringComparison.Ordinal);

        // A folder of runs and a measurement: each has its page.
        File.Move(Path.Combine(Run, "hessian.json"), Path.Combine(_folder, "hessian.json"));
        Polder("report", _folder, "--quiet");
        string index = File.ReadAllText(Path.Combine(_folder, "report.html"));
        Assert.Contains("href=\"run/report.html\"", index, StringComparison.Ordinal);
        Assert.Contains("href=\"hessian.html\"", index, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_folder, "hessian.html")));
    }

    [Fact]
    public void A_run_without_a_page_says_what_it_lacks()
    {
        Polder("finetune", "--epochs", "2", "--no-report", "--out", Run, "--quiet");
        Assert.False(File.Exists(Page) || File.Exists(Path.Combine(Run, "predictions.json.gz")));
        Polder("report", Run, "--quiet");
        Assert.Contains("was not kept", File.ReadAllText(Page), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("there is no such folder or file", "nothing")]
    [InlineData("holds no result", "empty")]
    [InlineData("is no JSON", "broken.json")]
    [InlineData("is no result of polder", "foreign.json")]
    [InlineData("is no configuration of a run", "damaged")]
    [InlineData("there is no folder", "good.json", "--out", "nowhere/page.html")]
    public void Wrong_input_is_one_line_and_leaves_nothing(string words, string path, params string[] more)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "empty"));
        Directory.CreateDirectory(Path.Combine(_folder, "damaged"));
        File.WriteAllText(Path.Combine(_folder, "damaged", "config.json"), "{\"polder\": 3");
        File.WriteAllText(Path.Combine(_folder, "broken.json"), "{\"polder\"");
        File.WriteAllText(Path.Combine(_folder, "foreign.json"), "{\"name\": \"other\"}");
        File.WriteAllText(Path.Combine(_folder, "good.json"),
            "{\"polder\": \"0.2.0\", \"command\": [\"hessian\"], \"parameters\": 1, \"samples\": 1, \"loss\": 1, \"products\": 1}");
        string[] before = [.. Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories)];
        (int code, string output, string error) = PolderProcess.RunIn(_folder, ["report", path, .. more]);
        Assert.True((2, "") == (code, output), $"exit code {code}\n{error}");
        Assert.StartsWith("polder: ", error, StringComparison.Ordinal);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.Equal(before, Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void A_page_that_nothing_opens_is_said_in_one_line()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the system's opener is looked for in PATH on Linux alone");
        File.WriteAllText(Path.Combine(_folder, "good.json"),
            "{\"polder\": \"0.2.0\", \"command\": [\"hessian\"], \"parameters\": 1, \"samples\": 1, \"loss\": 1, \"products\": 1}");
        var start = new System.Diagnostics.ProcessStartInfo(Environment.ProcessPath is { } own && Path.GetFileName(own) == "dotnet" ? own : DotNet,
            [PolderProcess.Program, "report", "good.json", "--open", "--quiet"])
        {
            WorkingDirectory = _folder,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["PATH"] = Path.Combine(_folder, "empty");
        using System.Diagnostics.Process process = System.Diagnostics.Process.Start(start)!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        Assert.StartsWith("polder: warning: nothing was found that opens ", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    private static string DotNet => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(f => Path.Combine(f,
        "dotnet")).First(File.Exists);

    private static string[] Pictures(string html) => [.. Regex.Matches(html, "<img src=\"([^\"]*)\"").Select(m => m.Groups[1].Value)];

    private static string Polder(params string[] arguments)
    {
        (int code, string output, string error) = PolderProcess.Run(arguments);
        Assert.True(code == 0, error);
        return output;
    }
}
