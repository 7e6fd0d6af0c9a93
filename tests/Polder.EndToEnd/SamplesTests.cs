using System.Text.Json.Nodes;

namespace Polder.EndToEnd;

/// <summary>A run of ivon is judged by networks drawn from its posterior; other runs have none, and say so.</summary>
public sealed class SamplesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-samples-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Networks_are_drawn_from_a_runs_posterior()
    {
        string run = Finetune("ivon", "--hessian-init", "1000"), plain = Finetune("nso");
        JsonNode one = Evaluate(run), few = Evaluate(run, "--samples", "3"), again = Evaluate(run, "--samples", "3");
        Assert.Equal((double)few["loss"]!, (double)again["loss"]!);
        Assert.NotEqual((double)one["loss"]!, (double)few["loss"]!);
        Assert.InRange((double)few["accuracy"]!, 0, 1);
        (int code, _, string error) = PolderProcess.Run("evaluate", "--run", plain, "--samples", "3", "--quiet");
        Assert.Equal(2, code);
        Assert.Contains("has no posterior.safetensors: only runs of ivon and bsam keep a posterior over the weights", error);
        (code, _, error) = PolderProcess.Run("evaluate", "--weights", Path.Combine(run, "best.safetensors"), "--data", "digits", "--samples", "3", "--quiet");
        Assert.Equal(2, code);
        Assert.Contains("--samples", error);
    }

    [Fact]
    public void Predictions_are_means_over_the_drawn_networks()
    {
        string data = MiniatureImages.Write(Path.Combine(_folder, "data"), classes: 3, perClass: 6);
        string run = Finetune("ivon", "--hessian-init", "10", "--data", data, "--arch", "resnet20");
        double[] one = Probabilities(), few = Probabilities("--samples", "3");
        Assert.Equal(few, Probabilities("--samples", "3"));
        Assert.NotEqual(one, few);
        Assert.All(few.Chunk(3), image => Assert.Equal(1, image.Sum(), 1e-6));

        double[] Probabilities(params string[] options)
        {
            (int code, string output, string error) = PolderProcess.Run(
                ["predict", data, "--run", run, "--top", "3", "--threads", "1", "--json", "-", "--quiet", .. options]);
            Assert.True(code == 0, error);
            return [.. JsonNode.Parse(output)!["predictions"]!.AsArray().SelectMany(p => p!["top"]!.AsArray().Select(t => (double)t!["probability"]!))];
        }
    }

    private string Finetune(string method, params string[] options)
    {
        string run = Path.Combine(_folder, method);
        (int code, _, string error) = PolderProcess.Run(
            ["finetune", "--method", method, "--epochs", "2", "--threads", "1", "--out", run, "--quiet", .. options]);
        Assert.Equal((0, ""), (code, error));
        return run;
    }

    private static JsonNode Evaluate(string run, params string[] options)
    {
        (int code, string output, string error) = PolderProcess.Run(["evaluate", "--run", run, "--threads", "1", "--json", "-", "--quiet", .. options]);
        Assert.Equal((0, ""), (code, error));
        return JsonNode.Parse(output)!;
    }
}
