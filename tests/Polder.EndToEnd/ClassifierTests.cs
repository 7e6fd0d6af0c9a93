using System.Globalization;
using System.Text.Json.Nodes;

namespace Polder.EndToEnd;

/// <summary>What comes after a training: evaluate, predict, and weights from elsewhere.</summary>
public sealed class ClassifierTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-classifier-").FullName;

    private string Run => Path.Combine(_folder, "run");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_run_folder_is_all_that_evaluate_and_predict_need()
    {
        string data = MiniatureImages.Write(Path.Combine(_folder, "data"), classes: 4, perClass: 8);
        Json("finetune", "--data", data, "--arch", "resnet20", "--method", "base", "--epochs", "2", "--seed", "2", "--out", Run);
        JsonNode result = JsonNode.Parse(File.ReadAllText(Path.Combine(Run, "result.json")))!;

        JsonNode found = Json("evaluate", "--run", Run);
        Assert.Equal((double)result["test"]!["accuracy"]!, (double)found["accuracy"]!);
        Assert.Equal((double)result["test"]!["loss"]!, (double)found["loss"]!, 1e-5);
        Assert.Equal(2, (int)found["settings"]!["seed"]!);
        Assert.Equal((double)found["accuracy"]!, (double)found["topAccuracy"]!["1"]!);
        // Every image is in one cell, and the diagonal is the accuracy.
        int[][] cells = [.. found["confusionMatrix"]!.AsArray().Select(row => row!.AsArray().Select(c => (int)c!).ToArray())];
        Assert.Equal((int)found["count"]!, cells.Sum(row => row.Sum()));
        Assert.Equal((double)found["accuracy"]! * (int)found["count"]!, Enumerable.Range(0, 4).Sum(c => cells[c][c]), 1e-9);
        Assert.Equal(["class0", "class1", "class2", "class3"], found["perClass"]!.AsArray().Select(c => (string)c!["name"]!));

        // Predictions of the training folder: the share that is right is that of all images.
        string csv = Path.Combine(_folder, "predictions.csv");
        JsonNode predicted = Json("predict", data, "--run", Run, "--top", "4", "--format", "csv", "--out", csv);
        Assert.Equal(32, (int)predicted["count"]!);
        string[][] rows = [.. File.ReadLines(csv).Skip(1).Select(line => line.Split(','))];
        Assert.Equal(4 * 32, rows.Length);
        Assert.All(rows.GroupBy(r => r[0]), image =>
        {
            Assert.Equal(1, image.Sum(r => double.Parse(r[3], CultureInfo.InvariantCulture)), 1e-6);
            Assert.Equal(["1", "2", "3", "4"], image.Select(r => r[1]));
        });
    }

    [Fact]
    public void Predict_writes_one_json_object_an_image_and_passes_over_what_it_cannot_read()
    {
        string data = MiniatureImages.Write(Path.Combine(_folder, "data"), classes: 2, perClass: 3);
        Json("finetune", "--data", data, "--arch", "resnet20", "--method", "base", "--epochs", "1", "--out", Run);
        string broken = Path.Combine(data, "class1", "broken.png");
        File.WriteAllText(broken, "no image");
        (int code, string output, string error) = PolderProcess.Run("predict", data, "--run", Run, "--format", "jsonl", "--quiet");
        Assert.Equal((2, ""), (code, output));
        // The six images of the run are known to it; what was trained on is said first.
        Assert.StartsWith("polder: warning: 2 of 7 image(s) were trained on", error);
        Assert.Contains($"\npolder: {broken}: ", error, StringComparison.Ordinal);

        string features = Path.Combine(_folder, "features.safetensors");
        (code, output, error) = PolderProcess.Run("predict", data, "--run", Run, "--format", "jsonl", "--quiet", "--skip-unreadable", "--features", features);
        Assert.Equal(0, code);
        Assert.Contains($"\npolder: warning: {broken}: ", error, StringComparison.Ordinal);
        JsonNode[] lines = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
        Assert.Equal(7, lines.Length);
        Assert.Single(lines, line => (string?)line["error"] is not null);
        Assert.All(lines.Where(line => line["error"] is null), line => Assert.Contains((string)line["top"]![0]!["class"]!, (string[])["class0", "class1"]));

        // A row of features for each image that was read, and which image it is of.
        JsonNode tensor = Assert.Single(Json("inspect", features)["tensors"]!.AsArray())!;
        Assert.Equal(("features", 6, 64), ((string)tensor["name"]!, (int)tensor["shape"]![0]!, (int)tensor["shape"]![1]!));
        JsonArray paths = JsonNode.Parse((string)Json("inspect", features)["metadata"]!["paths"]!)!.AsArray();
        Assert.Equal(lines.Where(line => line["error"] is null).Select(line => (string)line["path"]!), paths.Select(p => (string)p!));
    }

    [Fact]
    public void The_demo_s_run_is_evaluated_on_its_own_test_images()
    {
        Json("finetune", "--method", "base", "--epochs", "2", "--out", Run);
        JsonNode result = JsonNode.Parse(File.ReadAllText(Path.Combine(Run, "result.json")))!, found = Json("evaluate", "--run", Run);
        Assert.Equal((double)result["test"]!["accuracy"]!, (double)found["accuracy"]!);
        Assert.Equal((int)result["test"]!["count"]!, (int)found["count"]!);
    }

    [Fact]
    public void A_published_form_is_trained_on_and_evaluated_with_its_official_parts()
    {
        string data = Path.Combine(_folder, "indoor"), images = MiniatureImages.Write(Path.Combine(data, "Images"), classes: 3, perClass: 10);
        IEnumerable<string> Lines(int first, int count) => Enumerable.Range(0, 3 * count).Select(i => $"class{i % 3}/{first + i / 3:00}.bmp");
        File.WriteAllLines(Path.Combine(data, "TrainImages.txt"), Lines(0, 7));
        File.WriteAllLines(Path.Combine(data, "TestImages.txt"), Lines(7, 3));
        File.Copy(Path.Combine(images, "class1", "00.bmp"), Path.Combine(images, "class1", "07.bmp"), overwrite: true);
        File.WriteAllText(Path.Combine(images, "class2", "09.bmp"), "no image");
        string[] finetune =
        [
            "finetune", "--data", data, "--dataset", "indoor67", "--arch", "resnet20", "--method", "base", "--epochs", "1", "--per-class", "6",
            "--label-noise", "0.25",
            "--class-weights", "balanced", "--sampling", "balanced", "--out", Run, "--quiet", "--json", "-",
        ];
        (int code, _, string error) = PolderProcess.Run(finetune);
        Assert.Equal(2, code);
        Assert.StartsWith($"polder: {Path.Combine(images, "class2", "09.bmp")}: ", error);

        (code, string output, error) = PolderProcess.Run([.. finetune, "--skip-unreadable"]);
        Assert.True(code == 0, error);
        Assert.Contains("09.bmp", error);
        JsonNode result = JsonNode.Parse(output)!;
        Assert.Equal(8, (int)result["test"]!["count"]!);
        // The copy is in the training part or, by the cut, in the validation part: either way the test part should not know it.
        Assert.Contains("1 image(s) of the test part are in the ", error);
        Assert.Equal(1, (int)result["duplicates"]!);

        (code, output, error) = PolderProcess.Run("evaluate", "--run", Run, "--json", "-", "--quiet");
        Assert.True(code == 0, error);
        Assert.Equal((double)result["test"]!["accuracy"]!, (double)JsonNode.Parse(output)!["accuracy"]!);
        Assert.Equal("indoor67", (string)JsonNode.Parse(output)!["settings"]!["dataset"]!);
    }

    [Fact]
    public void Evaluate_draws_the_confusion_matrix()
    {
        string data = MiniatureCifar.Write(Path.Combine(_folder, "data"));
        Json("finetune", "--data", data, "--arch", "resnet20", "--method", "base", "--epochs", "1", "--out", Run);
        Json("evaluate", "--run", Run, "--plot", Path.Combine(_folder, "confusion.svg"));
        string svg = File.ReadAllText(Path.Combine(_folder, "confusion.svg"));
        Assert.StartsWith("<?xml", svg);
        Assert.Contains("predicted", svg);
    }

    [Fact]
    public void Published_weights_are_asked_for_by_name_and_never_fetched_unasked()
    {
        (int code, _, string error) = WithCache("evaluate", "--weights", "resnet18", "--data", "digits");
        Assert.Equal(2, code);
        Assert.Contains("polder weights resnet18 downloads them", error);
        (code, string output, error) = WithCache("weights", "--json", "-");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("resnet50-0676ba61.pth", output);
        (code, _, error) = WithCache("weights", "resnet19");
        Assert.Equal(2, code);
        Assert.Contains("allowed: resnet18", error);
        // A port that nobody listens on: the only address that was asked for.
        (code, _, error) = WithCache("weights", "resnet18", "--source", "http://127.0.0.1:1/models");
        Assert.Equal(2, code);
        Assert.StartsWith("polder: http://127.0.0.1:1/models/resnet18-f37072fd.pth: ", error);
        Assert.Equal(error.Length - 1, error.IndexOf('\n'));
    }

    private (int ExitCode, string Output, string Error) WithCache(params string[] arguments)
    {
        Environment.SetEnvironmentVariable("POLDER_CACHE", Path.Combine(_folder, "cache"));
        return PolderProcess.Run([.. arguments, "--quiet"]);
    }

    private static JsonNode Json(params string[] arguments)
    {
        (int code, string output, string error) = PolderProcess.Run([.. arguments, "--json", "-", "--quiet"]);
        Assert.True(code == 0, error);
        return JsonNode.Parse(output)!;
    }
}
