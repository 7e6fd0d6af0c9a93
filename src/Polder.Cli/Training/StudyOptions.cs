using System.CommandLine;

namespace Polder.Cli.Training;

/// <summary>
/// What the commands share that train many runs: methods and seeds, and a folder that keeps every finished run, in which one process goes on and several
/// work side by side.
/// </summary>
internal sealed class StudyOptions
{
    private readonly string _command;

    /// <param name="command">The command's name.</param>
    /// <param name="seeds">The default of <c>--seeds</c>.</param>
    public StudyOptions(string command, string seeds)
    {
        _command = command;
        Seeds = CommonOptions.Seeds(seeds);
        Out = CommonOptions.Out(command);
        Resume = OptionOf.Text(
            "--resume", "DIR", "go on where a run folder was left, with its settings; nothing finished is done again, and --methods and --seeds add more",
            $"a run folder of an earlier {command}", null, "");
    }

    public CliOption<IReadOnlyList<string>> Methods { get; } = MethodVariant.List("base", "wp", "nso", "sam");

    public CliOption<IReadOnlyList<long>> Seeds { get; }

    public CliOption<string?> Out { get; }

    public CliOption<string?> Resume { get; }

    public CliOption<string?> Join { get; } = OptionOf.Text(
        "--join", "DIR", "share a run folder with other processes, on other machines too: each takes the next run that nobody has; the first makes it",
        "a run folder, or a folder that does not exist or is empty", null, "");

    private CliOption<int> Jobs { get; } = OptionOf.Count(
        "--jobs", "runs that are trained side by side, each in a process of its own with --threads", 1, ValueRange.Between(1, 1024));

    private CliOption<double> TakeOverAfter { get; } = OptionOf.Number(
        "--take-over-after", "seconds without a sign of life after which another machine's run is done by others", CellFolder.DefaultTakeOverAfter.TotalSeconds,
        ValueRange.AtLeast(1));

    /// <summary>Adds what says how the command runs.</summary>
    public void AddTo(PolderCommand command)
    {
        command.Add(Heading.Output, Out);
        command.Add(Heading.Running, Resume, Join, Jobs, TakeOverAfter);
    }

    /// <summary>Whether an option is as the run was begun; the rest may be said anew (<see cref="PolderCommand.IsOfRun"/>).</summary>
    public bool IsOfRun(Option option, MethodOptionSet methods) =>
        !methods.Contains(option) && !((Option[])[Methods, Seeds, Out, Jobs, TakeOverAfter]).Contains(option);

    /// <summary>The plan of the folder that the command goes on with or joins; null where it begins one.</summary>
    public StudyPlan? PlanOf(CommandContext context)
    {
        CliOption<string?>[] places = [.. ((CliOption<string?>[])[Out, Resume, Join]).Where(context.IsGiven)];
        if (places.Length > 1)
            throw UserErrorException.ForOption(places[1].Name, context.Get(places[1])!, $"only without {places[0].Name}");
        return context.IsResumed ? StudyPlan.Read(context.Folder!) : null;
    }

    /// <summary>The seeds, with those of the folder.</summary>
    public IReadOnlyList<long> SeedsOf(CommandContext context, StudyPlan? kept)
    {
        IReadOnlyList<long> typed = context.Get(Seeds)!;
        if (kept is null)
            return typed;
        if (!context.IsGiven(Seeds))
            typed = kept.Seeds;
        if (IsJoined(context) && !typed.SequenceEqual(kept.Seeds))
            throw UserErrorException.ForOption(Seeds.Name, ValueKind.TextOf(typed), $"{ValueKind.TextOf(kept.Seeds)}, with which {Kept(context)}");
        // In one order, whichever were first: the sums of a table are then the same to the last bit.
        IReadOnlyList<long> all = typed.Except(kept.Seeds).Any() ? [.. kept.Seeds.Union(typed).Order()] : kept.Seeds;
        context.SetEffective(Seeds, all);
        return all;
    }

