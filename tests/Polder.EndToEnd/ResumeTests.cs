using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Polder.EndToEnd;

/// <summary>A run that is killed, for real, and resumed until it is done leaves what an uninterrupted one leaves.</summary>
public sealed class ResumeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-resume-").FullName;
    private readonly string _data;

    public ResumeTests() => _data = MiniatureCifar.Write(Path.Combine(_folder, "data"));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string[] Command(string run) =>
    [
        "finetune", "--data", _data, "--arch", "resnet20", "--method", "nso", "--sigma", "0.02", "--epochs", "4", "--batch-size", "16",
        "--augment", "crop-flip", "--learning-rate", "0.05", "--clip-norm", "3", "--head-epochs", "1", "--layer-decay", "0.8", "--seed", "5",
        "--threads", "1", "--checkpoint-every", "3", "--out", run, "--quiet",
    ];

    [Fact]
    public void A_killed_run_that_is_resumed_is_the_uninterrupted_one_bit_for_bit()
    {
        string whole = Path.Combine(_folder, "whole"), killed = Path.Combine(_folder, "killed");
        Assert.Equal(0, PolderProcess.Run(Command(whole)).ExitCode);

        // Before the first checkpoint, within the first epoch, right after the second, and within a later one: 4 steps an epoch.
        string state = Path.Combine(killed, "last", "training.safetensors"), metrics = Path.Combine(killed, "metrics.jsonl");
        KillWhen(() => File.Exists(Path.Combine(killed, "config.json")), Command(killed));
        KillWhen(() => File.Exists(state), Resume(killed));
        KillWhen(() => File.Exists(metrics) && File.ReadAllLines(metrics).Length >= 2, Resume(killed));
        DateTime last = File.GetLastWriteTimeUtc(state);
        KillWhen(() => File.GetLastWriteTimeUtc(state) != last, Resume(killed));

        (int code, _, string error) = PolderProcess.Run(Resume(killed));
        Assert.Equal((0, ""), (code, error));
        AssertSame(whole, killed);
        // Once more changes nothing: a program that was killed after its last line is resumed without harm.
        Assert.Equal(0, PolderProcess.Run(Resume(killed)).ExitCode);
        AssertSame(whole, killed);
    }

    [Fact]
    public void Options_beside_resume_must_not_contradict_it()
    {
        string run = Path.Combine(_folder, "run");
        KillWhen(() => File.Exists(Path.Combine(run, "config.json")), Command(run));
        foreach ((string[] more, string words) in new (string[], string)[]
        {
            (["--epochs", "5"], $"polder: --epochs: found 5, allowed: 4, which {Path.Combine(run, "config.json")} says: a run is resumed as it was begun; "
                + $"to train on, begin another run from --weights {Path.Combine(run, "best.safetensors")}"),
            (["--method", "sam"], "polder: --method: found \"sam\", allowed: \"nso\""),
            (["--threads", "2"], "polder: --threads: found 2, allowed: 1"),
            (["--momentum", "0.5"], "polder: --momentum: found 0.5, allowed: 0.9"),
        })
        {
            (int code, string output, string error) = PolderProcess.Run([.. Resume(run), .. more]);
            Assert.Equal((2, ""), (code, output));
            Assert.StartsWith(words, error);
            Assert.Equal(error.Length - 1, error.IndexOf('\n'));
        }
        (int wrong, _, string what) = PolderProcess.Run("finetune", "--resume", _data, "--quiet");
        Assert.Equal(2, wrong);
        Assert.StartsWith($"polder: --resume: found {_data}, which has no config.json, allowed: a run folder", what);
        // The same value is no contradiction.
        Assert.Equal(0, PolderProcess.Run([.. Resume(run), "--epochs", "4", "--sigma", "0.020"]).ExitCode);
    }

    private static string[] Resume(string run) => ["finetune", "--resume", run, "--quiet"];

    // SIGKILL (TerminateProcess): nothing in the program has a say.
    private static void KillWhen(Func<bool> reached, string[] command)
    {
        using Process process = PolderProcess.Start(command);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        while (!reached() && !process.WaitForExit(1))
        {
        }
        Assert.False(process.HasExited, "it was done before it could be killed: " + (process.HasExited ? error.Result : ""));
        process.Kill();
        process.WaitForExit();
        Task.WaitAll(output, error);
    }

    private static void AssertSame(string expected, string found)
    {
        Assert.Equal(File.ReadAllBytes(Path.Combine(expected, "best.safetensors")), File.ReadAllBytes(Path.Combine(found, "best.safetensors")));
        Assert.Equal(Lines(expected), Lines(found));
        JsonNode a = Result(expected), b = Result(found);
        foreach (string name in (string[])["method", "best", "test", "steps", "gradientEvaluations", "skippedSteps"])
            Assert.Equal(a[name]!.ToJsonString(), b[name]!.ToJsonString());
        a["settings"]!["out"] = b["settings"]!["out"]!.DeepClone();
        Assert.Equal(a["settings"]!.ToJsonString(), b["settings"]!.ToJsonString());

        static JsonNode Result(string run) => JsonNode.Parse(File.ReadAllText(Path.Combine(run, "result.json")))!;

        static IEnumerable<string> Lines(string run) => File.ReadAllLines(Path.Combine(run, "metrics.jsonl")).Select(line =>
        {
            JsonNode epoch = JsonNode.Parse(line)!;
            epoch["seconds"] = null;
            return epoch.ToJsonString();
        });
    }
}
