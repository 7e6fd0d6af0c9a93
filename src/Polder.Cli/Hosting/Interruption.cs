using System.Runtime.InteropServices;

namespace Polder.Cli.Hosting;

/// <summary>
/// Ctrl-C (and a polite kill): the first asks the command to stop in order, a second one stops the process at once.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Action<string> _say;
    private readonly Action _abort;

    /// <param name="say">Takes the line that tells the user what happens.</param>
    /// <param name="abort">Ends the process at once.</param>
    public Interruption(Action<string> say, Action abort)
    {
        (_say, _abort) = (say, abort);
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
        ];
    }

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
        _source.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        context.Cancel = true;
        Stop();
    }

    internal void Stop()
    {
        if (_source.IsCancellationRequested)
        {
            _abort();
            return;
        }
        try
        {
            _say("polder: stopping (once more stops at once)");
            _source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The signal came as the command ended.
        }
    }
}
