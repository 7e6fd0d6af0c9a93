namespace Polder.Experiments.Study;

/// <summary>The runs of a method on a task with one setting.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Setting">The method with its setting.</param>
/// <param name="Runs">The finished runs, in the order of the seeds.</param>
public sealed record StudyGroup(string Task, StudySetting Setting, IReadOnlyList<MethodRun> Runs)
{
    /// <summary>The trainings that diverged, in words.</summary>
    public IReadOnlyList<string> Diverged { get; init; } = [];

    /// <summary>Runs whose curvature is not finite, in words.</summary>
    public IReadOnlyList<string> Unmeasured { get; init; } = [];
}

/// <summary>What came of a study, as far as it is done.</summary>
/// <param name="Design">The study.</param>
/// <param name="Tried">The settings that were tried, with their mean rank over the tasks; 1 is best.</param>
/// <param name="Groups">The runs with one setting a method over all tasks: task by task, the methods in their order.</param>
/// <param name="PerTask">The same with the setting that is best on each task; empty where the study does not ask for it.</param>
/// <param name="Finished">The cells that are done.</param>
/// <param name="Cells">All cells that are known; where tuning goes on, those of later steps are not.</param>
public sealed record StudyResult(
    StudyDesign Design, IReadOnlyList<(TriedSetting Tried, double MeanRank, bool IsChosen)> Tried, IReadOnlyList<StudyGroup> Groups,
    IReadOnlyList<StudyGroup> PerTask, int Finished, int Cells)
{
    /// <summary>Whether nothing is left to do.</summary>
    public bool IsComplete { get; init; }

    /// <summary>The runs of a method on a task; null where it has none.</summary>
    /// <param name="groups"><see cref="Groups"/> or <see cref="PerTask"/>.</param>
    /// <param name="entry">The method's entry.</param>
    /// <param name="task">The task.</param>
    public static StudyGroup? Of(IReadOnlyList<StudyGroup> groups, string entry, string task)
    {
        ArgumentNullException.ThrowIfNull(groups);
        return groups.FirstOrDefault(g => g.Setting.Entry.Name == entry && g.Task == task && g.Runs.Count > 0);
    }
}
