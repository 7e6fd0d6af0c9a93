using Polder.Experiments.Comparison;
using Polder.Experiments.Pages;
using Polder.Experiments.Reports;
using Polder.Experiments.Study;

namespace Polder.Experiments.Tests.Study;

public class StudyAnswerTests
{
    private static readonly StudyDesign Design = StudyDesignFileTests.Parse("""
        {
          "study": "answers", "tasks": [ { "name": "a", "data": "digits" }, { "name": "b", "data": "digits" } ],
          "methods": [ { "name": "base" }, { "name": "nso" }, { "name": "sam" } ], "seeds": "0..2",
          "questions": [ { "method": "nso", "with": ["base", "sam"], "equivalenceMargin": 5 } ]
        }
        """);

    [Fact]
    public void Differences_are_paired_by_seed_and_each_task_counts_once()
    {
        StudyResult study = Result(
            ("a", "base", [0.5, 0.6, 0.7]), ("a", "nso", [0.51, 0.62, 0.73]), ("a", "sam", [0.5, 0.5, 0.5]),
            ("b", "base", [0.8]), ("b", "nso", [0.9, 0.1])); // a run without a partner does not count
        IReadOnlyList<StudyDifference> answer = StudyAnswer.Of(Design.Questions[0], study, study.Groups, run => run.TestAccuracy);

        Assert.Equal(["base", "sam"], answer.Select(d => d.Other));
        Assert.Equal(["a", "b"], answer[0].Tasks);
        Assert.Equal(["a"], answer[1].Tasks);
        Assert.Equal((0.02 + 0.1) / 2, answer[0].Test!.Mean, 14);
        // Four pairs of one sign: 2 of 16 patterns. Three pairs: 2 of 8. Holm: twice the smaller, then at least that.
        Assert.Equal((0.125, 0.25), (answer[0].Test!.P, answer[1].Test!.P));
        Assert.Equal((0.25, 0.25), (answer[0].PHolm, answer[1].PHolm));
        Assert.Equal(2, answer[0].Above);
        Assert.Equal(0.02, answer[0].On("a")!.Mean, 14);
        Assert.Null(answer[1].On("b"));
        Assert.Equal(4, answer[0].Equivalence!.Pairs);
        Assert.False(answer[1].Equivalence!.IsEquivalent);
    }

    [Fact]
    public void A_question_of_some_tasks_is_answered_by_their_runs_alone()
    {
        StudyResult study = Result(
            ("a", "base", [0.5, 0.6, 0.7]), ("a", "nso", [0.51, 0.62, 0.73]), ("b", "base", [0.5, 0.5, 0.5]), ("b", "nso", [0.4, 0.5, 0.6]),
            ("b", "sam", [0.1, 0.5, 0.6]));
        var question = new StudyQuestion("nso", ["base", "sam"]) { Name = "few", Tasks = ["b"] };
        StudyDifference[] some = AnswersTo(study, question);
        Assert.Equal(["b", "b"], some.SelectMany(d => d.Tasks));
        Assert.Equal(["few", "few"], some.Select(d => d.Question));
        Assert.Equal((6, 3), (AnswersTo(study, question with { Tasks = null })[0].Test!.Pairs, some[0].Test!.Pairs));
        // Both have three pairs: -0.1, 0, 0.1 in four of four patterns; 0.3, 0, 0 in all. Nothing of task a is in it.
        Assert.Equal((1.0, 1.0), (some[0].Test!.P, some[1].Test!.P));
        Assert.Equal(0.1, some[1].Test!.Mean, 14);
    }

    [Fact]
    public void The_interval_over_seeds_is_that_of_the_mean_of_the_tasks()
    {
        StudyResult study = Result(
            ("a", "base", [0.5, 0.6, 0.7]), ("a", "nso", [0.51, 0.62, 0.73]), ("b", "base", [0.5, 0.5, 0.5]), ("b", "nso", [0.55, 0.5, 0.53]));
        StudyDifference difference = AnswersTo(study, Design.Questions[0])[0];
        // Seed by seed the means of the two tasks are 3, 1 and 3 points: mean 7/3, standard deviation 2/sqrt(3); Student's 97.5 % point for 2 is 4.30265.
        Assert.Equal(0.07 / 3, difference.OverSeeds!.Mean, 12);
        Assert.Equal(0.07 / 3 - (4.302652729911275 * 0.02 / 3), difference.OverSeeds.Low, 9);
        Assert.Equal(difference.Test!.Mean, difference.OverSeeds.Mean, 14);
        // A task that lacks a seed: there is no mean of the tasks on it.
        StudyResult fewer = Result(
            ("a", "base", [0.5, 0.6, 0.7]), ("a", "nso", [0.51, 0.62, 0.73]), ("b", "base", [0.5, 0.5]), ("b", "nso", [0.55, 0.5]));
        Assert.Null(AnswersTo(fewer, Design.Questions[0])[0].OverSeeds);
        Assert.Null(AnswersTo(Result(("a", "base", [0.5]), ("a", "nso", [0.6])), Design.Questions[0])[0].OverSeeds);
    }

