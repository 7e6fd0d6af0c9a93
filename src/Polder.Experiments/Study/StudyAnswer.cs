namespace Polder.Experiments.Study;

/// <summary>How a method differs from another one over the tasks of a study.</summary>
/// <param name="Entry">The method.</param>
/// <param name="Other">The other.</param>
/// <param name="Tasks">The tasks where both have a seed in common, in the order of the study.</param>
/// <param name="Differences">The paired differences on each of them, method less other.</param>
/// <param name="Test">Over all tasks and seeds; null where there is no pair.</param>
public sealed record StudyDifference(
    string Entry, string Other, IReadOnlyList<string> Tasks, IReadOnlyList<PairedDifference> Differences, SignFlipTest? Test)
{
    /// <summary>What tables call the question (<see cref="StudyQuestion.Name"/>).</summary>
    public string Question { get; init; } = "";

    /// <summary>
    /// The mean over the tasks on each seed, with its interval over the seeds; null where the tasks do not have the same seeds, two or more.
    /// </summary>
    public PairedDifference? OverSeeds { get; init; }

    /// <summary>The p-value corrected over the other methods of the question (Holm).</summary>
    public double? PHolm { get; init; }

    /// <summary>Whether the two are the same within a margin; null where that is not asked.</summary>
    public EquivalenceTest? Equivalence { get; init; }

    /// <summary>The difference on a task; null where there is none.</summary>
    /// <param name="task">The task's name.</param>
    public PairedDifference? On(string task) => Tasks.Zip(Differences).FirstOrDefault(own => own.First == task).Second;

    /// <summary>The tasks where the method's mean is higher.</summary>
    public int Above => Differences.Count(d => d.Mean > 0);
}

/// <summary>The answer to a question of a study, for one figure of its runs.</summary>
public static class StudyAnswer
{
    /// <summary>Compares the runs.</summary>
    /// <param name="question">The question.</param>
    /// <param name="study">The study.</param>
    /// <param name="groups">Its groups: with one setting a method, or with one a task.</param>
    /// <param name="figure">The figure of a run; null where a run has none.</param>
    /// <returns>A difference for each other method of the question.</returns>
    public static IReadOnlyList<StudyDifference> Of(
        StudyQuestion question, StudyResult study, IReadOnlyList<StudyGroup> groups, Func<MethodRun, double?> figure)
    {
        ArgumentNullException.ThrowIfNull(question);
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(figure);
        string[] tasks = [.. study.Design.Tasks.Select(t => t.Name).Where(t => question.Tasks?.Contains(t) ?? true)];
        IEnumerable<StudyDifference> all = question.Others.Select(
            other => Difference(question.Entry, other, [(question.Entry, 1), (other, -1)], tasks, question.Margin, study, groups, figure));
        return Corrected([.. all.Select(d => d with { Question = question.Name })]);
    }

    /// <summary>The contrasts of a study.</summary>
    /// <param name="study">The study.</param>
    /// <param name="groups">Its groups.</param>
    /// <param name="figure">The figure of a run; null where a run has none.</param>
    /// <returns>One a contrast, with Holm's correction over them; the other method's name is empty.</returns>
    public static IReadOnlyList<StudyDifference> Contrasts(StudyResult study, IReadOnlyList<StudyGroup> groups, Func<MethodRun, double?> figure)
    {
        ArgumentNullException.ThrowIfNull(study);
        string[] tasks = [.. study.Design.Tasks.Select(t => t.Name)];
        return Corrected([.. study.Design.Contrasts.Select(c => Difference(c.Name, "", c.Weights, tasks, null, study, groups, figure))]);
    }

    private static IReadOnlyList<StudyDifference> Corrected(IReadOnlyList<StudyDifference> all) =>
        [.. all.Zip(HolmCorrection.Correct([.. all.Select(d => d.Test?.P)]), (d, p) => d with { PHolm = p })];

    private static StudyDifference Difference(
        string name, string other, IReadOnlyList<(string Entry, double Weight)> weights, IReadOnlyList<string> on, double? margin, StudyResult study,
        IReadOnlyList<StudyGroup> groups, Func<MethodRun, double?> figure)
    {
        (string Name, (long Seed, double Value)[] Of)[] pairs = [.. on.Select(task => (task, ValuesOn(task))).Where(t => t.Item2.Length > 0)];
        (string Name, double[] Values)[] tasks = [.. pairs.Select(t => (t.Name, t.Of.Select(v => v.Value).ToArray()))];
        return new StudyDifference(
            name, other, [.. tasks.Select(t => t.Name)], [.. tasks.Select(t => PairedDifference.Of(t.Values, new double[t.Values.Length]))],
            tasks.Length == 0 ? null : SignFlipTest.Of([.. tasks.Select(t => t.Values)]))
        {
            OverSeeds = MeanOverTasks(),
            Equivalence = margin is { } points && tasks.Length > 0 ? EquivalenceTest.Of([.. tasks.SelectMany(t => t.Values)], points / 100) : null,
        };

        PairedDifference? MeanOverTasks()
        {
            long[] seeds = [.. pairs.FirstOrDefault().Of?.Select(v => v.Seed) ?? []];
            if (seeds.Length < 2 || !pairs.All(t => t.Of.Select(v => v.Seed).SequenceEqual(seeds)))
                return null;
            double[] means = [.. seeds.Select((_, i) => tasks.Average(t => t.Values[i]))];
            return PairedDifference.Of(means, new double[means.Length]);
        }

        // The weighted sum on every seed that all of the methods have.
        (long Seed, double Value)[] ValuesOn(string task)
        {
            StudyGroup?[] own = [.. weights.Select(w => StudyResult.Of(groups, w.Entry, task))];
            if (own.Contains(null))
                return [];
            return
            [
                .. study.Design.Seeds.Select(
                        seed => (seed, Values: own.Select(g => g!.Runs.FirstOrDefault(r => r.Seed == seed) is { } run ? figure(run) : null).ToArray()))
                    .Where(v => !v.Values.Contains(null)).Select(v => (v.seed, v.Values.Zip(weights, (value, w) => w.Weight * value!.Value).Sum())),
            ];
        }
    }

    /// <summary>Kendall's tau of two figures over the methods of a study, the mean over tasks of each method's mean over seeds.</summary>
    /// <param name="study">The study.</param>
    /// <param name="x">The first figure of a run.</param>
    /// <param name="y">The second.</param>
    /// <returns>Tau on each task that has three methods or more with both, in the order of the study.</returns>
    public static IReadOnlyList<(string Task, double Tau, int Methods)> Order(StudyResult study, Func<MethodRun, double?> x, Func<MethodRun, double?> y)
    {
        ArgumentNullException.ThrowIfNull(study);
        var found = new List<(string, double, int)>();
        foreach (StudyTask task in study.Design.Tasks)
        {
            var means = study.Groups.Where(g => g.Task == task.Name).Select(Both).Where(runs => runs.Length > 0)
                .Select(runs => (X: runs.Average(r => r.X), Y: runs.Average(r => r.Y))).ToArray();
            if (means.Length >= 3)
                found.Add((task.Name, KendallTau.Of([.. means.Select(m => m.X)], [.. means.Select(m => m.Y)]), means.Length));
        }
        return found;

        (double X, double Y)[] Both(StudyGroup group) =>
        [
            .. group.Runs.Select(r => (X: x(r), Y: y(r))).Where(r => r is { X: not null, Y: not null }).Select(r => (r.X!.Value, r.Y!.Value)),
        ];
    }
}
