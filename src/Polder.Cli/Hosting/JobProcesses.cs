using System.Diagnostics;

namespace Polder.Cli.Hosting;

/// <summary>
/// Further processes of this program that work beside this one. They end when it ends, in whatever way: it holds the other end of their standard input,
/// and where that is closed they stop as by Ctrl-C.
/// </summary>
internal sealed class JobProcesses : IDisposable
{
    private const string Variable = "POLDER_JOB";

    // A job stops after the step at hand, or while it reads images.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly List<Job> _jobs = [];

    /// <summary>Whether this process was started so.</summary>
    public static bool IsJob { get; } = Environment.GetEnvironmentVariable(Variable) is not null;

    /// <summary>Cancelled when the process that started this job has ended; never where none has.</summary>
    public static CancellationToken EndOfStarter()
    {
        if (!IsJob)
            return default;
        var ended = new CancellationTokenSource();
        new Thread(() =>
        {
            try
            {
                using Stream input = Console.OpenStandardInput();
                while (input.ReadByte() >= 0)
                {
                }
            }
            catch (IOException)
            {
                // Closed as well.
            }
            ended.Cancel();
        })
        { IsBackground = true, Name = "end of the starter" }.Start();
        return ended.Token;
    }

    /// <summary>Starts processes.</summary>
    /// <param name="count">How many; 0 starts none.</param>
    /// <param name="arguments">What would be typed after <c>polder</c>.</param>
    /// <param name="warn">Told of one that ended before its time.</param>
    public static JobProcesses Start(int count, IReadOnlyList<string> arguments, Action<string> warn)
    {
        var jobs = new JobProcesses();
        try
        {
            for (int i = 0; i < count; i++)
                jobs._jobs.Add(new Job(arguments, warn));
        }
        catch
        {
            jobs.Dispose();
            throw;
        }
        return jobs;
    }

    /// <summary>Stops those that still run, and waits for them.</summary>
    public void Dispose()
    {
        foreach (Job job in _jobs)
            job.Stop();
        foreach (Job job in _jobs)
            job.Dispose();
    }

    private sealed class Job : IDisposable
    {
        private readonly Process _process;
        private string _lastLine = "";
        private volatile bool _isStopped;

        public Job(IReadOnlyList<string> arguments, Action<string> warn)
        {
            string program = Environment.ProcessPath!;
            // Started as "dotnet Polder.Cli.dll", the program is the first word that dotnet was given.
            bool hosted = Path.GetFileNameWithoutExtension(program) == "dotnet";
            var start = new ProcessStartInfo(program, hosted ? [Environment.GetCommandLineArgs()[0], .. arguments] : arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            start.Environment[Variable] = "1";
            _process = Process.Start(start)!;
            _process.OutputDataReceived += (_, _) => { };
            _process.ErrorDataReceived += (_, line) => _lastLine = string.IsNullOrEmpty(line.Data) ? _lastLine : line.Data;
            _process.BeginOutputReadLine();
            _process.BeginErrorReadLine();
            // Said at once: what is left takes longer than was thought, and whoever waits may want to know why.
            _process.Exited += (_, _) => SayIfFailed(warn);
            _process.EnableRaisingEvents = true;
        }

        /// <summary>Tells the job that nobody needs it any longer.</summary>
        public void Stop()
        {
            _isStopped = true;
            _process.StandardInput.Close();
        }

        private void SayIfFailed(Action<string> warn)
        {
            try
            {
                if (_isStopped || _process.ExitCode is ErrorReport.Done or ErrorReport.Stopped)
                    return;
                // What it wrote last may still be on its way.
                _process.WaitForExit();
                warn($"a job ended before its time, the others do its runs: exit code {_process.ExitCode}, {_lastLine}");
            }
            catch (InvalidOperationException)
            {
                // The study has ended meanwhile, and the process was let go.
            }
        }

        public void Dispose()
        {
            if (!_process.WaitForExit(Patience))
                _process.Kill(entireProcessTree: true);
            _process.Dispose();
        }
    }
}
