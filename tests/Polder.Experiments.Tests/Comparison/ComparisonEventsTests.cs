using System.Text;
using Polder.Experiments.Comparison;

namespace Polder.Experiments.Tests.Comparison;

public sealed class ComparisonEventsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-events-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Each_run_has_a_folder_and_those_of_one_method_are_a_group()
    {
        MethodRun Run(long seed) => new(seed, 0.75, 1, 0.8, 1, 1, 1, 1, 1, 1, 1) { Curve = new([1], [0.5], [0.6], [0.7]) };
        var comparison = new ComparisonResult(
            "task",
            [
                new("base", new Dictionary<string, object>(), [Run(0), Run(1)]),
                new("nso", new Dictionary<string, object> { ["sigma"] = 0.02 }, [Run(0)]) { Label = "nso+every=2" },
            ],
            4, [new("nso+every=2", 1, "diverged")], []);
        ComparisonEvents.Write(comparison, _folder, new Dictionary<string, object> { ["learning rate"] = 0.1 }, DateTimeOffset.UnixEpoch);
        string[] folders = [.. Directory.GetDirectories(_folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];
        Assert.Equal(["base-seed-0", "base-seed-1", "nso+every=2-seed-0", "nso+every=2-seed-1"], folders);
        string Words(string folder) =>
            Encoding.Latin1.GetString(File.ReadAllBytes(Assert.Single(Directory.GetFiles(Path.Combine(_folder, folder), "*tfevents*"))));
        Assert.All(folders, f => Assert.Contains("learning rate", Words(f), StringComparison.Ordinal));
        Assert.Contains("test/accuracy", Words("base-seed-1"), StringComparison.Ordinal);
        Assert.Contains("accuracy/validation", Words("base-seed-1"), StringComparison.Ordinal);
        Assert.Contains("sigma", Words("nso+every=2-seed-0"), StringComparison.Ordinal);
        Assert.DoesNotContain("test/accuracy", Words("nso+every=2-seed-1"), StringComparison.Ordinal);
    }

    [Fact]
    public void Processes_that_end_at_the_same_time_may_all_write_them()
    {
        MethodRun[] runs = [.. Enumerable.Range(0, 20).Select(seed => new MethodRun(seed, 0.75, 1, 0.8, 1, 1, 1, 1, 1, 1, 1))];
        var comparison = new ComparisonResult("task", [new("base", new Dictionary<string, object>(), runs)], 20, [], []);
        using var start = new Barrier(8);
        Exception?[] thrown = new Exception?[8];
        Thread[] threads = [.. Enumerable.Range(0, 8).Select(i => new Thread(() =>
        {
            start.SignalAndWait();
            thrown[i] = Record.Exception(() => ComparisonEvents.Write(comparison, _folder, new Dictionary<string, object>(), DateTimeOffset.UnixEpoch));
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        Assert.All(thrown, Assert.Null);
        Assert.All(runs, r => Assert.Single(Directory.GetFiles(Path.Combine(_folder, $"base-seed-{r.Seed}"))));
    }
}
