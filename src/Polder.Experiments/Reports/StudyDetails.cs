namespace Polder.Experiments.Reports;

/// <summary>What a study's runs come to task by task: the numbers that its other tables take means and ratios of.</summary>
internal static class StudyDetails
{
    private static readonly (string Name, Func<MethodRun, WeightCurvature?> Of)[] Places =
        [("last epoch", run => run.Curvature), ("best epoch", run => run.AtBestEpoch?.Curvature), ("equal loss", run => run.AtLoss?.Curvature)];

    /// <summary>Where the trainings end: their losses, and how far they have gone.</summary>
    public static IEnumerable<ResultBlock> Ends(StudyResult study)
    {
        StudyGroup[] groups = [.. InOrder(study).Where(group => group.Runs.Count > 0)];
        if (groups.Length == 0)
            yield break;
        yield return "Where the trainings end, means over seeds: cross entropy of the last epoch as it was trained (with the method's own noise, wrong labels "
            + "and penalties in it), of the test images, and the distance of the body from the pre-trained weights:";
        yield return ResultTable.Of(
            "ends", ["task", "method", new("training loss", "trainLoss"), new("test loss", "testLoss"), "distance"], groups,
            group =>
            [
                group.Task, group.Setting.Entry.Name, ResultCell.Of(group.Runs.Average(r => r.TrainLoss), "G3"),
                ResultCell.Of(group.Runs.Average(r => r.TestLoss), "F3"), Mean(group.Runs, r => r.Distance, "G3"),
            ]);
    }

    /// <summary>The measured curvature itself; none where it was not measured.</summary>
    public static IEnumerable<ResultBlock> Curvature(StudyResult study)
    {
        var rows = Places.SelectMany(_ => InOrder(study), (place, group) => (
            Place: place.Name, Group: group, Found: (WeightCurvature[])[.. group.Runs.Select(place.Of).OfType<WeightCurvature>()]))
            .Where(row => row.Found.Length > 0).ToArray();
        if (rows.Length == 0)
            yield break;
        yield return "What was measured, means over seeds; error: the standard error of the trace's estimation, as a share of it; loss: the mean cross entropy "
            + "of the measured images:";
        yield return ResultTable.Of(
            "curvature", ["place", "task", "method", "runs", "parameters", "loss", "trace", "error", new("top eigenvalue", "topEigenvalue")], rows,
            row =>
            [
                row.Place, row.Group.Task, row.Group.Setting.Entry.Name, row.Found.Length, row.Found[0].Parameters,
                ResultCell.Of(row.Found.Average(c => c.Loss), "G3"), ResultCell.Of(row.Found.Average(c => c.Trace.Value), "G4"),
                ResultCell.Of(row.Found.Average(c => c.Trace.StandardError / Math.Abs(c.Trace.Value)), "P0"),
                ResultCell.Of(row.Found.Average(c => c.TopEigenvalue.Value), "G4"),
            ]);
    }

    private static IEnumerable<StudyGroup> InOrder(StudyResult study) =>
        study.Design.Tasks.SelectMany(_ => study.Design.Entries, (task, entry) => StudyResult.Of(study.Groups, entry.Name, task.Name)).OfType<StudyGroup>();

    private static ResultCell Mean(IReadOnlyList<MethodRun> runs, Func<MethodRun, double?> figure, string format)
    {
        double[] values = [.. runs.Select(figure).OfType<double>()];
        return values.Length == 0 ? ResultCell.None : ResultCell.Of(values.Average(), format);
    }
}
