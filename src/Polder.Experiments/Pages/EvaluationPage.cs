using System.Text.Json.Nodes;

namespace Polder.Experiments.Pages;

/// <summary>The page of an evaluation: accuracy with its interval, and what was taken for what.</summary>
internal static class EvaluationPage
{
    private sealed record Form(double Accuracy, double Loss, int Count, string[] Classes, int[][] ConfusionMatrix, string Split = "test");

    /// <summary>Makes the page.</summary>
    public static Page Of(JsonObject result, string path)
    {
        Form found = ResultFile.Form<Form>(result, path);
        int n = found.Classes.Length;
        if (n < 2 || found.ConfusionMatrix.Length != n || found.ConfusionMatrix.Any(row => row?.Length != n) || found.Count < 1)
            throw new DataException(path, $"is not a result as polder writes it: {n} classes need as many rows and columns of the confusion matrix, 2 or more");
        var confusion = new ConfusionMatrix(n);
        for (int t = 0; t < n; t++)
            for (int p = 0; p < n; p++)
                for (int k = 0; k < found.ConfusionMatrix[t][p]; k++)
                    confusion.Add(t, p);
        ProportionInterval interval = ProportionInterval.Of((long)Math.Round(found.Accuracy * found.Count), found.Count);
        string subject = ResultFile.Text(result, "settings", "run") ?? ResultFile.Text(result, "settings", "weights") ?? "";
        return new Page("evaluation", subject.Length > 0 ? subject : "Evaluation",
            $"{Words.Percent(found.Accuracy)} of {Words.Of(found.Count, $"{found.Split} image")} are classified rightly "
                + $"(95 % interval {Words.Percent(interval.Low, interval.High)}).",
            [.. ClassPart.Of(found.Classes, confusion), RepeatPart.Of(result)])
        {
            Figures =
            [
                new("Accuracy", Words.Percent(found.Accuracy), Words.Percent(interval.Low, interval.High)), new("Loss", Words.Number(found.Loss, 3),
                    "mean cross entropy, nats"),
                new("Balanced accuracy", Words.Percent(confusion.BalancedAccuracy), "mean recall of the classes"), new("Images", Words.Count(found.Count),
                    found.Split),
            ],
            Data = result,
            Footer = RepeatPart.Footer(ResultFile.Text(result, "polder") ?? "", path),
        };
    }
}
