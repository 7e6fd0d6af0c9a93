using Polder.Experiments.Study;

namespace Polder.Experiments.Tests.Study;

public class TuningCourseTests
{
    private static readonly StudyDesign Design = StudyDesignFileTests.Parse("""
        {
          "study": "tuning", "tasks": [ { "name": "a", "data": "digits" }, { "name": "b", "data": "digits" } ],
          "methods": [
            { "name": "sgd", "method": "base" }, { "name": "frozen", "method": "base", "tune": false, "learningRate": 0.1 },
            { "name": "nso", "tune": { "sigma": [0.01, 0.02, 0.04] } }, { "name": "sam", "tune": { "rho": [0.1, 0.2, 0.4] } }
          ],
          "tuning": { "seeds": "100", "learningRates": [0.1, 0.2, 0.4], "rateFactors": [0.5, 2], "extensions": 2 },
          "seeds": "0"
        }
        """);

    [Fact]
    public void Rates_come_first_then_strengths_at_the_reference_rate_then_other_rates()
    {
        // All optima lie inside: rate 0.2, sigma 0.02, rho 0.2, and nothing is extended.
        var (course, batches) = Tune(s => (s.LearningRate == 0.2 ? 0.5 : 0.4) + (s.Strength is 0.02 or 0.2 ? 0.3 : 0));
        Assert.Equal(
            ["sgd rate 0.1|sgd rate 0.2|sgd rate 0.4",
             "nso sigma 0.01, rate 0.2|nso sigma 0.02, rate 0.2|nso sigma 0.04, rate 0.2|sam rho 0.1, rate 0.2|sam rho 0.2, rate 0.2|sam rho 0.4, rate 0.2",
             "nso sigma 0.02, rate 0.1|nso sigma 0.02, rate 0.4|sam rho 0.2, rate 0.1|sam rho 0.2, rate 0.4"],
            batches);
        Assert.Equal(["rate 0.2", "", "sigma 0.02, rate 0.2", "rho 0.2, rate 0.2"], Design.Entries.Select(e => course.Best(e).Words));
    }

    [Fact]
    public void A_winner_on_an_edge_extends_the_grids_of_all()
    {
        // More sigma is always better; SAM's winner, rho 0.1, stands on its lower edge, and then inside and nearer to that.
        var (course, batches) = Tune(s => s.Entry.Name == "nso" ? 0.3 + s.Strength!.Value : s.Strength == 0.1 ? 0.6 : s.LearningRate == 0.2 ? 0.5 : 0.4);
        Assert.Equal("nso sigma 0.08, rate 0.2|sam rho 0.05, rate 0.2", batches[2]);
        Assert.Equal("nso sigma 0.16, rate 0.2|sam rho 0.025, rate 0.2", batches[3]);
        Assert.Equal(5, batches.Count); // two extensions, and the other rates
        Assert.Equal("sigma 0.16, rate 0.2", course.Best(Design.Entries[2]).Words);
        Assert.Equal(5 + 2, course.Ranked(Design.Entries[2]).Count);
        Assert.Equal(course.Ranked(Design.Entries[2]).Count, course.Ranked(Design.Entries[3]).Count);
    }

    [Fact]
    public void The_mean_rank_over_tasks_decides_and_each_task_has_a_best_of_its_own()
    {
        // Rate 0.1 is first on a and last on b, 0.4 the reverse, 0.2 second on both: all mean ranks are 2, and the lower loss decides.
        var (course, _) = Tune((s, task) => s.Entry.Name != "sgd" ? new TuningScore(0.5, 1, 0) : new TuningScore(
            s.LearningRate switch { 0.1 => task == 0 ? 0.9 : 0.1, 0.4 => task == 0 ? 0.1 : 0.9, _ => 0.5 }, s.LearningRate == 0.2 ? 0.1 : 0.7, 0));
        Assert.Equal([2, 2, 2], course.Ranked(Design.Entries[0]).Select(r => r.MeanRank).Take(3));
        Assert.Equal(0.2, course.Best(Design.Entries[0]).LearningRate);
        Assert.Equal((0.1, 0.4), (course.BestOn(Design.Entries[0], 0).LearningRate, course.BestOn(Design.Entries[0], 1).LearningRate));
    }

    [Fact]
    public void A_setting_that_diverged_is_behind_all_that_did_not()
    {
        var (course, _) = Tune((s, _) => s.LearningRate == 0.4 ? new TuningScore(0.99, 0.01, 1)
            : s.LearningRate == 0.2 ? new TuningScore(double.NaN, double.NaN, 2) : new TuningScore(0.1, 2, 0));
        Assert.Equal(0.1, course.Best(Design.Entries[0]).LearningRate);
    }

    [Fact]
    public void Without_tuning_nothing_is_tried_and_the_plan_is_meant()
    {
        var course = new TuningCourse(Design with { Tuning = null });
        Assert.Empty(course.Batches(_ => throw new InvalidOperationException()));
        Assert.Equal(new StudySetting(Design.Entries[1]), course.Best(Design.Entries[1]));
    }

    private static (TuningCourse Course, List<string> Batches) Tune(Func<StudySetting, double> accuracy) =>
        Tune((s, _) => new TuningScore(accuracy(s), 1, 0));

    private static (TuningCourse Course, List<string> Batches) Tune(Func<StudySetting, int, TuningScore> score)
    {
        var course = new TuningCourse(Design);
        var batches = new List<string>();
        foreach (IReadOnlyList<StudySetting> batch in course.Batches(s => [score(s, 0), score(s, 1)]))
            batches.Add(string.Join('|', batch.Select(s => $"{s.Entry.Name} {s.Words}")));
        return (course, batches);
    }
}
