namespace Polder.Experiments.Study;

/// <summary>How a setting did on the validation images of a task.</summary>
/// <param name="Accuracy">The mean accuracy over the tuning seeds that did not diverge, between 0 and 1; NaN where all did.</param>
/// <param name="Loss">The mean cross entropy over them, in nats.</param>
/// <param name="Diverged">The seeds that diverged.</param>
public sealed record TuningScore(double Accuracy, double Loss, int Diverged);

/// <summary>A setting that was tried, on all tasks.</summary>
/// <param name="Setting">The setting.</param>
/// <param name="Scores">How it did, a score a task, in their order.</param>
public sealed record TriedSetting(StudySetting Setting, IReadOnlyList<TuningScore> Scores);

/// <summary>
/// The order in which settings are tried, and what is chosen. First every method without a strength tries its learning rates; at the rate that the
/// first of them, the reference, has chosen, every other tries its strengths; where a winner stands on the edge of its grid, all grids of that step are
/// extended by one value; then each tries other rates at its chosen strength. Every method of a kind has as many tries.
/// </summary>
/// <param name="design">The study.</param>
public sealed class TuningCourse(StudyDesign design)
{
    private readonly List<TriedSetting> _tried = [];

    /// <summary>What was tried so far, in its order.</summary>
    public IReadOnlyList<TriedSetting> Tried => _tried;

    private StudyTuning Tuning => design.Tuning!;

    /// <summary>The settings to try next, batch by batch: a batch is asked for when the scores of those before it are known.</summary>
    /// <param name="scoresOf">The scores of a setting of the batch at hand, a task each.</param>
    public IEnumerable<IReadOnlyList<StudySetting>> Batches(Func<StudySetting, IReadOnlyList<TuningScore>> scoresOf)
    {
        ArgumentNullException.ThrowIfNull(scoresOf);
        if (design.Tuning is null)
            yield break;
        StudyEntry[] plain = [.. design.Entries.Where(e => e is { IsTuned: true, Grid: null })], strong = [.. design.Entries.Where(e => e.Grid is not null)];
        var grids = plain.ToDictionary(e => e.Name, _ => Tuning.LearningRates.ToList());
        foreach (var batch in Rounds(plain, grids, (entry, value) => new StudySetting(entry, LearningRate: value), s => s.LearningRate!.Value))
            yield return batch;
        double rate = Best(plain[0]).LearningRate!.Value;
        grids = strong.ToDictionary(e => e.Name, e => e.Grid!.Values.ToList());
        foreach (var batch in Rounds(strong, grids, (entry, value) => new StudySetting(entry, rate, value), s => s.Strength!.Value))
            yield return batch;
        StudySetting[] others = [.. strong.SelectMany(_ => Tuning.RateFactors, (e, factor) => Best(e) with { LearningRate = Rounded(rate * factor) })];
        if (others.Length > 0)
        {
            yield return others;
            Keep(others);
        }

        IEnumerable<IReadOnlyList<StudySetting>> Rounds(
            StudyEntry[] entries, Dictionary<string, List<double>> values, Func<StudyEntry, double, StudySetting> make, Func<StudySetting, double> valueOf)
        {
            StudySetting[] batch = [.. entries.SelectMany(e => values[e.Name], make)];
            for (int extensions = 0; batch.Length > 0; extensions++)
            {
                yield return batch;
                Keep(batch);
                if (extensions == Tuning.Extensions || !entries.Any(e => IsEdge(values[e.Name], valueOf(Best(e)))))
                    yield break;
                batch = [.. entries.Select(e => make(e, Extend(values[e.Name], valueOf(Best(e)))))];
            }
        }

        void Keep(IEnumerable<StudySetting> batch) => _tried.AddRange(batch.Select(s => new TriedSetting(s, scoresOf(s))));
    }

    /// <summary>The setting of a method that has the best mean rank over all tasks.</summary>
    /// <param name="entry">The method.</param>
    public StudySetting Best(StudyEntry entry)
    {
        TriedSetting[] tried = Of(entry);
        if (tried.Length == 0)
            return new StudySetting(entry);
        double[][] ranks = [.. Enumerable.Range(0, design.Tasks.Count).Select(task => Ranks([.. tried.Select(t => t.Scores[task])]))];
        // Of equal ranks the one of the lower loss, which says more than counts of a few images.
        return tried.Index().MinBy(t => (ranks.Average(task => task[t.Index]), t.Item.Scores.Average(s => double.IsNaN(s.Loss) ? double.MaxValue : s.Loss)))
            .Item.Setting;
    }

    /// <summary>The setting of a method that is best on one task.</summary>
    /// <param name="entry">The method.</param>
    /// <param name="task">The place of the task.</param>
    public StudySetting BestOn(StudyEntry entry, int task)
    {
        TriedSetting[] tried = Of(entry);
        return tried.Length == 0 ? new StudySetting(entry) : tried.MinBy(t => Order(t.Scores[task]))!.Setting;
    }

    /// <summary>The mean rank of each tried setting of a method over the tasks; 1 is best.</summary>
    /// <param name="entry">The method.</param>
    public IReadOnlyList<(TriedSetting Tried, double MeanRank)> Ranked(StudyEntry entry)
    {
        TriedSetting[] tried = Of(entry);
        double[][] ranks = [.. Enumerable.Range(0, design.Tasks.Count).Select(task => Ranks([.. tried.Select(t => t.Scores[task])]))];
        return [.. tried.Select((t, i) => (t, ranks.Average(task => task[i])))];
    }

    private TriedSetting[] Of(StudyEntry entry) => [.. _tried.Where(t => t.Setting.Entry.Name == entry.Name)];

    private static (int Diverged, double Accuracy, double Loss) Order(TuningScore score) =>
        (score.Diverged, double.IsNaN(score.Accuracy) ? 0 : -score.Accuracy, double.IsNaN(score.Loss) ? double.MaxValue : score.Loss);

    // Equal scores share the mean of their ranks.
    private static double[] Ranks(TuningScore[] scores)
    {
        var order = Array.ConvertAll(scores, Order);
        return Array.ConvertAll(order, own => (order.Count(o => o.CompareTo(own) < 0) + order.Count(o => o.CompareTo(own) <= 0) + 1) / 2.0);
    }

    private static bool IsEdge(List<double> values, double best) => values.Count > 1 && (best == values[0] || best == values[^1]);

    // On the side where the winner is nearer, by the ratio of the two values there.
    private static double Extend(List<double> values, double best)
    {
        bool up = values.IndexOf(best) >= values.Count / 2.0;
        double added = Rounded(up ? values[^1] * values[^1] / values[^2] : values[0] * values[0] / values[1]);
        values.Insert(up ? values.Count : 0, added);
        return added;
    }

    // A product of two decimal numbers is one; its last bits are noise that would stand in every table.
    private static double Rounded(double value) => double.Parse(value.ToString("G4", System.Globalization.CultureInfo.InvariantCulture),
        System.Globalization.CultureInfo.InvariantCulture);
}