    /// <summary>The methods, those of the folder first. What is typed for methods is for those that are new.</summary>
    /// <param name="context">The command.</param>
    /// <param name="kept">The plan of the folder.</param>
    /// <param name="options">The options of the methods.</param>
    /// <param name="demo">Whether the defaults are those of the digits demo.</param>
    /// <param name="swept">Whether the command itself tries the first option of each method, and leaves out those without one.</param>
    public MethodChoice[] MethodsOf(CommandContext context, StudyPlan? kept, MethodOptionSet options, bool demo, bool swept = false)
    {
        if (kept is null)
            return Typed(context.Get(Methods)!);
        var all = kept.Methods.ToList();
        MethodChoice[] typed = context.IsGiven(Methods) ? Typed(context.Get(Methods)!)
            : options.IsAnyGiven(context) ? Typed([.. kept.Methods.Select(m => m.Label)]) : [];
        foreach (MethodChoice choice in typed)
        {
            if (kept.Methods.FirstOrDefault(m => m.Label == choice.Label) is not { } same)
                all.Add(!IsJoined(context) ? choice : throw UserErrorException.ForOption(
                    Methods.Name, choice.Label, $"{string.Join(',', kept.Methods.Select(m => m.Label))}, with which {Kept(context)}"));
            else if (choice.Options.FirstOrDefault(o => !o.Value.Equals(same.Options.GetValueOrDefault(o.Key))) is { Key: { } name })
                throw UserErrorException.ForOption(
                    Methods.Name, $"{choice.Label} with {name} {MethodOption.Text(choice.Options[name])}",
                    $"{name} {MethodOption.Text(same.Options[name])}, with which {Kept(context)}; an entry of another name, {choice.Name}+{name}=X, is new");
        }
        options.ShowEffective(context, all);
        context.SetEffective(Methods, all.Select(m => m.Label));
        return [.. all];

        MethodChoice[] Typed(IReadOnlyList<string> entries) =>
            [.. options.Choose(context, entries, demo, swept).Where(m => !swept || m.Entry.TuningGrid.Count > 0)];
    }

    /// <summary>The threads of a job, where nobody said them: the processors are shared among the jobs.</summary>
    public void ShareProcessors(CommandContext context, Recipe recipe)
    {
        if (context.Get(Jobs) > 1 && recipe.Threads is null)
            context.PreferThreads(Math.Max(1, Environment.ProcessorCount / context.Get(Jobs)));
    }

    /// <summary>Makes the folder, or goes on with it, and starts the other jobs.</summary>
    /// <param name="context">The command.</param>
    /// <param name="kept">The plan of the folder that goes on; null for a new one.</param>
    /// <param name="plan">The plan of this command.</param>
    /// <param name="task">The opened recipe.</param>
    public StudySession Begin(CommandContext context, StudyPlan? kept, StudyPlan plan, RecipeTask task)
    {
        if (kept is not null)
        {
            kept.RequireSameData(plan, context.Folder!.Path, task.Name);
            if (plan.Methods.Count > kept.Methods.Count || plan.Seeds.Count > kept.Seeds.Count)
                context.WriteConfiguration(plan.ToJson());
        }
        RunFolder folder = kept is not null ? context.Folder!
            : context.Get(Join) is { } shared ? context.JoinRunFolder(shared, plan.ToJson()) : context.CreateRunFolder(context.Get(Out), plan.ToJson());
        int jobs = JobProcesses.IsJob ? 1 : context.Get(Jobs);
        double patience = context.Get(TakeOverAfter);
        if (jobs > 1)
            SayMemory(context, jobs, ShortTraining.MeasureMemory(task, plan.Methods, task.Recipe.Training, context.Cancellation));
        return new StudySession(
            folder, new CellFolder(folder.Cells) { TakeOverAfter = TimeSpan.FromSeconds(patience) },
            JobProcesses.Start(
                jobs - 1, [_command, Join.Name, folder.Path, TakeOverAfter.Name, ValueKind.TextOf(patience), "--quiet"], context.Output.Warn));
    }

    private bool IsJoined(CommandContext context) => context.Get(Join) is not null;

    private static string Kept(CommandContext context) => $"{context.Folder!.Path} was begun";

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
