using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Polder.Experiments.Cells;
using Polder.Vision.Data;

namespace Polder.Experiments.Tests.Cells;

/// <summary>Processes that share a folder are threads here, each with a folder object and a runner of its own: they meet on the disk alone.</summary>
public sealed class CellFolderTests : IDisposable
{
    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("polder-cells-").FullName, "cells");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    [Fact]
    public void However_many_take_cells_of_one_folder_each_cell_is_done_once()
    {
        var done = new ConcurrentBag<int>();
        var workers = new ConcurrentDictionary<int, int>();
        Cell[] cells = Cells(60, (number, _) =>
        {
            done.Add(number);
            workers.AddOrUpdate(Environment.CurrentManagedThreadId, 1, (_, n) => n + 1);
            Cancellation.WaitHandle.WaitOne(1); // so that others have a turn
        });
        InThreads(8, _ => new CellRunner(new CellFolder(_path)).Run(cells, Cancellation));

        Assert.Equal(Enumerable.Range(0, 60), done.Order());
        Assert.True(workers.Count > 1, "only one took part");
        Assert.Equal(Enumerable.Range(0, 60), cells.Select(cell => (int)new CellFolder(_path).Read(cell)!["number"]!));
        AssertNoClaims();
        // What is done is not done again.
        new CellRunner(new CellFolder(_path)).Run(cells, Cancellation);
        Assert.Equal(60, done.Count);
    }

    [Fact]
    public void What_a_dead_process_of_another_machine_had_is_taken_over_once()
    {
        var done = new ConcurrentBag<int>();
        Cell[] cells = Cells(5, (number, _) => done.Add(number));
        var folder = new CellFolder(_path);
        foreach (Cell cell in cells.Take(3))
            Claim(cell, 1, Elsewhere);
        // One was taken over before, and that process died as well.
        Claim(cells[0], 2, Elsewhere);
        // What a process left that was killed within the making of a claim.
        File.WriteAllText(ClaimOf(cells[4], 1), "{");
        InThreads(8, _ => new CellRunner(new CellFolder(_path) { TakeOverAfter = TimeSpan.FromSeconds(3) }).Run(cells, Cancellation));
        Assert.Equal([0, 1, 2, 3, 4], done.Order());
        AssertNoClaims();
    }

    [Fact]
    public void A_claim_that_is_renewed_is_left_alone_and_one_that_stops_is_not()
    {
        Cell cell = Cells(1, (_, _) => { })[0];
        Claim(cell, 1, Elsewhere);
        var folder = new CellFolder(_path) { TakeOverAfter = TimeSpan.FromSeconds(0.5) };
        for (int beat = 1; beat <= 20; beat++)
        {
            // Twenty times as fast as it must be, for twice as long as it would take.
            Claim(cell, 1, Elsewhere, beat);
            Assert.Null(folder.TryClaim(cell, folder.List()));
            Cancellation.WaitHandle.WaitOne(50);
        }
        CellClaim? claim;
        while ((claim = folder.TryClaim(cell, folder.List())) is null)
            Cancellation.WaitHandle.WaitOne(20);
        Assert.Equal(ClaimOf(cell, 2), claim.Path);
        claim.Dispose();
    }

    [Fact]
    public void The_claim_of_a_process_that_died_on_this_machine_is_free_at_once()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere only the time tells");
        Assert.False(ProcessIdentity.Current.IsDead);
        Assert.NotEqual("", ProcessIdentity.Current.Machine);
        using Process other = Process.Start(new ProcessStartInfo("sleep", ["60"]))!;
        string started = File.ReadAllText($"/proc/{other.Id}/stat").Split(' ')[21];
        ProcessIdentity identity = ProcessIdentity.Current with { Pid = other.Id, Started = started };
        Assert.False(identity.IsDead);
        Assert.True((identity with { Started = started + "0" }).IsDead); // another process that has got the number
        Assert.False((identity with { Machine = "another", Started = "0" }).IsDead);

        Cell cell = Cells(1, (_, _) => { })[0];
        Claim(cell, 1, identity);
        var folder = new CellFolder(_path) { TakeOverAfter = TimeSpan.FromHours(1) };
        Assert.Null(folder.TryClaim(cell, folder.List()));
        other.Kill();
        other.WaitForExit();
        Assert.True(identity.IsDead);
        using CellClaim? claim = folder.TryClaim(cell, folder.List());
        Assert.NotNull(claim);
    }

    [Fact]
    public void Who_has_lost_a_cell_stops_and_what_was_recorded_first_stays()
    {
        int begun = 0;
        Cell cell = Cells(1, (_, work) =>
        {
            begun++;
            // Another process believes this one dead, and takes the cell over.
            Claim(Cells(1, (_, _) => { })[0], 2, Elsewhere);
            Assert.True(work.Cancellation.WaitHandle.WaitOne(TimeSpan.FromMinutes(1)), "not told");
            // It is done with it.
            new CellFolder(_path).Record(Cells(1, (_, _) => { })[0], new JsonObject { ["number"] = 77 });
            work.Cancellation.ThrowIfCancellationRequested();
        })[0];
        var folder = new CellFolder(_path) { TakeOverAfter = TimeSpan.FromSeconds(1) };
        new CellRunner(folder).Run([cell], Cancellation);
        Assert.Equal((1, 77), (begun, (int)folder.Read(cell)!["number"]!));

        // One that did not see it in time.
        folder.Record(cell, new JsonObject { ["number"] = 78 });
        Assert.Equal(77, (int)folder.Read(cell)!["number"]!);
        AssertNoClaims();
    }

    [Fact]
    public void A_stop_gives_the_cell_back_and_keeps_what_is_finished()
    {
        using var stop = new CancellationTokenSource();
        Cell[] cells = Cells(3, (number, work) =>
        {
            if (number != 1)
                return;
            stop.Cancel();
            work.Cancellation.ThrowIfCancellationRequested();
        });
        var folder = new CellFolder(_path);
        Assert.ThrowsAny<OperationCanceledException>(() => new CellRunner(folder).Run(cells, stop.Token));
        Assert.Equal([true, false, false], cells.Select(folder.Has));
        AssertNoClaims();
        // So does a cell that fails.
        Cell broken = Cells(4, (_, _) => throw new InvalidOperationException("broken"))[3];
        Assert.Throws<InvalidOperationException>(() => new CellRunner(folder).Run([broken], Cancellation));
        AssertNoClaims();
    }

    [Fact]
    public void Everybody_sees_what_everybody_does()
    {
        var seen = new ConcurrentBag<CellsProgress>();
        Cell[] cells = Cells(2, (_, work) => work.Report(0.5, () => "half"));
        Claim(cells[0], 1, Elsewhere with { Share = 0.25, Words = "elsewhere" });
        var folder = new CellFolder(_path) { TakeOverAfter = TimeSpan.FromSeconds(0.5) };
        new CellRunner(folder) { Progress = new Relay<CellsProgress>(seen.Add) }.Run(cells, Cancellation);
        // Claims are renewed, and all is told, at any moment besides.
        CellsProgress both = seen.First(p => p is { Finished: 0, Running: [{ Share: 0.5 }, _] });
        Assert.Equal([("cell 1", 0.5, "half"), ("cell 0", 0.25, "elsewhere")], both.Running.Select(r => (r.Name, r.Share, r.Words())));
        Assert.Equal((0.75, 2), (both.Done, both.Cells));
    }

    [Fact]
    public void A_damaged_outcome_and_one_of_other_settings_are_named()
    {
        Cell cell = Cells(1, (_, _) => { })[0];
        var folder = new CellFolder(_path);
        Assert.Null(folder.Read(cell));
        string file = Path.Combine(_path, cell.Key + ".json");
        File.WriteAllText(file, "{ \"settings\": {");
        Assert.StartsWith($"{file}: is no outcome of a run", Assert.Throws<DataException>(() => folder.Read(cell)).Message);
        File.WriteAllText(file, "{ \"settings\": { \"number\": 9 }, \"outcome\": {} }");
        Assert.StartsWith($"{file}: is of other settings", Assert.Throws<DataException>(() => folder.Read(cell)).Message);
    }

    [Fact]
    public void A_key_is_a_file_name_and_tells_settings_apart()
    {
        string[] keys = [.. new[] { ("nso+sigma=0.02, seed 3", 3), ("nso+sigma=0.02, seed 3", 4), ("a/b\\c:d", 3), (new string('x', 500), 3), ("é", 3) }
            .Select(c => new Cell(c.Item1, new JsonObject { ["seed"] = c.Item2 }, _ => []).Key)];
        Assert.StartsWith("nso+sigma=0-02-seed-3-", keys[0]);
        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.All(keys, key => Assert.Matches("^[A-Za-z0-9=+-]{17,80}$", key));
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static ClaimText Elsewhere => new("someone", "elsewhere", new ProcessIdentity("another machine", 1, "1"), 0, 0, "");

    private static Cell[] Cells(int count, Action<int, CellWork> work) =>
    [
        .. Enumerable.Range(0, count).Select(number => new Cell($"cell {number}", new JsonObject { ["number"] = number }, w =>
        {
            work(number, w);
            return new JsonObject { ["number"] = number };
        })),
    ];

    private string ClaimOf(Cell cell, int number) => Path.Combine(_path, $"{cell.Key}.{number}.claim");

    private void Claim(Cell cell, int number, ProcessIdentity process) => Claim(cell, number, Elsewhere with { Process = process });

    private void Claim(Cell cell, int number, ClaimText text, int beat = 0)
    {
        Directory.CreateDirectory(_path);
        File.WriteAllText(ClaimOf(cell, number), Polder.Settings.ResultJson.Line(text with { Beat = beat }));
    }

    private void AssertNoClaims() => Assert.All(Directory.GetFiles(_path), file => Assert.EndsWith(".json", file));

    private static void InThreads(int count, Action<int> work)
    {
        var failures = new ConcurrentBag<Exception>();
        using var together = new Barrier(count);
        Thread[] threads = [.. Enumerable.Range(0, count).Select(i => new Thread(() =>
        {
            try
            {
                together.SignalAndWait();
                work(i);
            }
            catch (Exception e)
            {
                failures.Add(e);
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Assert.Empty(failures);
    }
}
