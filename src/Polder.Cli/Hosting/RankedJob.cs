using System.Runtime.InteropServices;
using TorchSharp;

namespace Polder.Cli.Hosting;

/// <summary>
/// The MPI job that the program is one rank of. The first rank writes and speaks, the others are silent. A rank that fails says why in one line and ends all
/// of them; a wish to stop, which reaches a rank as a signal, becomes all ranks' at the end of the same step.
/// </summary>
internal sealed partial class RankedJob : IDisposable
{
    // In which a line of the first rank ends the job, so that what all have to say is said once.
    private static readonly TimeSpan Precedence = TimeSpan.FromSeconds(0.8);
    private static readonly TimeSpan WatchEvery = TimeSpan.FromSeconds(0.5);

    private readonly MpiJob? _job;
    private readonly CancellationTokenSource _together = new();

    private RankedJob(MpiJob? job) => _job = job;

    /// <summary>The ranks.</summary>
    public IRanks Ranks => (IRanks?)_job ?? Alone;

    /// <summary>Whether this rank writes files and speaks.</summary>
    public bool Writes => Ranks.Rank == 0;

    /// <summary>Cancelled on all ranks at the same place of their work.</summary>
    public CancellationToken Together => _together.Token;

    /// <summary>What the library calls itself; words where one rank needs none.</summary>
    public string Library => _job?.Version ?? "no MPI";

    private static SoloRanks Alone { get; } = new();

    /// <summary>
    /// Whether what is wrong before there is a job is for the first rank to say: what was typed is wrong on all of them. A machine that lacks MPI speaks for
    /// itself.
    /// </summary>
    /// <param name="arguments">What was typed.</param>
    public static bool LeavesItToTheFirst(IReadOnlyList<string> arguments) => MpiJob.RankOfLauncher > 0 && MpiJob.IsInstalled()
        && arguments.Any(a => a.StartsWith(RankSettings.Name, StringComparison.Ordinal) || a.StartsWith("--resume", StringComparison.Ordinal));

    /// <summary>Starts MPI; one rank needs none.</summary>
    /// <exception cref="MpiException">There is none, or it has another number of ranks.</exception>
    public static RankedJob Start(int ranks)
    {
        if (ranks == 1 && MpiJob.SizeOfLauncher is null or 1)
            return new RankedJob(null);
        var job = new RankedJob(MpiJob.Start(ranks));
        WatchLauncher();
        return job;
    }

    /// <summary>The program that this is, for the ranks to agree on: the very build of every assembly of the house, .NET and libtorch.</summary>
    public static (string What, ulong Hash) Code() => ("program", RankAgreement.HashOf(string.Join('\n',
    [
        .. AppDomain.CurrentDomain.GetAssemblies().Where(a => a.GetName().Name!.StartsWith("Polder", StringComparison.Ordinal))
            .Select(a => $"{a.GetName().Name} {a.ManifestModule.ModuleVersionId}").Order(StringComparer.Ordinal),
        Environment.Version.ToString(), NativeRuntime.LibTorchVersion ?? "",
    ])));

    /// <summary>Makes a step's runner.</summary>
    /// <param name="model">The network.</param>
    /// <param name="options">How the step is shared.</param>
    /// <param name="wantsToStop">Whether this rank was asked to stop.</param>
    public RankProbeRunner RunnerOf(torch.nn.Module model, RankOptions options, Func<bool> wantsToStop) =>
        new(Ranks, model, options) { WantsToStop = wantsToStop, Stopping = _together.Cancel };

    /// <summary>Gives all ranks a text of the first.</summary>
    public string Tell(string text)
    {
        byte[] length = BitConverter.GetBytes(System.Text.Encoding.UTF8.GetByteCount(text));
        Ranks.Broadcast(length, 0);
        byte[] bytes = Writes ? System.Text.Encoding.UTF8.GetBytes(text) : new byte[BitConverter.ToInt32(length)];
        Ranks.Broadcast(bytes, 0);
        return System.Text.Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Ends the job after an exception on this rank; the exit code where all ranks stop together, else it does not return.</summary>
    /// <param name="report">What is to be said of the exception.</param>
    /// <param name="say">Says it.</param>
    public int Fail(ErrorReport report, Action<string> say)
    {
        const string program = "polder: ";
        if (report.ExitCode == ErrorReport.Stopped && (Together.IsCancellationRequested || _job is null))
        {
            if (Writes)
                say(report.Text);
            Dispose();
            return report.ExitCode;
        }
        // Asked to stop where the others do not know of it: by the launcher, since another rank has failed, or by Ctrl-C, which the launcher answers.
        bool asked = report.ExitCode == ErrorReport.Stopped;
        if (!Writes && !asked)
            Thread.Sleep(Precedence + TimeSpan.FromSeconds(0.1 * Math.Min(Ranks.Rank, 10)));
        if (!asked)
            say(_job is null || !report.Text.StartsWith(program, StringComparison.Ordinal) ? report.Text
                : $"{program}rank {Ranks.Rank} of {Ranks.Size}: {report.Text[program.Length..]}");
        _job?.Abort(report.ExitCode);
        return report.ExitCode;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _job?.Dispose();
        _together.Dispose();
    }

    // A launcher that is killed cannot end what it has started. Open MPI's ranks notice, MPICH's would wait for ever: each looks whether its parent
    // is still there.
    private static void WatchLauncher()
    {
        if (OperatingSystem.IsWindows())
            return;
        int parent = GetParent();
        new Thread(() =>
        {
            while (GetParent() == parent)
                Thread.Sleep(WatchEvery);
            System.Diagnostics.Process.GetCurrentProcess().Kill();
        })
        { IsBackground = true, Name = "end of the launcher" }.Start();
    }

    [LibraryImport("libc", EntryPoint = "getppid")]
    private static partial int GetParent();
}
