using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Polder.EndToEnd;

/// <summary>Comparisons and tunings that are killed, for real, gone on with, added to, and done by several processes at once.</summary>
public sealed class StudyTests : IDisposable
{
    private const int Kills = 20;

    // A network that needs no pre-training, on one thread: a run takes a fraction of a second.
    private static readonly string[] Small =
        ["--data", "digits", "--arch", "digits-cnn", "--per-class", "8", "--epochs", "6", "--batch-size", "20", "--threads", "1", "--quiet"];

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-study-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_comparison_of_two_jobs_that_is_killed_again_and_again_is_the_uninterrupted_one()
    {
        string whole = Path.Combine(_folder, "whole"), killed = Path.Combine(_folder, "killed"), cells = Path.Combine(killed, "cells");
        AssertDone(["compare", "--methods", "base,nso", "--seeds", $"0..{Kills - 1}", "--out", whole, .. Small]);

        var random = new Random(7);
        Dictionary<string, string> finished = [];
        for (int kill = 0; kill < Kills; kill++)
        {
            // Each adds a seed, so that there is always something to do; the first begins.
            string[] command = kill == 0 ? ["compare", "--methods", "base,nso", "--seeds", "0", "--out", killed, "--jobs", "2", .. Small]
                : ["compare", "--resume", killed, "--seeds", $"{kill}", "--jobs", "2", "--quiet"];
            // Half of them while a run is under way or its file is made, half at any moment, also while the program starts.
            bool working = kill % 2 == 0;
            int delay = random.Next(working ? 150 : 1500);
            KillWhen(() => !working || (Directory.Exists(cells) && Directory.EnumerateFiles(cells, "*.claim").Any()), delay, command);
            foreach ((string name, string text) in finished)
                Assert.Equal(text, File.ReadAllText(Path.Combine(cells, name)));
            finished = Finished(cells);
        }
        AssertDone(["compare", "--resume", killed, "--seeds", $"0..{Kills - 1}", "--jobs", "2", "--quiet"]);
        AssertSame(whole, killed);
        foreach ((string name, string text) in finished)
            Assert.Equal(text, File.ReadAllText(Path.Combine(cells, name)));
        AssertNoClaims(killed);
    }

    [Fact]
    public void Ctrl_C_with_two_jobs_leaves_a_folder_to_go_on_with()
    {
        PolderProcess.RequireInterrupts();
        string whole = Path.Combine(_folder, "whole"), stopped = Path.Combine(_folder, "stopped");
        string[] options = ["compare", "--methods", "base,sam", "--seeds", "0..5", .. Small];
        AssertDone([.. options, "--out", whole]);
        (int code, string output, string error) = EndWhen(
            () => Finished(Path.Combine(stopped, "cells")).Count >= 2, 0, PolderProcess.Interrupt, [.. options, "--out", stopped, "--jobs", "2"]);
        string resume = Regex.Escape(stopped);
        Assert.Matches($"^polder: stopped: [0-9]+ of 12 runs are finished and kept in {resume}; polder compare --resume {resume} goes on\n$", error);
        Assert.Equal(130, code);
        Assert.DoesNotContain("   at ", output);
        // The other job has ended and given its run back.
        AssertNoClaims(stopped);
        AssertDone(["compare", "--resume", stopped, "--quiet"]);
        AssertSame(whole, stopped);
    }

    [Fact]
    public void Several_processes_that_join_a_folder_make_one_comparison()
    {
        string alone = Path.Combine(_folder, "alone"), shared = Path.Combine(_folder, "shared");
        string[] options = ["compare", "--methods", "base,nso", "--sigma", "0.03", "--seeds", "0..5", .. Small];
        AssertDone([.. options, "--out", alone]);
        // Nobody knows who makes the folder.
        Func<(int Code, string Output, string Error)>[] processes =
            [.. Enumerable.Range(0, 3).Select(_ => Begin([.. options, "--join", shared, "--json", "-"]))];
        string[] outputs = [.. processes.Select(end => end()).Select(ended =>
        {
            Assert.Equal((0, ""), (ended.Code, ended.Error));
            return Results(JsonNode.Parse(ended.Output)!, withTimes: true);
        })];
        Assert.All(outputs, output => Assert.Equal(outputs[0], output));
        AssertSame(alone, shared);
        AssertNoClaims(shared);
        Assert.Equal(12, Finished(Path.Combine(shared, "cells")).Count);
        // The settings come from the folder, and may be said again.
        AssertDone(["compare", "--join", shared, "--quiet"]);
    }

