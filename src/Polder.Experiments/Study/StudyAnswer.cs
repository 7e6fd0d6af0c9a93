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
        StudyDifference[] all = [.. question.Others.Select(other => Difference(question, other, study, groups, figure))];
        IReadOnlyList<double?> corrected = HolmCorrection.Correct([.. all.Select(d => d.Test?.P)]);
        return [.. all.Zip(corrected, (d, p) => d with { PHolm = p })];
    }

    private static StudyDifference Difference(
        StudyQuestion question, string other, StudyResult study, IReadOnlyList<StudyGroup> groups, Func<MethodRun, double?> figure)
    {
        var pairs = study.Design.Tasks.Select(task => (task.Name, Pairs: PairsOn(task.Name))).Where(t => t.Pairs.Length > 0).ToArray();
        double[][] differences = [.. pairs.Select(t => t.Pairs.Select(p => p.Own - p.Other).ToArray())];
        return new StudyDifference(
            question.Entry, other, [.. pairs.Select(t => t.Name)],
            [.. pairs.Select(t => PairedDifference.Of([.. t.Pairs.Select(p => p.Own)], [.. t.Pairs.Select(p => p.Other)]))],
            differences.Length == 0 ? null : SignFlipTest.Of(differences))
        {
            Equivalence = question.Margin is { } points && differences.Length > 0
                ? EquivalenceTest.Of([.. differences.SelectMany(d => d)], points / 100) : null,
        };

        (double Own, double Other)[] PairsOn(string task)
        {
            if (StudyResult.Of(groups, question.Entry, task) is not { } own || StudyResult.Of(groups, other, task) is not { } others)
                return [];
            return [.. own.Runs.Join(others.Runs, r => r.Seed, r => r.Seed, (a, b) => (Own: figure(a), Other: figure(b)))
                .Where(p => p is { Own: not null, Other: not null }).Select(p => (p.Own!.Value, p.Other!.Value))];
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
