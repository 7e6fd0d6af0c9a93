using System.Text.Json.Nodes;
using Polder.Testing;

namespace Polder.EndToEnd;

public sealed class FinetuneTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-finetune-").FullName;

    private string Run => Path.Combine(_folder, "run");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_run_keeps_what_evaluate_finds_again()
    {
        string data = MiniatureCifar.Write(Path.Combine(_folder, "data"));
        (int code, string output, string error) = PolderProcess.Run(
            "finetune", "--data", data, "--arch", "resnet20", "--method", "nso", "--epochs", "2", "--batch-size", "16", "--out", Run, "--json", "-", "--quiet");
        Assert.Equal((0, ""), (code, error));
        JsonNode json = JsonNode.Parse(output)!;
        Assert.Equal("nso", (string)json["method"]!);
        Assert.Equal(Run, (string)json["run"]!);
        Assert.Equal(20, (int)json["test"]!["count"]!);
        // 50 of 60 images are trained on, in 4 batches; two gradients a step.
        Assert.Equal((8, 16), ((int)json["steps"]!, (int)json["gradientEvaluations"]!));
        Assert.Equal(
            ["best.safetensors", "config.json", "confusion.svg", "curves.svg", "events.out.tfevents.polder", "images.json.gz", "metrics.jsonl",
                "predictions.json.gz", "report.html", "result.json"],
             Directory.GetFiles(Run).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Equal([1, 2], File.ReadAllLines(Path.Combine(Run, "metrics.jsonl")).Select(line => (int)JsonNode.Parse(line)!["epoch"]!));
        Assert.Equal(0.01, (double)json["settings"]!["sigma"]!);

        // The file names its architecture, image size and normalisation itself.
        (code, output, error) = PolderProcess.Run("evaluate", "--weights", Path.Combine(Run, "best.safetensors"), "--data", data, "--json", "-", "--quiet");
        Assert.Equal((0, ""), (code, error));
        JsonNode found = JsonNode.Parse(output)!;
        Assert.Equal((double)json["test"]!["accuracy"]!, (double)found["accuracy"]!);
        Assert.Equal((double)json["test"]!["loss"]!, (double)found["loss"]!, 1e-5);
    }

    [Fact]
    public void A_fitted_head_alone_is_a_run_like_any_other()
    {
        string[] alone = ["--freeze-body", "--head-solver", "lbfgs", "--epochs", "0", "--quiet"];
        (int code, string output, string error) = PolderProcess.Run(["finetune", .. alone, "--out", Run, "--json", "-"]);
        Assert.Equal((0, ""), (code, error));
        JsonNode json = JsonNode.Parse(output)!;
        Assert.Equal((0, 0, "fitted"), ((int)json["steps"]!, (int)json["best"]!["epoch"]!, (string)json["head"]!));
        JsonNode line = JsonNode.Parse(Assert.Single(File.ReadAllLines(Path.Combine(Run, "metrics.jsonl"))))!;
        Assert.Equal((double)json["headFit"]!["l2"]!, (double)line["headFit"]!["l2"]!);
        Assert.InRange((double)json["headFit"]!["gradient"]!, 0, 1e-6);

        // Gone on with, it is finished; evaluated, it is the same.
        (code, output, error) = PolderProcess.Run("finetune", "--resume", Run, "--json", "-", "--quiet");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(json["test"]!.ToJsonString(), JsonNode.Parse(output)!["test"]!.ToJsonString());
        (code, output, error) = PolderProcess.Run("evaluate", "--run", Run, "--json", "-", "--quiet");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal((double)json["test"]!["accuracy"]!, (double)JsonNode.Parse(output)!["accuracy"]!);

        (code, output, error) = PolderProcess.Run(
            ["compare", "--shots", "5", "--methods", "base", "--seeds", "0..1", .. alone, "--out", Run + "2", "--json", "-"]);
        Assert.Equal((0, ""), (code, error));
        JsonArray runs = JsonNode.Parse(output)!["results"]![0]!["runs"]!.AsArray();
        Assert.Equal((double)json["test"]!["accuracy"]!, (double)runs[0]!["testAccuracy"]!);
        Assert.Equal(0, (int)runs[1]!["steps"]!);

        foreach ((string command, string option) in ((string, string)[])[("tune", "--epochs"), ("compare --budget gradients", "--budget")])
        {
            (code, _, error) = PolderProcess.Run([.. command.Split(' '), .. alone]);
            Assert.Equal(2, code);
            Assert.StartsWith($"polder: {option}", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_learning_rate_is_that_of_the_architecture_and_the_start_unless_it_is_given()
    {
        string data = MiniatureCifar.Write(Path.Combine(_folder, "data"));
        double Rate(params string[] options)
        {
            string run = Path.Combine(_folder, Path.GetRandomFileName());
            (int code, string output, string error) = PolderProcess.Run(["finetune", "--data", data, "--epochs", "1", "--method", "base", "--out", run,
                "--json", "-", "--quiet", .. options]);
            Assert.True(code == 0, error);
            if (!Directory.Exists(Run))
                Directory.Move(run, Run);
            return (double)JsonNode.Parse(output)!["settings"]!["learningRate"]!;
        }

        // The rest of the table is RecipeTests' to ask.
        Assert.Equal(0.03, Rate("--arch", "resnet20"));
        string[] weights = ["--weights", Path.Combine(Run, "best.safetensors")];
        Assert.Equal(1, Rate([.. weights, "--freeze-body"]));
        Assert.Equal(0.05, Rate([.. weights, "--learning-rate", "0.05"]));
    }

    [Fact]
    public void Equal_commands_give_equal_weights()
    {
        string data = MiniatureCifar.Write(Path.Combine(_folder, "data"));
        byte[][] weights = [.. Enumerable.Range(0, 2).Select(i =>
        {
            string run = Path.Combine(_folder, $"run{i}");
            Assert.Equal(0, PolderProcess.Run(
                "finetune", "--data", data, "--arch", "resnet20", "--epochs", "1", "--augment", "crop-flip", "--seed", "3", "--out", run, "--quiet").ExitCode);
            return File.ReadAllBytes(Path.Combine(run, "best.safetensors"));
        })];
        Assert.Equal(weights[0], weights[1]);
    }

    [Theory]
    [InlineData("--data", "there is no such folder", "--data", "./nothing", "--arch", "resnet20")]
    [InlineData("one class", "class", "--data", "one", "--arch", "resnet20")]
    [InlineData("empty class", "empty", "--data", "empty", "--arch", "resnet20")]
    [InlineData("unreadable image", "broken.jpg", "--data", "broken", "--arch", "resnet20", "--image-size", "32")]
    [InlineData("no architecture: too few images to part", "10 images leave none for validation", "--data", "data")]
    [InlineData("unknown architecture", "--arch: found resnet21", "--data", "data", "--arch", "resnet21")]
    [InlineData("gray network", "channel", "--data", "data", "--arch", "digits-cnn")]
    [InlineData("missing weights", "no.th", "--data", "data", "--arch", "resnet20", "--weights", "no.th")]
    [InlineData("no checkpoint", "data_batch_1.bin", "--data", "data", "--arch", "resnet20", "--weights", "data/data_batch_1.bin")]
    [InlineData("sigma of a schedule and the curvature", "sigma-schedule: found linear, allowed with sigma auto:0.1: constant", "--sigma", "auto:0.1",
        "--sigma-schedule", "linear", "--data", "./nothing", "--arch", "resnet20")]
    [InlineData("shots of another set", "--shots", "--data", "data", "--arch", "resnet20", "--shots", "3")]
    [InlineData("learning rate", "--learning-rate", "--learning-rate", "0")]
    [InlineData("momentum of adam", "--momentum: found 0.5, allowed: only with --optimizer sgd", "--optimizer", "adam", "--momentum", "0.5")]
    [InlineData("clipping", "--clip-norm: found 0, allowed: a number > 0", "--clip-norm", "0")]
    [InlineData("head epochs", "--head-epochs: found 2, allowed: a whole number below --epochs, 2", "--head-epochs", "2", "--epochs", "2")]
    [InlineData("head epochs of a probe", "--head-epochs: found 2, allowed: 0 with --freeze-body", "--head-epochs", "2", "--freeze-body")]
    [InlineData("frozen names", "--freeze: found conv9.*, allowed: patterns of the names of digits-cnn (conv9.* matches no parameter", "--freeze", "conv9.*")]
    [InlineData("all frozen", "--freeze: found fc.*, allowed: patterns of the names of digits-cnn (fc.* leaves no parameter to train)", "--freeze", "fc.*",
        "--head-epochs", "1")]
    [InlineData("layer decay", "--layer-decay: found 0, allowed: a number > 0 and <= 1", "--layer-decay", "0")]
    [InlineData("layer decay of a probe", "--layer-decay: found 0.9, allowed: 1 with --freeze-body", "--layer-decay", "0.9", "--freeze-body")]
    [InlineData("graphics card", "--device", "--device", "cuda")]
    [InlineData("option", "did you mean --sigma?", "--sigmas", "0.1")]
    public void Wrong_input_is_one_line_and_leaves_nothing(string what, string words, params string[] arguments)
    {
        MiniatureCifar.Write(Path.Combine(_folder, "data"), 1, 1);
        Directory.CreateDirectory(Path.Combine(_folder, "one", "only"));
        foreach (string name in (string[])["a", "b"])
        {
            Directory.CreateDirectory(Path.Combine(_folder, "broken", name));
            Directory.CreateDirectory(Path.Combine(_folder, "empty", name));
            File.WriteAllText(Path.Combine(_folder, "broken", name, "broken.jpg"), "not an image");
        }
        string[] full = [.. arguments.Select(a => Path.Exists(Path.Combine(_folder, a)) ? Path.Combine(_folder, a) : a)];
        (int code, string output, string error) = PolderProcess.Run(["finetune", "--out", Run, "--quiet", .. full]);
        Assert.True((2, "") == (code, output), $"{what}: exit code {code}\n{error}");
        Assert.StartsWith("polder: ", error);
        Assert.Contains(words, error);
        Assert.Equal(error.Length - 1, error.IndexOf('\n'));
        Assert.False(Directory.Exists(Run));
    }

    [Fact]
    public void A_folder_that_holds_something_is_not_written_to()
    {
        Directory.CreateDirectory(Run);
        File.WriteAllText(Path.Combine(Run, "mine.txt"), "mine");
        (int code, _, string error) = PolderProcess.Run("finetune", "--out", Run, "--quiet", "--epochs", "1");
        Assert.Equal(2, code);
        Assert.StartsWith("polder: --out: ", error);
        Assert.Equal(["mine.txt"], Directory.GetFileSystemEntries(Run).Select(f => Path.GetFileName(f)));
    }

    [Theory]
    [InlineData("1e30", "40")]
    [InlineData("1e38", "1")] // the one update overflows after its gradient was finite
    public void A_training_that_diverges_says_where(string rate, string epochs)
    {
        (int code, _, string error) = PolderProcess.Run(
            "finetune", "--method", "base", "--learning-rate", rate, "--epochs", epochs, "--batch-size", "64", "--out", Run, "--quiet");
        Assert.True(code == 2, error);
        Assert.StartsWith("polder: epoch ", error);
        Assert.Equal(error.Length - 1, error.IndexOf('\n'));
    }

    [Fact]
    public void Ctrl_C_keeps_the_best_epoch()
    {
        (_, string error) = PolderProcess.InterruptAt(
            line => line.Contains("validation ", StringComparison.Ordinal) && line.Contains("epoch ", StringComparison.Ordinal)
                && !line.Contains("epoch 1 ", StringComparison.Ordinal),
            "finetune", "--epochs", "100000", "--out", Run);
        Assert.Matches("\npolder: stopped: .* keeps the best weights and metrics of [0-9]+ of 100000 epochs; polder finetune --resume .* goes on\n$", error);
        Assert.True(File.Exists(Path.Combine(Run, "best.safetensors")));
        Assert.All(File.ReadAllLines(Path.Combine(Run, "metrics.jsonl")), line => Assert.NotNull(JsonNode.Parse(line)));
    }

    [Fact]
    public void Ctrl_C_in_the_training_on_all_images_goes_on_in_it()
    {
        (_, string error) = PolderProcess.InterruptAt(line => line.Contains("all images, epoch ", StringComparison.Ordinal),
            "finetune", "--method", "base", "--refit", "all", "--epochs", "60", "--out", Run);
        Assert.Matches("\npolder: stopped: the first training is finished and .* that on all images is not: polder finetune --resume .* goes on\n$", error);
        Assert.Equal(60, File.ReadAllLines(Path.Combine(Run, "metrics.jsonl")).Length);

        (int code, string output, error) = PolderProcess.Run("finetune", "--resume", Run, "--json", "-", "--quiet");
        Assert.Equal((0, ""), (code, error));
        JsonNode json = JsonNode.Parse(output)!;
        // 25 images in three steps an epoch, then with the 180 of validation in 21.
        JsonNode refit = json["refit"]!;
        Assert.Equal((180, 205, 60, 60 * 21), ((int)json["steps"]!, (int)refit["images"]!, (int)refit["epochs"]!, (int)refit["steps"]!));
        Assert.Contains("a second training, on all 205 images", File.ReadAllText(Path.Combine(Run, "report.html")));
    }

    [Theory]
    [InlineData("resnet20", "resnet20-12fca82f.th", 0.90)]
    [InlineData("resnet56", "resnet56-4bfd9763.th", 0.91)]
    [InlineData("resnet20b", "pyhessian-resnet20.pkl", 0.5)]
    public void Published_weights_reach_their_accuracy(string architecture, string file, double least)
    {
        string weights = SharedFiles.Require("checkpoints", "resnet-cifar10", file), data = SharedFiles.Require("data", "cifar-10-batches-bin");
        (int code, string output, string error) = PolderProcess.Run(
            "evaluate", "--weights", weights, "--arch", architecture, "--data", data, "--json", "-", "--quiet");
        Assert.Equal((0, ""), (code, error));
        JsonNode json = JsonNode.Parse(output)!;
        Assert.Equal(2000, (int)json["count"]!);
        Assert.InRange((double)json["accuracy"]!, least, 1);
    }

    [Fact]
    public void Evaluate_refuses_another_architecture_and_other_classes()
    {
        string data = MiniatureCifar.Write(Path.Combine(_folder, "data"), 4, 1);
        Assert.Equal(0, PolderProcess.Run("finetune", "--data", data, "--arch", "resnet20", "--epochs", "1", "--method", "base", "--out", Run,
            "--quiet").ExitCode);
        string weights = Path.Combine(Run, "best.safetensors");

        (int code, _, string error) = PolderProcess.Run("evaluate", "--weights", weights, "--arch", "resnet32", "--data", data, "--quiet");
        Assert.Equal(2, code);
        Assert.StartsWith("polder: --arch: found resnet32, allowed: resnet20", error);

        foreach (string name in (string[])["cat", "dog"])
        {
            Directory.CreateDirectory(Path.Combine(_folder, "animals", name));
            for (int i = 0; i < 3; i++)
                File.WriteAllBytes(Path.Combine(_folder, "animals", name, $"{i}.png"), OnePixelPng);
        }
        (code, _, error) = PolderProcess.Run("evaluate", "--weights", weights, "--data", Path.Combine(_folder, "animals"), "--quiet");
        Assert.Equal(2, code);
        Assert.Contains("cat, dog", error);
        Assert.Equal(error.Length - 1, error.IndexOf('\n'));
    }

    private static byte[] OnePixelPng => Convert.FromBase64String(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");
}
