using System.Diagnostics;
using System.Text.Json.Nodes;
using Polder.Testing;

namespace Polder.EndToEnd;

/// <summary>Many runs over the ranks of an MPI job: the tables of one process, and nothing finished is lost when a rank dies.</summary>
public sealed class RankStudyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-rank-study-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_study_over_ranks_is_that_of_one_process_also_after_a_rank_was_killed()
    {
        string launcher = MpiLauncher.RequireAny(), plan = In("plan.json"), alone = In("alone"), shared = In("shared");
        File.WriteAllText(plan, StudyPlanTests.Plan);
        Assert.Equal(0, PolderProcess.Run("study", plan, "--out", alone, "--threads", "1", "--quiet").ExitCode);

        KillARank(
            RankProcess.Start(launcher, 2, "study", plan, "--out", shared, "--threads", "1", "--ranks", "2", "--quiet"),
            () => StudyPlanTests.Count(shared) >= 3);
        Assert.InRange(StudyPlanTests.Count(shared), 3, StudyPlanTests.Count(alone));

        (int code, _, string said) = RankProcess.Finish(
            RankProcess.Start(launcher, 2, "study", "--resume", shared, "--threads", "1", "--ranks", "2", "--quiet"));
        Assert.Equal((0, ""), (code, said));
        AssertSame(alone, shared, "tuning", "groups", "answers", "cells");
    }

    [Fact]
    public void A_tuning_over_ranks_chooses_what_one_process_chooses()
    {
        string launcher = MpiLauncher.RequireAny(), alone = In("alone"), shared = In("shared");
        string[] command =
        [
            "tune", "--methods", "base,nso", "--seeds", "0,1", "--learning-rates", "0.02,0.05", "--sigmas", "0.01,0.02", "--shots", "5", "--epochs", "1",
            "--threads", "1", "--quiet",
        ];
        (int code, _, string said) = PolderProcess.Run([.. command, "--out", alone]);
        Assert.True(code == 0, said);
        (code, _, said) = RankProcess.Finish(RankProcess.Start(launcher, 2, [.. command, "--out", shared, "--ranks", "2"]));
        Assert.Equal((0, ""), (code, said));
        AssertSame(alone, shared, "grid");
    }

    private static void KillARank(Process started, Func<bool> due)
    {
        using Process job = started;
        Task<string> output = job.StandardOutput.ReadToEndAsync(), error = job.StandardError.ReadToEndAsync();
        var clock = Stopwatch.StartNew();
        while (!job.HasExited && !due() && clock.Elapsed < TimeSpan.FromMinutes(2))
            job.WaitForExit(5);
        Assert.False(job.HasExited, "it was done before a rank could be killed");
        using (Process rank = Process.GetProcessById(RankProcess.RanksOf(job.Id)[1]))
            rank.Kill();
        Assert.True(job.WaitForExit(TimeSpan.FromSeconds(30)), "a rank was killed, and the job goes on");
        Assert.NotEqual(0, job.ExitCode);
        Task.WaitAll(output, error);
    }

    // Everything of the named parts but times.
    private static void AssertSame(string expected, string found, params string[] parts)
    {
        JsonNode one = Result(expected), other = Result(found);
        Assert.All(parts, part => Assert.NotNull(one[part]));
        foreach (string part in parts)
            Assert.Equal(WithoutTimes(one[part]), WithoutTimes(other[part]));
    }

    private static string WithoutTimes(JsonNode? node)
    {
        if (node is JsonObject fields)
        {
            foreach (string name in fields.Select(field => field.Key).Where(name => name.Contains("econds", StringComparison.Ordinal)).ToArray())
                fields.Remove(name);
            return string.Join(',', fields.Select(field => $"{field.Key}:{WithoutTimes(field.Value)}"));
        }
        return node is JsonArray items ? $"[{string.Join(',', items.Select(WithoutTimes))}]" : node?.ToJsonString() ?? "null";
    }

    private static JsonNode Result(string folder) => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "result.json")))!;

    private string In(string name) => Path.Combine(_folder, name);
}
