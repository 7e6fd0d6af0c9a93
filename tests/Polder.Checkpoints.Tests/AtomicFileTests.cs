using Polder.Checkpoints.IO;

namespace Polder.Checkpoints.Tests;

/// <summary>Files that many want to make at once.</summary>
public sealed class AtomicFileTests : IDisposable
{
    private const int Writers = 8, Rounds = 25;

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-atomic-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Of_many_that_make_a_file_one_does_and_it_is_never_seen_in_part()
    {
        string[] texts = [.. Enumerable.Range(0, Writers).Select(i => new string((char)('a' + i), 10_000 + i))];
        for (int round = 0; round < Rounds; round++)
        {
            string file = Path.Combine(_folder, $"{round}");
            bool[] made = new bool[Writers];
            string?[] seen = new string?[Writers];
            using var together = new Barrier(Writers);
            InThreads(i =>
            {
                together.SignalAndWait();
                made[i] = AtomicFile.TryCreateText(file, texts[i]);
                seen[i] = File.ReadAllText(file);
            });
            string winner = texts[Assert.Single(Enumerable.Range(0, Writers), i => made[i])];
            Assert.All(seen, text => Assert.Equal(winner, text));
            Assert.False(AtomicFile.TryCreateText(file, "later"));
            Assert.Equal(winner, File.ReadAllText(file));
        }
        // No passing name is left.
        Assert.Equal(Rounds, Directory.GetFiles(_folder).Length);
    }

    [Fact]
    public void Many_may_write_a_shared_file_at_once_and_it_stays_whole()
    {
        string file = Path.Combine(_folder, "shared");
        string[] texts = [.. Enumerable.Range(0, Writers).Select(i => new string((char)('a' + i), 10_000))];
        InThreads(i =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                AtomicFile.WriteSharedText(file, texts[i]);
                Assert.Contains(File.ReadAllText(file), texts);
            }
        });
        Assert.Single(Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_folder_that_is_not_there_is_named()
    {
        string file = Path.Combine(_folder, "no", "file");
        Assert.Contains("there is no folder", Assert.Throws<CheckpointException>(() => AtomicFile.TryCreateText(file, "")).Message);
    }

    private static void InThreads(Action<int> work)
    {
        Exception?[] failures = new Exception?[Writers];
        Thread[] threads = [.. Enumerable.Range(0, Writers).Select(i => new Thread(() => failures[i] = Record.Exception(() => work(i))))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.All(failures, Assert.Null);
    }
}
