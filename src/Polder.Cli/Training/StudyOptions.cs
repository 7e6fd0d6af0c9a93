using System.CommandLine;

namespace Polder.Cli.Training;

/// <summary>What the commands share that train many runs: methods, seeds, and the folder of the runs.</summary>
/// <param name="command">The command's name.</param>
/// <param name="seeds">The default of <c>--seeds</c>.</param>
/// <param name="ownJobs">In words, when the command chooses another number of jobs than 1.</param>
internal sealed class StudyOptions(string command, string seeds, string? ownJobs = null)
{
    /// <summary>The folder that keeps the runs.</summary>
    public StudyFolderOptions Folder { get; } = new(command, "--methods and --seeds add more", ownJobs);

    public CliOption<IReadOnlyList<string>> Methods { get; } = MethodVariant.List("base", "wp", "nso", "sam");

    public CliOption<IReadOnlyList<long>> Seeds { get; } = CommonOptions.Seeds(seeds);

    /// <summary>Whether an option is as the run was begun; the rest may be said anew (<see cref="PolderCommand.IsOfRun"/>).</summary>
    public bool IsOfRun(Option option, MethodOptionSet methods) =>
        !methods.Contains(option) && option != Methods && option != Seeds && !Folder.Contains(option);

    /// <summary>The plan of the folder that the command goes on with or joins; null where it begins one.</summary>
    public StudyPlan? PlanOf(CommandContext context)
    {
        Folder.RequireOne(context);
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
    /// <param name="shots">The labelled images a class of the digits demo, whose defaults hold then; null: not the demo.</param>
    /// <param name="swept">Whether the command itself tries the first option of each method, and leaves out those without one.</param>
    public MethodChoice[] MethodsOf(CommandContext context, StudyPlan? kept, MethodOptionSet options, int? shots, bool swept = false)
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
            [.. options.Choose(context, entries, shots, swept).Where(m => !swept || m.Entry.TuningGrid.Count > 0)];
    }

    /// <summary>Makes the folder, or goes on with it, and starts the other jobs.</summary>
    /// <param name="context">The command.</param>
    /// <param name="kept">The plan of the folder that goes on; null for a new one.</param>
    /// <param name="plan">The plan of this command.</param>
    /// <param name="task">The opened recipe.</param>
    /// <param name="ownJobs">The jobs where nobody said how many. Whoever chooses them knows that they fit into the memory.</param>
    public StudySession Begin(CommandContext context, StudyPlan? kept, StudyPlan plan, RecipeTask task, int ownJobs = 1)
    {
        if (kept is not null)
        {
            kept.RequireSameData(plan, context.Folder!.Path, task.Name);
            if (context.Writes && (plan.Methods.Count > kept.Methods.Count || plan.Seeds.Count > kept.Seeds.Count))
                context.WriteConfiguration(plan.ToJson());
        }
        return Folder.Begin(
            context, plan.ToJson(), ownJobs > 1 ? null : () => ShortTraining.MeasureMemory(task, plan.Methods, task.Recipe.Training, context.Cancellation),
            ownJobs: ownJobs);
    }

    private bool IsJoined(CommandContext context) => context.Get(Folder.Join) is not null;

    private static string Kept(CommandContext context) => $"{context.Folder!.Path} was begun";
}
