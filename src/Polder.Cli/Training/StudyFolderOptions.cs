using System.CommandLine;
using System.Text.Json.Nodes;

namespace Polder.Cli.Training;

/// <summary>A folder that keeps every finished run of a study, in which one process goes on and several work side by side.</summary>
internal sealed class StudyFolderOptions
{
    private readonly string _command;

    /// <param name="command">The command's name.</param>
    /// <param name="more">What adds runs to a folder that goes on; null: nothing does.</param>
    /// <param name="ownJobs">In words, when the command chooses another number of jobs than 1.</param>
    public StudyFolderOptions(string command, string? more, string? ownJobs = null)
    {
        _command = command;
        Out = CommonOptions.Out(command);
        Resume = OptionOf.Text(
            "--resume", "DIR", $"go on where a run folder was left, with its settings; nothing finished is done again{(more is null ? "" : $", and {more}")}",
            $"a run folder of an earlier {command}", null, "");
        Jobs = OptionOf.Count(
            "--jobs", $"runs that are trained side by side, each in a process of its own with --threads{(ownJobs is null ? "" : $"; {ownJobs}")}", 1,
            ValueRange.Between(1, 1024));
    }

    public CliOption<string?> Out { get; }

    public CliOption<string?> Resume { get; }

    public CliOption<string?> Join { get; } = OptionOf.Text(
        "--join", "DIR", "share a run folder with other processes, on other machines too: each takes the next run that nobody has; the first makes it",
        "a run folder, or a folder that does not exist or is empty", null, "");

    private CliOption<int> Jobs { get; }

    private CliOption<double> TakeOverAfter { get; } = OptionOf.Number(
        "--take-over-after", "seconds without a sign of life after which another machine's run is done by others", CellFolder.DefaultTakeOverAfter.TotalSeconds,
        ValueRange.AtLeast(1));

    /// <summary>Adds what says how the command runs.</summary>
    public void AddTo(PolderCommand command)
    {
        command.Add(Heading.Output, Out);
        command.Add(Heading.Running, Resume, Join, Jobs, TakeOverAfter);
    }

    /// <summary>Whether an option says where and how, and not what.</summary>
    public bool Contains(Option option) => option == Out || option == Jobs || option == TakeOverAfter || option.Name == RankSettings.Name;

    /// <summary>Refuses two places for one study.</summary>
    public void RequireOne(CommandContext context)
    {
        CliOption<string?>[] places = [.. ((CliOption<string?>[])[Out, Resume, Join]).Where(context.IsGiven)];
        if (places.Length > 1)
            throw UserErrorException.ForOption(places[1].Name, context.Get(places[1])!, $"only without {places[0].Name}");
    }

    /// <summary>The jobs that were asked for, or those of the command's own choice where nobody said how many and no other process helps already.</summary>
    /// <param name="context">The command.</param>
    /// <param name="own">The command's own choice.</param>
    public int JobsOf(CommandContext context, int own = 1)
    {
        if (JobProcesses.IsJob)
            return 1;
        if (own == 1 || context.IsGiven(Jobs) || context.Job is not null || context.Get(Join) is not null)
            return context.Get(Jobs);
        context.SetEffective(Jobs, own);
        return own;
    }

    /// <summary>The threads of a job, where nobody said them: the processors are shared among the jobs.</summary>
    public void ShareProcessors(CommandContext context, int? threads)
    {
        if (context.Get(Jobs) > 1 && threads is null)
            context.PreferThreads(Math.Max(1, Environment.ProcessorCount / context.Get(Jobs)));
    }

    /// <summary>Makes the folder, or goes on with it, and starts the other jobs.</summary>
    /// <param name="context">The command.</param>
    /// <param name="plan">What the folder keeps of the study.</param>
    /// <param name="memoryOfJob">Measures what a job takes, in bytes; asked where there are several.</param>
    /// <param name="prepare">Puts into the folder what all jobs and ranks are to find there; null: nothing.</param>
    /// <param name="ownJobs">The jobs where nobody said how many.</param>
    public StudySession Begin(
        CommandContext context, JsonObject plan, Func<long>? memoryOfJob = null, Action<RunFolder>? prepare = null, int ownJobs = 1)
    {
        int jobs = JobsOf(context, ownJobs);
        // What another process would be told by --join, a job's ranks agree on, and are given the folder by the first.
        context.Job?.Ranks.Agree(
            RankedJob.Code(), ("number of threads", (ulong)TorchSharp.torch.get_num_threads()), ("methods, seeds, images or weights",
                RankAgreement.HashOf(plan.ToJsonString())), ("options", context.SettingsHash()));
        RunFolder folder = !context.Writes ? context.EnterRunFolder(context.Job!.Tell(""))
            : context.IsResumed ? context.Folder!
            : context.Get(Join) is { } shared ? context.JoinRunFolder(shared, plan) : context.CreateRunFolder(context.Get(Out), plan);
        if (context.Writes)
        {
            prepare?.Invoke(folder);
            context.Job?.Tell(Path.GetFullPath(folder.Path));
        }
        double patience = context.Get(TakeOverAfter);
        if (jobs > 1 && memoryOfJob is not null)
            SayMemory(context, jobs, memoryOfJob());
        return new StudySession(
            folder, new CellFolder(folder.Cells) { TakeOverAfter = TimeSpan.FromSeconds(patience) },
            JobProcesses.Start(
                jobs - 1, [_command, Join.Name, folder.Path, TakeOverAfter.Name, ValueKind.TextOf(patience), "--quiet"], context.Output.Warn));
    }

    private static void SayMemory(CommandContext context, int jobs, long bytes)
    {
        const double giga = 1 << 30;
        int threads = RuntimeEnvironment.Describe(usesTorch: true).Threads;
        double each = bytes / giga, free = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / giga;
        string words = FormattableString.Invariant(
            $"{jobs} jobs of {threads} thread(s), each about {each:F1} GiB of memory: {jobs * each:F1} of {free:F1} GiB");
        if (jobs * each > free)
            context.Output.Warn($"{words}: fewer --jobs or a smaller --batch-size need less");
        else
            context.Output.Info(words);
        if (jobs * threads > Environment.ProcessorCount)
            context.Output.Warn($"{jobs} jobs of {threads} threads wait for each other on {Environment.ProcessorCount} processors");
    }
}

/// <summary>A folder of runs that this process works in, beside the jobs that it has started.</summary>
/// <param name="Folder">The run folder.</param>
/// <param name="Cells">The finished runs in it.</param>
/// <param name="Jobs">The other jobs.</param>
internal sealed record StudySession(RunFolder Folder, CellFolder Cells, JobProcesses Jobs) : IDisposable
{
    /// <summary>Shows where all runs stand, whoever does them.</summary>
    /// <param name="tracker">Where.</param>
    /// <param name="before">The runs that were done before these.</param>
    public static IProgress<CellsProgress> Show(IProgressTracker tracker, double before = 0) => new Relay<CellsProgress>(p => tracker.Report(
        before + p.Done, () => string.Join("; ", p.Running.Select(r => r.Words() is { Length: > 0 } words ? words : r.Name))));

    /// <summary>What to say where the command was stopped.</summary>
    public StoppedException Stopped(string command, int finished, string planned) =>
        new($"{finished} of {planned} runs are finished and kept in {Folder.Path}; polder {command} --resume {Folder.Path} goes on");

    /// <summary>Ends the jobs.</summary>
    public void Dispose() => Jobs.Dispose();
}
