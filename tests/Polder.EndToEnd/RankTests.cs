using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Polder.Testing;

namespace Polder.EndToEnd;

/// <summary>
/// A training on the ranks of an MPI job: the same run as on one process, one voice, and an end within seconds whatever happens to a rank.
/// POLDER_KILLS=20 kills as often as a release is tested with.
/// </summary>
public sealed class RankTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-ranks-").FullName;
    private readonly string _data;

    public RankTests() => _data = MiniatureCifar.Write(Path.Combine(_folder, "data"));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string[] Command(string run, int epochs = 2, params string[] more) =>
    [
        "finetune", "--data", _data, "--arch", "resnet20", "--method", "nso", "--sigma", "0.02", "--epochs", $"{epochs}", "--batch-size", "16",
        "--augment", "crop-flip", "--learning-rate", "0.05", "--seed", "5", "--threads", "1", "--checkpoint-every", "1", "--no-report", "--out", run,
        "--quiet", .. more,
    ];

    [Theory]
    [InlineData("openmpi")]
    [InlineData("mpich")]
    public void Two_ranks_train_what_one_process_trains_bit_for_bit_and_speak_once(string make)
    {
        string launcher = MpiLauncher.Require(make), alone = Path.Combine(_folder, "alone"), two = Path.Combine(_folder, "two");
        (_, string table, _) = PolderProcess.Run(Command(alone));
        (int code, string output, string error) = RankProcess.Finish(RankProcess.Start(launcher, 2, Command(two, more: ["--ranks", "2"])));
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(table.Split('\n').Length, output.Split('\n').Length);
        AssertSame(alone, two);
        Assert.Equal("2", Settings(two)["ranks"]!.ToJsonString());
    }

    [Fact]
    public void With_a_fixed_order_and_parts_three_ranks_are_one()
    {
        string launcher = MpiLauncher.RequireAny(), one = Path.Combine(_folder, "one"), three = Path.Combine(_folder, "three");
        string[] fixedWork = ["--reproducible", "--batch-parts", "2"];
        Assert.Equal(0, PolderProcess.Run(Command(one, 1, ["--ranks", "1", .. fixedWork])).ExitCode);
        (int code, _, string error) = RankProcess.Finish(RankProcess.Start(launcher, 3, Command(three, 1, ["--ranks", "3", .. fixedWork])));
        Assert.Equal((0, ""), (code, error));
        AssertSame(one, three);
    }

    [Fact]
    public void A_rank_that_fails_ends_the_job_with_one_line()
    {
        string launcher = MpiLauncher.RequireAny(), run = Path.Combine(_folder, "run");
        string common = string.Join(' ', Command(run, more: ["--ranks", "2"]));
        // Data that one rank cannot read.
        (int code, string output, string error) = RankProcess.Finish(RankProcess.StartScript(
            launcher, 2, $"if [ $R = 1 ]; then D=./nothing; else D={_data}; fi; exec $POLDER {common.Replace($"--data {_data}", "--data $D")}"));
        Assert.Equal((2, "", "polder: rank 1 of 2: ./nothing: there is no such folder"), (code, output, error));

        // Other images, and another option: neither may train anything.
        string other = MiniatureCifar.Write(Path.Combine(_folder, "other"), trainPerClass: 7);
        (code, output, error) = RankProcess.Finish(RankProcess.StartScript(
            launcher, 2, $"if [ $R = 1 ]; then D={other}; S=0.03; else D={_data}; S=0.02; fi; exec $POLDER "
                + common.Replace($"--data {_data}", "--data $D").Replace("--sigma 0.02", "--sigma $S")));
        Assert.Equal((2, "", "polder: rank 0 of 2: the ranks do not have the same settings, the same training images, the same validation images: "
            + "start all of them from the same program and folders, with the same options"), (code, output, error));
        Assert.False(Directory.Exists(run));
    }

    [Fact]
    public void A_full_disk_ends_the_job_with_one_line_and_with_room_it_goes_on_bit_for_bit()
    {
        string launcher = MpiLauncher.RequireAny(), whole = Path.Combine(_folder, "whole");
        // Room for the first state, and not for the second beside it.
        using SmallDisk disk = SmallDisk.Require(Path.Combine(_folder, "disk"), "6m");
        string run = Path.Combine(disk.Path, "run");
        Assert.Equal(0, PolderProcess.Run(Command(whole)).ExitCode);
        (int code, string output, string error) = RankProcess.Finish(RankProcess.Start(launcher, 2, Command(run, more: ["--ranks", "2"])));
        Assert.Equal((2, ""), (code, output));
        Assert.Matches("^polder: rank 0 of 2: .*: cannot be written: No space left on device", Assert.Single(error.Split('\n')));
        disk.Grow("64m");
        (code, _, error) = RankProcess.Finish(RankProcess.Start(launcher, 2, "finetune", "--resume", run, "--quiet"));
        Assert.Equal((0, ""), (code, error));
        AssertSame(whole, run);
    }

    [Fact]
    public void What_is_typed_wrong_is_said_once()
    {
        string launcher = MpiLauncher.RequireAny();
        (int code, string output, string error) = RankProcess.Finish(RankProcess.Start(launcher, 2, "finetune", "--ranks", "2", "--sigma", "much"));
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("polder: --sigma: found much", Assert.Single(error.Split('\n')));
        (code, _, error) = RankProcess.Finish(RankProcess.Start(launcher, 2, "finetune", "--ranks", "3"));
        Assert.Equal(2, code);
        Assert.EndsWith("has started 2: give both the same number", Assert.Single(error.Split('\n')));
        (code, _, error) = PolderProcess.Run("finetune", "--reproducible");
        Assert.Equal((2, "polder: --reproducible: allowed only with --ranks\n"), (code, error));
    }

    [Theory]
    [InlineData("openmpi")]
    [InlineData("mpich")]
    public void A_killed_job_ends_in_seconds_and_goes_on_bit_for_bit(string make)
    {
        string launcher = MpiLauncher.Require(make), whole = Path.Combine(_folder, "whole"), killed = Path.Combine(_folder, "killed");
        int kills = int.Parse(Environment.GetEnvironmentVariable("POLDER_KILLS") ?? "1", CultureInfo.InvariantCulture), epochs = Math.Max(2, 2 * kills);
        Assert.Equal(0, PolderProcess.Run(Command(whole, epochs)).ExitCode);

        var random = new Random(make.Length);
        string state = Path.Combine(killed, "last", "training.safetensors");
        string[] command = Command(killed, epochs, "--ranks", "2"), resume = ["finetune", "--resume", killed, "--quiet"];
        for (int kill = 0; kill < kills; kill++)
        {
            string[] next = File.Exists(Path.Combine(killed, "config.json")) ? resume : command;
            string words = KillOne(RankProcess.Start(launcher, 2, next), state, random);
            TestContext.Current.SendDiagnosticMessage($"{make}: {words}");
        }
        (int code, _, string error) = RankProcess.Finish(RankProcess.Start(launcher, 2, resume));
        Assert.Equal((0, ""), (code, error));
        AssertSame(whole, killed);
    }

    [Fact]
    public void Measurements_and_comparisons_are_shared_and_come_to_the_same()
    {
        string launcher = MpiLauncher.RequireAny(), run = Path.Combine(_folder, "run"), json = Path.Combine(_folder, "measured.json");
        Assert.Equal(0, PolderProcess.RunIn(_folder, "finetune", "--epochs", "1", "--no-report", "--quiet", "--out", run).ExitCode);

        string[] stability = ["stability", "--run", run, "--draws", "2", "--probes", "0", "--batch-size", "8", "--threads", "1", "--quiet", "--json", json];
        Assert.Equal(0, PolderProcess.Run(stability).ExitCode);
        string alone = JsonNode.Parse(File.ReadAllText(json))!["results"]!.ToJsonString();
        (int code, _, string error) = RankProcess.Finish(RankProcess.Start(launcher, 2, [.. stability, "--ranks", "2"]));
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(alone, JsonNode.Parse(File.ReadAllText(json))!["results"]!.ToJsonString());

        string[] hessian =
        [
            "hessian", "--run", run, "--max-products", "20", "--top", "1", "--bottom", "0", "--image-parts", "0", "--batch-size", "8", "--threads", "1",
            "--quiet", "--json", json,
        ];
        (code, string output, error) = RankProcess.Finish(RankProcess.Start(launcher, 2, [.. hessian, "--ranks", "2"]));
        Assert.Equal((0, ""), (code, error));
        Assert.Single(output.Split('\n'), line => line.Contains("eigenvalue   residual", StringComparison.Ordinal));
        Assert.InRange((double)JsonNode.Parse(File.ReadAllText(json))!["trace"]!["value"]!, 1, 1e6);

        string study = Path.Combine(_folder, "study");
        (code, _, error) = RankProcess.Finish(RankProcess.Start(launcher, 2,
            "compare", "--methods", "base,nso", "--seeds", "0,1", "--epochs", "1", "--curvature", "off", "--threads", "1", "--quiet", "--out", study,
            "--ranks", "2"));
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(4, Directory.GetFiles(Path.Combine(study, "cells"), "*.json").Length);
        Assert.Equal([2, 2], JsonNode.Parse(File.ReadAllText(Path.Combine(study, "result.json")))!["results"]!.AsArray()
            .Select(method => method!["runs"]!.AsArray().Count));
    }

    [Fact]
    public void Without_MPI_one_line_says_what_is_missing()
    {
        var start = new ProcessStartInfo("dotnet", [PolderProcess.Program, .. Command(Path.Combine(_folder, "run"), more: ["--ranks", "2"])])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["POLDER_MPI_LIBRARY"] = Path.Combine(_folder, "libmpi.so");
        (int code, string output, string error) = RankProcess.Finish(Process.Start(start)!);
        Assert.Equal((2, ""), (code, output));
        Assert.Equal(
            $"polder: POLDER_MPI_LIBRARY: found {Path.Combine(_folder, "libmpi.so")}, which does not load, allowed: the file of an MPI library", error);
    }

    // SIGKILL to a rank or to the launcher, at any moment: while the job begins, or after some of its steps and a bit.
    private static string KillOne(Process job, string state, Random random)
    {
        using Process owned = job;
        Task<string> output = job.StandardOutput.ReadToEndAsync(), error = job.StandardError.ReadToEndAsync();
        DateTime last = File.Exists(state) ? File.GetLastWriteTimeUtc(state) : default;
        for (int steps = random.Next(1, 5); steps > 0 && !job.HasExited; job.WaitForExit(1))
            if (File.Exists(state) && File.GetLastWriteTimeUtc(state) is var now && now != last)
                (last, steps) = (now, steps - 1);
        job.WaitForExit(random.Next(300));
        Assert.False(job.HasExited, job.HasExited ? $"it was done before it could be killed: {error.Result}" : "");
        int[] ranks = RankProcess.RanksOf(job.Id);
        Assert.Equal(2, ranks.Length);
        int victim = ((int[])[job.Id, .. ranks])[random.Next(3)];
        string name = victim == job.Id ? "the launcher" : "a rank";
        using (Process one = Process.GetProcessById(victim))
            one.Kill();
        var clock = Stopwatch.StartNew();
        job.WaitForExit(TimeSpan.FromSeconds(30));
        while (ranks.Any(RankProcess.Runs) && clock.Elapsed < TimeSpan.FromSeconds(30))
            job.WaitForExit(20);
        Assert.True(job.HasExited && !ranks.Any(RankProcess.Runs), $"{name} was killed, and something still runs after {clock.Elapsed}");
        Assert.NotEqual(0, job.ExitCode);
        Task.WaitAll(output, error);
        return $"{name} was killed, all ended after {clock.Elapsed.TotalSeconds:F1} s";
    }

    private static JsonNode Settings(string run) => JsonNode.Parse(File.ReadAllText(Path.Combine(run, "result.json")))!["settings"]!;

    // What was trained, and every figure of it but times and the curvature, whose sums ranks make otherwise.
    private static void AssertSame(string expected, string found)
    {
        Assert.Equal(File.ReadAllBytes(Path.Combine(expected, "best.safetensors")), File.ReadAllBytes(Path.Combine(found, "best.safetensors")));
        Assert.Equal(Lines(expected), Lines(found));

        static IEnumerable<string> Lines(string run) => File.ReadAllLines(Path.Combine(run, "metrics.jsonl")).Select(line =>
        {
            JsonNode epoch = JsonNode.Parse(line)!;
            epoch["seconds"] = epoch["curvature"] = null;
            return epoch.ToJsonString();
        });
    }
}
