using Polder.Curvature;
using Polder.Experiments.Comparison;
using Polder.Experiments.Reports;
using Polder.Experiments.Study;

namespace Polder.Experiments.Tests.Study;

public class StudyDetailsTests
{
    private static readonly StudyDesign Design = StudyDesignFileTests.Parse("""
        {
          "study": "details", "tasks": [ { "name": "a", "data": "digits" }, { "name": "b", "data": "digits" } ],
          "methods": [ { "name": "base" }, { "name": "nso" } ], "seeds": "0..1", "questions": [ { "method": "nso", "with": ["base"] } ]
        }
        """);

    [Fact]
    public void Ends_are_means_over_the_runs_of_a_task()
    {
        ResultTable table = TableOf("ends", Group("b", "nso", Run(0.25, 1.5), Run(0.75, 2.5)), Group("a", "base", Run(0.5, 1) with { Distance = null }));
        Assert.Equal([["a", "base", "0.5", "1.000", ""], ["b", "nso", "0.5", "2.000", "0.3"]], table.Rows.Select(row => row.Select(c => c.Text)));
        ResultTable cost = TableOf("cost", Group("b", "nso", Run(0.25, 1.5), Run(0.75, 2.5)));
        // Four steps of a quarter of a second each.
        Assert.Equal(1.0, cost.Rows[0][cost.Columns.Select(c => c.Title).ToList().IndexOf("of steps")].Values[0]);
    }

    [Fact]
    public void Curvature_is_told_by_place_with_the_error_of_its_trace()
    {
        MethodRun run = Run(0.25, 1.5) with { Curvature = Found(0.125, 200, 10, 50), AtLoss = new MatchedCurvature(0.1, 3, Found(0.1, 400, 40, 60)) };
        ResultTable table = TableOf("curvature", Group("b", "nso", run, run with { Curvature = Found(0.375, 400, 60, 70) }));
        Assert.Equal(
            [["last epoch", "b", "nso", "2", "7", "0.25", "300", "10 %", "60"], ["equal loss", "b", "nso", "2", "7", "0.1", "400", "10 %", "60"]],
            table.Rows.Select(row => row.Select(c => c.Text)));
        Assert.DoesNotContain(Blocks(Group("b", "nso", Run(0.25, 1.5))), b => b is ResultTable { Name: "curvature" });
    }

    private static WeightCurvature Found(double loss, double trace, double error, double top) => new(
        5, 7, loss, new TraceEstimate(trace, error, 1, 1, "exact", 1, EstimateExit.Exact), new Eigenpair(top, 0, true), 2);

    private static MethodRun Run(double trainLoss, double testLoss) => new(0, 0.5, testLoss, 0, 0, trainLoss, 1, 4, 4, 0.25, 9) { Distance = 0.3 };

    private static StudyGroup Group(string task, string entry, params MethodRun[] runs) =>
        new(task, new StudySetting(Design.Entries.Single(e => e.Name == entry)), runs);

    private static ResultTable TableOf(string name, params StudyGroup[] groups) => Blocks(groups).OfType<ResultTable>().Single(t => t.Name == name);

    private static IReadOnlyList<ResultBlock> Blocks(params StudyGroup[] groups) => StudyReport.Of(new StudyResult(Design, [], groups, [], 0, 0)).Blocks;
}
