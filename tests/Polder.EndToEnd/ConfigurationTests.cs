using System.Text.Json.Nodes;

namespace Polder.EndToEnd;

/// <summary>Runs that take their options from a file.</summary>
public sealed class ConfigurationTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-config-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("nso", "--sigma", "0.02", "--pairs", "2", "--optimizer", "adamw", "--learning-rate", "0.002", "--average", "ema", "--head-epochs", "1",
        "--layer-decay", "0.7", "--mixup", "0.2", "--augment", "flip")]
    [InlineData("bsam", "--clip-norm", "5", "--schedule", "step", "--label-smoothing", "0.1", "--batch-norm", "clean")]
    [InlineData("mrwp", "--batches", "two", "--micro-perturb", "8", "--method-start", "0.25", "--sigma-schedule", "cosine-down:0.001")]
    public void A_run_repeats_from_its_own_configuration_bit_for_bit(string method, params string[] options)
    {
        string data = MiniatureCifar.Write(Path.Combine(_folder, "data"), 3), first = Path.Combine(_folder, "first"), second = Path.Combine(_folder, "second");
        (int code, _, string error) = PolderProcess.Run(
            ["finetune", "--data", data, "--arch", "resnet20", "--method", method, "--epochs", "2", "--batch-size", "16", "--seed", "4", "--threads", "1",
                "--out", first, "--quiet", .. options]);
        Assert.Equal((0, ""), (code, error));
        (code, _, error) = PolderProcess.Run("finetune", "--config", Path.Combine(first, "config.json"), "--out", second, "--quiet");
        Assert.Equal((0, ""), (code, error));

        Assert.Equal(File.ReadAllBytes(Path.Combine(first, "best.safetensors")), File.ReadAllBytes(Path.Combine(second, "best.safetensors")));
        JsonNode a = Result(first), b = Result(second);
        foreach (string name in (string[])["method", "options", "best", "test", "steps", "gradientEvaluations"])
            Assert.Equal(a[name]!.ToJsonString(), b[name]!.ToJsonString());
        a["settings"]!["out"] = second;
        Assert.Equal(a["settings"]!.ToJsonString(), b["settings"]!.ToJsonString());
    }

    [Fact]
    public void Another_method_on_the_command_line_leaves_the_options_of_the_files_method_out()
    {
        string settings = Path.Combine(_folder, "settings.json"), run = Path.Combine(_folder, "run");
        File.WriteAllText(settings, """
            { "method": "nso", "pairs": 3, "noise": "rademacher", "epochs": 2, "batchSize": 20, "optimizer": "adam", "freezeBody": true, "learningRate": 0.01 }
            """);
        (int code, _, string error) = PolderProcess.Run("finetune", "--config", settings, "--method", "wp", "--epochs", "1", "--threads", "1",
            "--out", run, "--quiet");
        Assert.Equal((0, ""), (code, error));
        JsonNode found = Result(run)["settings"]!;
        Assert.Equal(("wp", 1, 20, "adam", true),
            ((string)found["method"]!, (int)found["epochs"]!, (int)found["batchSize"]!, (string)found["optimizer"]!, (bool)found["freezeBody"]!));
        // wp has noise, too, but no pairs.
        Assert.Equal(("rademacher", null), ((string)found["noise"]!, found["pairs"]));
    }

    private static JsonNode Result(string run) => JsonNode.Parse(File.ReadAllText(Path.Combine(run, "result.json")))!;
}
