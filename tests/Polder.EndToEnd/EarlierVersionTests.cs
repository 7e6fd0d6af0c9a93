using System.IO.Compression;
using System.Text.Json.Nodes;

namespace Polder.EndToEnd;

/// <summary>
/// What version 0.1.0 wrote is still read. The run of the fixture was made by <c>polder finetune --freeze-body --method sam --epochs 6 --seed 3
/// --average ema --out cut --quiet --threads 1</c> and killed after its second epoch; where it was not killed, it ended with 55.7 % of the test images.
/// </summary>
public sealed class EarlierVersionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-earlier-").FullName;

    private string Run => Path.Combine(_folder, "cut");

    public EarlierVersionTests() => ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "Fixtures", "run-0.1.0.zip"), Run);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_run_goes_on_where_it_was_killed()
    {
        string[] before = File.ReadAllLines(Path.Combine(Run, "metrics.jsonl"));
        (int code, _, string error) = PolderProcess.Run("finetune", "--resume", Run, "--quiet");
        Assert.Equal(0, code);
        Assert.Matches(@"^polder: warning: .*config\.json is of polder 0\.1\.0, this is [0-9.]+: the numbers may differ from an uninterrupted run's\n$", error);
        string[] after = File.ReadAllLines(Path.Combine(Run, "metrics.jsonl"));
        Assert.Equal((2, 6), (before.Length, after.Length));
        Assert.Equal(before, after[..2]);
        JsonNode result = JsonNode.Parse(File.ReadAllText(Path.Combine(Run, "result.json")))!;
        Assert.Equal(("sam", 18), ((string)result["method"]!, (int)result["steps"]!));
        // Another processor rounds otherwise; a head that was trained anew, or on another body, would be far off.
        Assert.InRange((double)result["test"]!["accuracy"]!, 0.53, 0.58);
    }

    [Fact]
    public void Its_weights_are_judged_and_measured()
    {
        (int code, string output, string error) = PolderProcess.Run("evaluate", "--run", Run, "--threads", "1", "--json", "-", "--quiet");
        Assert.Equal((0, ""), (code, error));
        JsonNode last = JsonNode.Parse(File.ReadLines(Path.Combine(Run, "metrics.jsonl")).Last())!;
        Assert.InRange((double)JsonNode.Parse(output)!["accuracy"]!, (double)last["validationAccuracy"]! - 0.1, (double)last["validationAccuracy"]! + 0.1);
        // The head alone was trained: 64 weights and a bias a class.
        (code, output, error) = PolderProcess.Run("hessian", "--run", Run, "--threads", "1", "--top", "1", "--bottom", "0", "--trace", "none", "--json",
            "-", "--quiet");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(5 * 65, (int)JsonNode.Parse(output)!["parameters"]!);
    }

    [Fact]
    public void Its_settings_repeat_it()
    {
        string again = Path.Combine(_folder, "again");
        (int code, _, string error) = PolderProcess.Run("finetune", "--config", Path.Combine(Run, "config.json"), "--epochs", "1", "--out", again, "--quiet");
        Assert.Equal((0, ""), (code, error));
        JsonNode settings = JsonNode.Parse(File.ReadAllText(Path.Combine(again, "config.json")))!["settings"]!;
        Assert.Equal(("sam", "ema", true, 3, 1, 1), (
            (string)settings["method"]!, (string)settings["average"]!, (bool)settings["freezeBody"]!, (int)settings["seed"]!, (int)settings["epochs"]!,
            (int)settings["validateEvery"]!));
    }
}
