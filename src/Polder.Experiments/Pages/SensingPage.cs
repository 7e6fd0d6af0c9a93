using System.Text.Json.Nodes;

namespace Polder.Experiments.Pages;

/// <summary>The page of <c>polder sense</c>: learning curves of methods on matrix sensing.</summary>
internal static class SensingPage
{
    private sealed record Curve(int[] Step, double[] Train, double[] Validation);

    private sealed record Row(string Method, long Seed, double Train, double Validation, double Distance, Curve Curve);

    private sealed record Form(Row?[] Results);

    /// <summary>Makes the page.</summary>
    public static Page Of(JsonObject result, string path)
    {
        Row[] rows = ResultFile.Whole(ResultFile.Form<Form>(result, path).Results, "results", path);
        if (rows.Any(r => r.Curve.Step.Length == 0 || r.Curve.Validation.Length != r.Curve.Step.Length || r.Curve.Train.Length != r.Curve.Step.Length))
            throw new DataException(path, "is not a result as polder writes it: curve needs as many errors as steps, one or more");
        var methods = rows.GroupBy(r => r.Method).ToArray();
        string best = methods.MinBy(m => m.Average(r => Math.Log(r.Validation)))!.Key;
        Row[] firsts = [.. methods.Select(m => m.First())];
        return TheoryPage.Of(result, path, "Matrix sensing",
            $"{best} has the lowest error on measurements that were not trained on, over {Words.Of(rows.Select(r => r.Seed).Distinct().Count(), "problem")}.",
            new PageSection("Learning curves", new PageColumns(
                Chart("Error on other measurements", firsts, r => r.Curve.Validation),
                Chart("Error on the training measurements", firsts, r => r.Curve.Train))),
            new PageSection("All runs", new PageTable("Errors over the mean of y², and squared distance to the matrix, at the end.", ResultTable.Of(
                "results", ["method", "seed", "train", "validation", "distance"], rows, r =>
                    [r.Method, r.Seed, ResultCell.Of(r.Train, "G3"), ResultCell.Of(r.Validation, "G3"), ResultCell.Of(r.Distance, "G3")]))));
    }

    private static PageChart Chart(string title, Row[] firsts, Func<Row, double[]> errors) => new(
        title, $"Of problem {firsts[0].Seed}, a line a method.", new PageAxis("step"), new PageAxis("error") { IsLogarithmic = true },
        [.. firsts.Select((r, i) => new PageSeries(r.Method, r.Curve.Step.Select(s => (double)s), errors(r)) { Color = i })]);
}