    [Fact]
    public void Seeds_and_methods_are_added_to_a_finished_comparison()
    {
        string whole = Path.Combine(_folder, "whole"), grown = Path.Combine(_folder, "grown"), cells = Path.Combine(grown, "cells");
        AssertDone(["compare", "--methods", "base,nso,sam", "--rho", "0.1", "--seeds", "0..3", "--out", whole, .. Small]);
        AssertDone(["compare", "--methods", "base,nso", "--seeds", "1,2", "--out", grown, .. Small]);
        Dictionary<string, string> before = Finished(cells);
        // Beside what is there; rho is the new method's.
        AssertDone(["compare", "--resume", grown, "--methods", "sam", "--rho", "0.1", "--quiet"]);
        AssertDone(["compare", "--resume", grown, "--seeds", "0,2,3", "--quiet"]);
        AssertSame(whole, grown);
        Assert.Equal((4, 12), (before.Count, Finished(cells).Count));
        foreach ((string name, string text) in before)
            Assert.Equal(text, File.ReadAllText(Path.Combine(cells, name)));
        JsonNode settings = JsonNode.Parse(File.ReadAllText(Path.Combine(grown, "config.json")))!["settings"]!;
        Assert.Equal(("[0,1,2,3]", "[\"base\",\"nso\",\"sam\"]"), (settings["seeds"]!.ToJsonString(), settings["methods"]!.ToJsonString()));
    }

    [Fact]
    public void Images_that_have_changed_since_are_refused()
    {
        string data = MiniatureCifar.Write(Path.Combine(_folder, "data"), 2), run = Path.Combine(_folder, "run");
        AssertDone(["compare", "--data", data, "--arch", "resnet20", "--methods", "base", "--seeds", "0", "--epochs", "1", "--threads", "1",
            "--out", run, "--quiet"]);
        byte[] test = File.ReadAllBytes(Path.Combine(data, "test_batch.bin"));
        test[^1] ^= 1;
        File.WriteAllBytes(Path.Combine(data, "test_batch.bin"), test);
        AssertRefused("its images, labels or parts are not those that the runs in", ["compare", "--resume", run, "--seeds", "1", "--quiet"]);
        Assert.Single(Finished(Path.Combine(run, "cells")));
    }

    [Fact]
    public void A_tuning_of_two_jobs_that_is_killed_is_the_uninterrupted_one()
    {
        string whole = Path.Combine(_folder, "whole"), killed = Path.Combine(_folder, "killed"), cells = Path.Combine(killed, "cells");
        string[] options =
        [
            "tune", "--methods", "nso,sam", "--seeds", "0,1", "--shot-counts", "2,3", "--learning-rates", "0.1,0.2", "--sigmas", "0.01,0.1", "--rhos", "0.1",
            "--epochs", "2", "--quiet",
        ];
        AssertDone([.. options, "--out", whole]);
        foreach (int count in (int[])[1, 5])
        {
            string[] command = count == 1 ? [.. options, "--out", killed, "--jobs", "2"] : ["tune", "--resume", killed, "--jobs", "2", "--quiet"];
            KillWhen(() => Finished(cells).Count >= count, 0, command);
        }
        AssertDone(["tune", "--resume", killed, "--quiet"]);
        // Two numbers of shots, two rates, three trials of methods, two seeds each; the demo's own rate was tried with the shots.
        Assert.Equal(12, Finished(cells).Count);
        JsonNode a = Read(whole), b = Read(killed);
        Assert.Equal(7, a["grid"]!.AsArray().Count);
        Assert.Equal((a["task"]!.ToJsonString(), a["grid"]!.ToJsonString()), (b["task"]!.ToJsonString(), b["grid"]!.ToJsonString()));
    }

