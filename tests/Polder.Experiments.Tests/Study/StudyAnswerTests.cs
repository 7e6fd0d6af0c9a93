using Polder.Experiments.Comparison;
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
    public void Order_is_that_of_the_means_of_the_methods()
    {
        StudyResult study = Result(("a", "base", [0.5, 0.625]), ("a", "nso", [0.75]), ("a", "sam", [0.625, 0.875]), ("b", "base", [0.5]), ("b", "nso", [0.6]));
        // Means 0.5625, 0.75, 0.75 against losses that fall with the accuracy: of three pairs one is a tie in both.
        var order = Assert.Single(StudyAnswer.Order(study, run => run.TestAccuracy, run => run.TestLoss));
        Assert.Equal(("a", -1.0, 3), order);
    }

    private static StudyResult Result(params (string Task, string Entry, double[] Accuracies)[] groups) => new(
        Design, [],
        [
            .. groups.Select(g => new StudyGroup(
                g.Task, new StudySetting(Design.Entries.Single(e => e.Name == g.Entry)),
                [.. g.Accuracies.Select((accuracy, seed) => new MethodRun(seed, accuracy, 1 - accuracy, 0, 0, 0, 1, 1, 1, 1, 1))])),
        ],
        [], 0, 0);
}
