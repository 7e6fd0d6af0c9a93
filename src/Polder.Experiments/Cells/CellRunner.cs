using System.Text.Json.Nodes;

namespace Polder.Experiments.Cells;

/// <summary>A cell that is being done.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Share">The share that is done.</param>
/// <param name="Words">How it is going; asked for only where it is shown.</param>
public sealed record RunningCell(string Name, double Share, Func<string> Words);

/// <summary>Where the cells of a study stand, whichever processes do them.</summary>
/// <param name="Finished">The cells that are done.</param>
/// <param name="Cells">All cells.</param>
/// <param name="Running">Those that are being done, this process's first.</param>
public sealed record CellsProgress(int Finished, int Cells, IReadOnlyList<RunningCell> Running)
{
    /// <summary>The cells that are done, with the shares of those at hand.</summary>
    public double Done => Finished + Running.Sum(r => r.Share);
}

/// <summary>Does cells in their order, one after another, beside any other process that does cells of the same folder.</summary>
/// <param name="folder">The folder.</param>
public sealed class CellRunner(CellFolder folder)
{
    // Seconds between two looks at what others do, where there is nothing to do: soon at first, since small cells end soon.
    private const double FirstWait = 0.02, LongestWait = 1;

    private readonly Lock _gate = new();
    private (Cell Cell, CellClaim Claim, CellWork Work, CancellationTokenSource Stop)? _current;
    private CellsProgress _others = new(0, 0, []);

    /// <summary>Told after every report of a cell's work, and every few seconds of what other processes do; from any thread.</summary>
    public IProgress<CellsProgress>? Progress { get; init; }

    /// <summary>Returns when all cells are done, by this process or others: it waits for those, and takes over what a dead one has left.</summary>
    /// <param name="cells">The cells; what is done already is not done again.</param>
    /// <param name="cancellation">Stops the cell at hand, which is given back.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public void Run(IReadOnlyList<Cell> cells, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(cells);
        using var heartbeat = new Heartbeat(folder.Beat, () => Beat(cells));
        double wait = FirstWait;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            CellListing listing = folder.List();
            Cell[] open = [.. cells.Where(cell => !listing.Done.Contains(cell.Key))];
            Look(cells, listing);
            if (open.Length == 0)
                return;
            if (open.Select(cell => (cell, Claim: folder.TryClaim(cell, listing))).FirstOrDefault(c => c.Claim is not null) is { Claim: { } claim } taken)
            {
                Do(taken.cell, claim, cancellation);
                wait = FirstWait;
                continue;
            }
            cancellation.WaitHandle.WaitOne(TimeSpan.FromSeconds(wait));
            wait = Math.Min(2 * wait, LongestWait);
        }
    }

    private void Do(Cell cell, CellClaim claim, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var work = new CellWork(Report, stop.Token);
        lock (_gate)
            _current = (cell, claim, work, stop);
        try
        {
            JsonObject outcome = cell.Work(work);
            folder.Record(cell, outcome);
        }
        catch (OperationCanceledException) when (claim.IsLost && !cancellation.IsCancellationRequested)
        {
            // Another process has taken it over, or done it.
        }
        finally
        {
            lock (_gate)
            {
                _current = null;
                claim.Dispose();
            }
        }
    }

    private void Beat(IReadOnlyList<Cell> cells)
    {
        (Cell Cell, CellClaim Claim, CellWork Work, CancellationTokenSource Stop)? current;
        lock (_gate)
            current = _current;
        if (current is { } own)
        {
            // Not within the lock: a file system that hangs must not stop the work.
            own.Claim.Renew(own.Work.Share, own.Work.Words);
            lock (_gate)
                if (own.Claim.IsLost && _current?.Claim == own.Claim)
                    own.Stop.Cancel();
        }
        Look(cells, folder.List());
        Report();
    }

    // Also sees which claims of others change, so that it is known which are dead when there is nothing else to do.
    private void Look(IReadOnlyList<Cell> cells, CellListing listing)
    {
        string? own;
        lock (_gate)
            own = _current?.Cell.Key;
        var running = new List<RunningCell>();
        foreach (Cell cell in cells)
            if (cell.Key != own && !listing.Done.Contains(cell.Key) && listing.Claims.TryGetValue(cell.Key, out int number)
                && folder.Look(cell.Key, number) is { } claim)
                running.Add(new RunningCell(cell.Name, claim.Share, () => claim.Words));
        lock (_gate)
            _others = new CellsProgress(cells.Count(cell => listing.Done.Contains(cell.Key)), cells.Count, running);
    }

    private void Report()
    {
        if (Progress is null)
            return;
        CellsProgress now;
        lock (_gate)
            now = _current is { } current
                ? _others with { Running = [new RunningCell(current.Cell.Name, current.Work.Share, () => current.Work.Words), .. _others.Running] }
                : _others;
        Progress.Report(now);
    }
}
