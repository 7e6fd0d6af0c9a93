namespace Polder.Experiments.Cells;

/// <summary>Calls something again and again on a thread of its own, one call at a time, until it is disposed of.</summary>
internal sealed class Heartbeat : IDisposable
{
    private readonly ManualResetEvent _stop = new(false);
    private readonly Thread _thread;

    /// <param name="interval">The time between two calls.</param>
    /// <param name="beat">What to call. That a file system fails at one call is no reason to end.</param>
    public Heartbeat(TimeSpan interval, Action beat)
    {
        _thread = new Thread(() =>
        {
            while (!_stop.WaitOne(interval))
            {
                try
                {
                    beat();
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // It may work the next time.
                }
            }
        })
        { IsBackground = true, Name = "claims of cells" };
        _thread.Start();
    }

    /// <summary>Returns when the last call has ended.</summary>
    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
    }
}