    [Fact]
    public void Jobs_say_their_memory_beforehand_and_share_the_processors()
    {
        string run = Path.Combine(_folder, "run");
        string[] options = [.. Small.Where(word => word is not ("--quiet" or "--threads" or "1"))];
        (int code, string _, string error) = PolderProcess.Run(
            ["compare", "--methods", "base", "--seeds", "0..1", "--budget", "seconds", "--jobs", "2", "--out", run, .. options]);
        Assert.Equal(0, code);
        int threads = Math.Max(1, Environment.ProcessorCount / 2);
        Assert.Matches($"(?m)^2 jobs of {threads} thread\\(s\\), each about [0-9]+\\.[0-9] GiB of memory: [0-9.]+ of [0-9.]+ GiB$", error);
        Assert.Equal(threads, (int)Read(run)["settings"]!["threads"]!);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static void Wait(int milliseconds) => Cancellation.WaitHandle.WaitOne(milliseconds);

    // SIGKILL of the process alone: the other job must see by itself that it is alone.
    private static void KillWhen(Func<bool> reached, int delay, string[] command) => EndWhen(reached, delay, process => process.Kill(), command);

    private static (int Code, string Output, string Error) EndWhen(Func<bool> reached, int delay, Action<Process> end, string[] command)
    {
        using Process process = PolderProcess.Start(command);
        Func<(int Code, string Output, string Error)> wait = Ended(process);
        while (!process.HasExited && !reached())
            Wait(2);
        process.WaitForExit(delay);
        Assert.False(process.HasExited, "it was done before it could be ended");
        end(process);
        return wait();
    }

    private static Func<(int Code, string Output, string Error)> Begin(string[] command) => Ended(PolderProcess.Start(command));

    private static Func<(int Code, string Output, string Error)> Ended(Process process)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync(Cancellation), error = process.StandardError.ReadToEndAsync(Cancellation);
        return () =>
        {
            Assert.True(process.WaitForExit(TimeSpan.FromMinutes(2)), "does not end");
            return (process.ExitCode, output.Result, error.Result);
        };
    }

    private static void AssertDone(string[] command)
    {
        (int code, _, string error) = PolderProcess.Run(command);
        Assert.Equal((0, ""), (code, error));
    }

    private static void AssertRefused(string words, string[] command)
    {
        (int code, string output, string error) = PolderProcess.Run(command);
        Assert.Equal((2, ""), (code, output));
        Assert.Contains(words, error);
        Assert.StartsWith("polder: ", error.TrimEnd('\n').Split('\n')[^1]);
    }

    // What is whole: a name that begins with a dot is not yet one.
    private static Dictionary<string, string> Finished(string cells) => !Directory.Exists(cells) ? []
        : Directory.EnumerateFiles(cells, "*.json").ToDictionary(file => Path.GetFileName(file), File.ReadAllText);

    private static void AssertNoClaims(string run) => Assert.DoesNotContain(
        Directory.EnumerateFiles(Path.Combine(run, "cells")), file => file.EndsWith(".claim", StringComparison.Ordinal));

    private static void AssertSame(string expected, string found)
    {
        JsonNode a = Read(expected), b = Read(found);
        Assert.Equal(Results(a, withTimes: false), Results(b, withTimes: false));
        foreach (JsonNode json in (JsonNode[])[a, b])
            foreach (string own in (string[])["out", "resume", "join", "jobs", "json"])
                json["settings"]!.AsObject().Remove(own);
        Assert.Equal(a["settings"]!.ToJsonString(), b["settings"]!.ToJsonString());
    }

    private static JsonNode Read(string run) => JsonNode.Parse(File.ReadAllText(Path.Combine(run, "result.json")))!;

    // Everything but how long it took.
    private static string Results(JsonNode json, bool withTimes)
    {
        string text = new JsonObject
        {
            ["task"] = json["task"]!.DeepClone(),
            ["results"] = json["results"]!.DeepClone(),
            ["diverged"] = json["diverged"]!.DeepClone(),
        }.ToJsonString();
        return withTimes ? text : Regex.Replace(text, "\"seconds(PerStep)?\":[^,}]*", "");
    }
}
