using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Polder.EndToEnd;

/// <summary><c>polder study</c> as a user runs it: checked first, killed and gone on with, made longer, repeated from its file of runs.</summary>
public sealed class StudyPlanTests : IDisposable
{
    // A network that needs no pre-training: a run takes a fraction of a second.
    internal const string Plan = """
        {
          "study": "two tasks",
          "settings": { "data": "digits", "arch": "digits-cnn", "epochs": 2, "batchSize": 20, "keep": "last" },
          "tasks": [ { "name": "four", "perClass": 4 }, { "name": "eight", "perClass": 8 } ],
          "methods": [ { "name": "sgd", "method": "base" }, { "name": "nso", "tune": { "sigma": [0.01, 0.02] } } ],
          "tuning": { "seeds": "100", "learningRates": [0.05, 0.1], "extensions": 1 },
          "seeds": "0..2",
          "questions": [ { "method": "nso", "with": ["sgd"] } ]
        }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-plan-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_study_is_checked_killed_gone_on_with_and_repeated()
    {
        string plan = Write("plan.json", Plan), whole = In("whole"), killed = In("killed"), again = In("again");
        JsonNode list = JsonNode.Parse(Done("study", plan, "--dry-run", "--json", "-"))!;
        Assert.Equal((0, false, 4), ((int)list["done"]!, (bool)list["isWhole"]!, list["runs"]!.AsArray().Count));
        Assert.Equal([plan], Directory.GetFileSystemEntries(_folder));

        Done("study", plan, "--out", whole, "--threads", "1", "--quiet");
        Assert.True((bool)Result(whole)["isComplete"]!);
        Assert.Contains("<h1", File.ReadAllText(Path.Combine(whole, "report.html")));

        using (Process process = PolderProcess.Start("study", plan, "--out", killed, "--jobs", "2", "--threads", "1", "--quiet"))
        {
            var clock = Stopwatch.StartNew();
            while (!process.HasExited && Count(killed) < 3 && clock.Elapsed < TimeSpan.FromMinutes(2))
                TestContext.Current.CancellationToken.WaitHandle.WaitOne(5);
            process.Kill();
            process.WaitForExit();
        }
        Assert.True(Count(killed) >= 3);
        Done("study", "--resume", killed, "--jobs", "2", "--quiet");
        Assert.Equal(Comparable(whole), Comparable(killed));

        Done("study", plan, "--out", again, "--threads", "1", "--known", Path.Combine(killed, "runs.jsonl"), "--quiet");
        Assert.Equal(File.ReadAllText(Path.Combine(killed, "runs.jsonl")), File.ReadAllText(Path.Combine(again, "runs.jsonl")));

        // One more seed, and nothing else is done: of the known runs alone, and of the folder.
        string longer = Write("longer.json", Plan.Replace("0..2", "0..3", StringComparison.Ordinal));
        string[] left = ["study", longer, "--dry-run", "--known", Path.Combine(killed, "runs.jsonl"), "--json", "-"];
        foreach (string[] look in (string[][])[left, [.. left, "--resume", again]])
        {
            list = JsonNode.Parse(Done(look))!;
            Assert.Equal((true, 4), ((bool)list["isWhole"]!, list["runs"]!.AsArray().Count(r => !(bool)r!["isDone"]!)));
        }
        int before = Count(again);
        Done("study", longer, "--resume", again, "--quiet");
        Assert.Equal(before + 4, Count(again));
    }

    [Fact]
    public void Jobs_and_whoever_goes_on_find_the_data_where_the_first_did()
    {
        MiniatureImages.Write(In("data/photos"), 3, 20);
        Write("photos.json", """
            {
              "study": "photos", "settings": { "arch": "resnet20", "imageSize": 16, "epochs": 1, "batchSize": 16, "keep": "last" },
              "tasks": [ { "name": "photos", "data": "photos" } ],
              "methods": [ { "name": "sgd", "method": "base" }, { "name": "nso" } ], "seeds": "0..2"
            }
            """);
        (int code, _, string error) = PolderProcess.RunIn(
            _folder, "study", "photos.json", "--data-root", "data", "--jobs", "2", "--threads", "1", "--out", "run", "--quiet");
        Assert.Equal((0, ""), (code, error)); // no job ended before its time
        Write("photos.json", File.ReadAllText(In("photos.json")).Replace("0..2", "0..3", StringComparison.Ordinal));
        (code, _, error) = PolderProcess.RunIn(_folder, "study", "photos.json", "--resume", "run", "--quiet");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(8, Count(In("run")));

        // Elsewhere it may be said anew.
        Directory.Move(In("data"), In("moved"));
        Write("photos.json", File.ReadAllText(In("photos.json")).Replace("0..3", "0..4", StringComparison.Ordinal));
        (code, _, error) = PolderProcess.RunIn(_folder, "study", "photos.json", "--resume", "run", "--quiet");
        Assert.Equal((2, true), (code, error.Contains("--data-root", StringComparison.Ordinal)));
        (code, _, error) = PolderProcess.RunIn(_folder, "study", "photos.json", "--resume", "run", "--data-root", "moved", "--quiet");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(10, Count(In("run")));
    }

    [Fact]
    public void What_is_wrong_is_one_line_and_leaves_nothing()
    {
        string plan = Write("plan.json", Plan), bad = Write("bad.json", Plan.Replace("\"epochs\"", "\"epoch\"", StringComparison.Ordinal));
        string gone = Write("gone.json", Plan.Replace("\"data\": \"digits\"", "\"data\": \"no-such-photos\"", StringComparison.Ordinal));
        AssertRefused("settings.epoch: found 2, allowed: a setting of polder compare", "study", bad, "--out", In("a"));
        AssertRefused("no-such-photos", "study", gone, "--dry-run");
        AssertRefused("there is no such file", "study", In("none.json"), "--out", In("b"));
        AssertRefused("PLAN: found nothing", "study", "--out", In("c"));
        AssertRefused("--data-root", "study", plan, "--data-root", In("nowhere"), "--dry-run");
        AssertRefused("bad.json, line 1", "study", plan, "--known", bad, "--dry-run");
        Assert.Empty(Directory.GetDirectories(_folder));
    }

    private static void AssertRefused(string message, params string[] command)
    {
        (int code, string output, string error) = PolderProcess.Run([.. command, "--quiet"]);
        Assert.Equal((2, ""), (code, output));
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd('\n').Split('\n'));
    }

    private static string Done(params string[] command)
    {
        (int code, string output, string error) = PolderProcess.Run(command);
        Assert.True(code == 0, $"{string.Join(' ', command)}: exit code {code}\n{error}");
        return output;
    }

    internal static int Count(string folder)
    {
        string cells = Path.Combine(folder, "cells");
        return Directory.Exists(cells) ? Directory.GetFiles(cells, "*.json").Count(f => Path.GetFileName(f)[0] != '.') : 0;
    }

    private static JsonNode Result(string folder) => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "result.json")))!;

    private static string Comparable(string folder)
    {
        JsonNode result = Result(folder);
        return string.Join('\n', ((string[])["tuning", "groups", "answers", "finished", "cells"]).Select(name => result[name]!.ToJsonString()));
    }

    private string Write(string name, string text)
    {
        File.WriteAllText(In(name), text);
        return In(name);
    }

    private string In(string name) => Path.Combine(_folder, name);
}