    [Fact]
    public void Tables_say_which_question_it_is_once_one_has_a_name()
    {
        StudyResult study = Result(
            ("a", "base", [0.5, 0.6, 0.7]), ("a", "nso", [0.51, 0.62, 0.73]), ("b", "base", [0.5, 0.5, 0.5]), ("b", "nso", [0.55, 0.5, 0.53]));
        StudyQuestion all = new("nso", ["base"]), some = all with { Name = "few", Tasks = ["b"] };
        ResultTable plain = TableOf(all), named = TableOf(all, some);
        Assert.DoesNotContain("question", plain.Columns.Select(c => c.Title));
        Assert.Equal("question", named.Columns[0].Title);
        Assert.Equal(["all tasks", "few"], named.Rows.Select(row => row[0].Text));
        Assert.Equal(["+2.3 (-0.5 to +5.2)", "+2.7 (-3.6 to +8.9)"], named.Rows.Select(row => row[3].Text));

        ResultTable TableOf(params StudyQuestion[] questions) => StudyReport.Of(study with { Design = Design with { Questions = questions } })
            .Blocks.OfType<ResultTable>().Single(t => t.Name == "differences");
    }

    [Fact]
    public void Order_is_that_of_the_means_of_the_methods()
    {
        StudyResult study = Result(("a", "base", [0.5, 0.625]), ("a", "nso", [0.75]), ("a", "sam", [0.625, 0.875]), ("b", "base", [0.5]), ("b", "nso", [0.6]));
        // Means 0.5625, 0.75, 0.75 against losses that fall with the accuracy: of three pairs one is a tie in both.
        var order = Assert.Single(StudyAnswer.Order(study, run => run.TestAccuracy, run => run.TestLoss));
        Assert.Equal(("a", -1.0, 3), order);
    }

    [Fact]
    public void A_contrast_is_the_weighted_sum_on_the_seeds_that_all_have()
    {
        StudyDesign design = Design with { Contrasts = [new StudyContrast("interaction", [("nso", 1), ("sam", -1), ("base", -0.5)])] };
        StudyResult study = Result(
            ("a", "base", [0.5, 0.6, 0.7]), ("a", "nso", [0.9, 0.8]), ("a", "sam", [0.2, 0.1, 0.3]), ("b", "base", [0.5]), ("b", "nso", [0.6]));
        StudyDifference contrast = Assert.Single(StudyAnswer.Contrasts(study with { Design = design }, study.Groups, run => run.TestAccuracy));
        Assert.Equal(["a"], contrast.Tasks);
        // 0.9 - 0.2 - 0.25 and 0.8 - 0.1 - 0.3
        Assert.Equal((0.45 + 0.4) / 2, contrast.Test!.Mean, 14);
        Assert.Equal((0.5, 0.5), (contrast.Test.P, contrast.PHolm));
        Assert.Equal(0.425, contrast.On("a")!.Mean, 14);
    }

    [Fact]
    public void The_lead_of_a_page_says_what_is_sure_and_what_is_not()
    {
        double[] low = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5], high = [0.6, 0.61, 0.62, 0.6, 0.61, 0.62];
        StudyDesign design = Design with { Seeds = [0, 1, 2, 3, 4, 5] };
        StudyResult study = Result(("a", "base", low), ("a", "nso", high), ("a", "sam", [0.6, 0.62, 0.61, 0.61, 0.6, 0.62])) with { Design = design };
        Assert.Equal("nso: 11.0 points above base (corrected p 0.031).", LeadOf(study, new StudyQuestion("nso", ["base"])));
        Assert.Equal("nso: no reliable difference to sam (0.0 points).", LeadOf(study, new StudyQuestion("nso", ["sam"])));
        // Six differences of 0, +-1 point: their 90 % interval is +-0.74 points.
        Assert.Equal("nso: equivalent to sam within 1 points (0.0 points).", LeadOf(study, new StudyQuestion("nso", ["sam"]) { Margin = 1 }));
        Assert.Equal("nso: no reliable difference to sam (0.0 points).", LeadOf(study, new StudyQuestion("nso", ["sam"]) { Margin = 0.7 }));
        // Two questions of one method are two tests: neither of 2 x 2/64 is below 5 %.
        Assert.Equal("nso: no reliable difference to base (+11.0 points), sam (0.0 points).", LeadOf(study, new StudyQuestion("nso", ["base", "sam"])));
        // A question that has a name has a sentence of its own.
        Assert.Equal(
            "few, nso: 11.0 points above base (corrected p 0.031). many, nso: no reliable difference to sam (0.0 points).",
            StudyPage.Lead(
                study,
                [
                    .. AnswersTo(study, new StudyQuestion("nso", ["base"]) { Name = "few" }),
                    .. AnswersTo(study, new StudyQuestion("nso", ["sam"]) { Name = "many", Tasks = ["a"] }),
                ],
                []));
        // With other settings on each task it may be another answer, and the lead says both.
        Assert.Equal(
            "nso: 11.0 points above base (corrected p 0.031). Where each task has its own setting, nso: no reliable difference to sam (0.0 points).",
            StudyPage.Lead(study, AnswersTo(study, new StudyQuestion("nso", ["base"])), AnswersTo(study, new StudyQuestion("nso", ["sam"]))));
        Assert.Equal("No run is finished.", LeadOf(Result(), new StudyQuestion("nso", ["base"])));
    }

    private static string LeadOf(StudyResult study, StudyQuestion question) =>
        StudyPage.Lead(study, AnswersTo(study, question), []);

    private static StudyDifference[] AnswersTo(StudyResult study, StudyQuestion question) =>
        [.. StudyAnswer.Of(question, study, study.Groups, run => run.TestAccuracy).Where(d => d.Test is not null)];

    private static StudyResult Result(params (string Task, string Entry, double[] Accuracies)[] groups) => new(
        Design, [],
        [
            .. groups.Select(g => new StudyGroup(
                g.Task, new StudySetting(Design.Entries.Single(e => e.Name == g.Entry)),
                [.. g.Accuracies.Select((accuracy, seed) => new MethodRun(seed, accuracy, 1 - accuracy, 0, 0, 0, 1, 1, 1, 1, 1))])),
        ],
        [], 0, 0);
}
