using System.Text.Json.Nodes;

namespace Polder.EndToEnd;

/// <summary>polder hessian, stability, landscape and bound, on a run that one fine-tuning made for all of them.</summary>
public sealed class MeasurementTests(MeasurementTests.FineTunedRun run) : IClassFixture<MeasurementTests.FineTunedRun>
{
    public sealed class FineTunedRun : IDisposable
    {
        public FineTunedRun()
        {
            (int code, _, string error) = PolderProcess.Run("finetune", "--epochs", "10", "--shots", "20", "--threads", "1", "--out", Path, "--quiet");
            Assert.Equal((0, ""), (code, error));
        }

        public string Folder { get; } = Directory.CreateTempSubdirectory("polder-measure-").FullName;

        public string Path => System.IO.Path.Combine(Folder, "run");

        public void Dispose() => Directory.Delete(Folder, recursive: true);
    }

    [Fact]
    public void Stability_stands_beside_the_trace()
    {
        string plot = Path.Combine(run.Folder, "gap.svg");
        JsonNode json = Json("stability", "--run", run.Path, "--sigmas", "0.002,0.004", "--draws", "10", "--probes", "20", "--sharpness", "--rho", "0.01",
            "--plot", plot);
        JsonArray results = json["results"]!.AsArray();
        Assert.Equal([0.002, 0.004], results.Select(r => (double)r!["sigma"]!));
        double trace = (double)json["trace"]!["value"]!;
        Assert.True(trace > 0);
        Assert.All(results, r =>
        {
            double sigma = (double)r!["sigma"]!;
            Assert.Equal(sigma * sigma / 2 * trace, (double)r["halfSigmaSquaredTrace"]!, 1e-12 * trace);
            Assert.True((double)r["gap"]! > 0);
            Assert.True((double)r["standardError"]! > 0);
        });
        Assert.Equal((100, 10), ((int)json["samples"]!, (int)json["draws"]!));
        Assert.Equal(100, (int)json["settings"]!["samples"]!);
        Assert.True((double)json["sharpness"]!["average"]! > 0);
        Assert.True((double)json["sharpness"]!["worstCase"]! > 0);
        Assert.StartsWith("<", File.ReadAllText(plot));
    }

    [Fact]
    public void The_Hessian_has_trace_eigenvalues_layers_and_density_that_agree()
    {
        string plot = Path.Combine(run.Folder, "density.svg");
        string[] measured = ["hessian", "--run", run.Path, "--relative-error", "0.1", "--top", "2", "--bottom", "1", "--layer-eigenvalues",
            "--density-probes", "2", "--density-steps", "10", "--plot", plot];
        JsonNode json = Json(measured), again = Json([.. measured, "--precision", "f64", "--trace", "hutch++"]);
        double trace = (double)json["trace"]!["value"]!, error = (double)json["trace"]!["standardError"]!;
        Assert.InRange(error, 0, 0.1 * Math.Abs(trace));
        JsonArray layers = json["layers"]!.AsArray(), eigenvalues = json["eigenvalues"]!.AsArray();
        // Beside the estimator's errors those over the choice of images, by parts; and which images it was.
        Assert.Equal(10, (int)json["trace"]!["imageParts"]!);
        Assert.InRange((double)json["trace"]!["imageStandardError"]!, 1e-3 * trace, trace);
        Assert.All(eigenvalues, e => Assert.True((double)e!["imageStandardError"]! > 0));
        JsonNode few = Json([.. measured[..3], "--trace", "none", "--top", "0", "--bottom", "0", "--samples", "20", "--image-parts", "0"])["sample"]!;
        Assert.Equal((20, 0L), ((int)few["images"]!, (long)few["seed"]!));
        Assert.All(few["byClass"]!.AsObject(), c => Assert.Equal(4, (int)c.Value!));
        Assert.Equal((json["sample"]!["images"]!.ToJsonString(), null), (json["sample"]!["of"]!.ToJsonString(), json["sample"]!["seed"]));
        Assert.Equal(["conv1", "bn1", "conv2", "bn2", "conv3", "bn3", "fc"], layers.Select(l => (string)l!["name"]!));
        Assert.Equal((long)json["parameters"]!, layers.Sum(l => (long)l!["parameters"]!));
        Assert.Equal(trace, layers.Sum(l => (double)l!["trace"]!), 1e-4 * Math.Abs(trace));
        double top = (double)eigenvalues[0]!["value"]!;
        Assert.True(top >= (double)eigenvalues[1]!["value"]! && (double)eigenvalues[1]!["value"]! > (double)eigenvalues[2]!["value"]!);
        Assert.All(eigenvalues, e => Assert.True((double)e!["residual"]! <= 1e-3 * top && (bool)e["converged"]!));
        // A block's largest eigenvalue is at most that of the whole.
        Assert.All(layers, l => Assert.InRange((double)l!["topEigenvalue"]!, 0, top * 1.001));
        Assert.All(layers, l => Assert.True((bool)l!["topEigenvalueConverged"]!
            && (double)l["topEigenvalueResidual"]! <= 0.0101 * (double)l["topEigenvalue"]!));
        Assert.Equal(json["density"]!["points"]!.AsArray().Count, json["density"]!["density"]!.AsArray().Count);
        Assert.StartsWith("<", File.ReadAllText(plot));
        // Another precision and estimator say the same.
        Assert.Equal(top, (double)again["eigenvalues"]![0]!["value"]!, 1e-3 * top);
        Assert.InRange(Math.Abs((double)again["trace"]!["value"]! - trace), 0, 5 * (error + (double)again["trace"]!["standardError"]!));
        JsonNode reference = Json("hessian", "--run", run.Path, "--trace", "none", "--top", "1", "--bottom", "0", "--blocks", "reference");
        Assert.True((long)reference["parameters"]! < (long)json["parameters"]!);
        Assert.Null(reference["trace"]);
    }

    [Fact]
    public void Eigenvalues_by_layer_are_shown_without_any_other_estimate()
    {
        (int code, string output, string error) = PolderProcess.Run(
            ["hessian", "--run", run.Path, "--trace", "none", "--top", "0", "--bottom", "0", "--layer-eigenvalues", "--layer-samples", "10", "--threads", "1",
                "--quiet"]);
        Assert.True(code == 0, error);
        Assert.All(["conv1", "bn3", "fc"], layer => Assert.Matches($@"\n  {layer} +[0-9]+ +[0-9.]+ % +[0-9.E-]+ ", output));
        Assert.Contains("on 10 images", output);
    }

    [Fact]
    public void A_landscape_has_the_loss_of_the_weights_in_its_middle()
    {
        string plot = Path.Combine(run.Folder, "surface.png");
        JsonNode plane = Json("landscape", "--run", run.Path, "--points", "5", "--radius", "0.5", "--samples", "50", "--plot", plot);
        double loss = (double)plane["loss"]!;
        Assert.Equal([-0.5, -0.25, 0, 0.25, 0.5], plane["positions"]!.AsArray().Select(p => (double)p!));
        Assert.Equal(loss, (double)plane["losses"]![2]![2]!, 1e-9);
        Assert.All(plane["losses"]!.AsArray(), row => Assert.Equal(5, row!.AsArray().Count));
        Assert.True((double)plane["losses"]![0]![0]! > loss);
        Assert.Equal((byte)'P', File.ReadAllBytes(plot)[1]);

        JsonNode line = Json("landscape", "--run", run.Path, "--points", "5", "--radius", "0.5", "--samples", "50", "--dimensions", "1");
        Assert.Equal(plane["losses"]!.AsArray().Select(row => (double)row![2]!), line["losses"]!.AsArray().Select(l => (double)l!));
    }

    [Fact]
    public void Eigenvectors_are_steeper_than_the_curvature_elsewhere()
    {
        // Along a unit eigenvector the loss rises by about half the eigenvalue times the square of the way.
        JsonNode json = Json("landscape", "--run", run.Path, "--points", "3", "--radius", "0.01", "--dimensions", "1", "--directions", "eigenvectors");
        double eigenvalue = (double)json["eigenvalues"]![0]!["value"]!, loss = (double)json["loss"]!;
        Assert.Equal(1, (double)json["directionNorms"]![0]!, 1e-4);
        double rise = (((double)json["losses"]![0]! + (double)json["losses"]![2]!) / 2) - loss;
        Assert.InRange(rise / (eigenvalue * 0.01 * 0.01 / 2), 0.5, 2);
    }

    [Fact]
    public void A_bound_is_the_sum_of_its_terms_and_says_what_is_violated()
    {
        string plot = Path.Combine(run.Folder, "bound.svg");
        JsonNode json = Json("bound", "--run", run.Path, "--sigmas", "0.05,0.2", "--draws", "10", "--probes", "20", "--plot", plot);
        double distance = (double)json["distance"]!, sigma = (double)json["sigma"]!;
        Assert.Equal(100, (int)json["count"]!);
        Assert.Equal(distance * distance / (2 * sigma * sigma), (double)json["divergence"]!, 1e-9 * (double)json["divergence"]!);
        Assert.Equal(0.8, (double)json["guessError"]!, 1e-12);
        Assert.Equal(0.94, (double)json["confidence"]!, 1e-12);
        Assert.InRange((double)json["value"]!, (double)json["noisyErrorUpper"]!, 1);
        Assert.Equal((double)json["value"]! >= 0.8, (bool)json["vacuous"]!);
        JsonNode hessian = json["hessian"]!;
        double sum = ((string[])["lossTerm", "traceTerm", "remainderTerm", "distanceTerm", "confidenceTerm"]).Sum(term => (double)hessian[term]!);
        Assert.Equal(sum, (double)hessian["value"]!, 1e-9 * sum);
        JsonArray layers = hessian["layers"]!.AsArray();
        Assert.Equal(["conv1", "bn1", "conv2", "bn2", "conv3", "bn3", "fc"], layers.Select(l => (string)l!["name"]!));
        Assert.Equal(distance, Math.Sqrt(layers.Sum(l => Math.Pow((double)l!["distance"]!, 2))), 1e-5 * distance);
        Assert.InRange((double)hessian["mainTermByLayer"]!, 0, (double)hessian["mainTerm"]! * 1.5); // each layer's trace is an estimate of its own
        Dictionary<string, bool?> premises = json["premises"]!.AsArray().ToDictionary(p => (string)p!["name"]!, p => (bool?)p!["holds"]);
        Assert.Equal(
            new Dictionary<string, bool?> { ["independentStart"] = null, ["buffers"] = false, ["noDuplicates"] = true, ["unaugmentedLoss"] = true }, premises);
        Assert.True(File.Exists(plot));

        // With the start's statistics nothing that is measured depends on the images but through the weights.
        JsonNode start = Json("bound", "--run", run.Path, "--sigmas", "0.2", "--draws", "5", "--probes", "0", "--buffers", "start");
        Assert.DoesNotContain(start["premises"]!.AsArray(), p => (bool?)p!["holds"] == false);
        Assert.Null(start["hessian"]);
        Assert.Equal(distance, (double)start["distance"]!, 1e-9);
    }

    [Fact]
    public void A_violated_premise_is_a_warning()
    {
        (int code, string output, string error) = PolderProcess.Run("bound", "--run", run.Path, "--sigmas", "0.2", "--draws", "2", "--probes", "0",
            "--threads", "1", "--quiet");
        Assert.Equal(0, code);
        Assert.Contains("polder: warning: premise violated, so the bound is not proven: buffers: ", error);
        Assert.Contains("vacuous", output);
    }

    [Theory]
    [InlineData("--run: found nowhere, which is no folder, allowed: a run folder of polder finetune", "stability", "--run", "nowhere")]
    [InlineData("--weights: found nothing", "stability")]
    [InlineData("--weights: found a value beside --run", "stability", "--run", "RUN", "--weights", "x.safetensors")]
    [InlineData("--sigmas: found 0.1,0", "stability", "--run", "RUN", "--sigmas", "0.1,0")]
    [InlineData("--points: found 2", "landscape", "--run", "RUN", "--points", "2")]
    [InlineData("--probes: found 5, allowed: 0, or", "stability", "--run", "RUN", "--probes", "5")]
    [InlineData("--trace: found hutch", "hessian", "--run", "RUN", "--trace", "hutch")]
    [InlineData("--max-products: found 5", "hessian", "--run", "RUN", "--max-products", "5")]
    [InlineData("--delta: found 1", "bound", "--run", "RUN", "--delta", "1")]
    [InlineData("less than 1 together with --draw-delta", "bound", "--run", "RUN", "--delta", "0.6", "--draw-delta", "0.5")]
    [InlineData("--start: found nothing, allowed: the checkpoint that", "bound", "--weights", "RUN/best.safetensors", "--data", "digits", "--draws", "2")]
    public void Wrong_input_is_one_line(string words, params string[] arguments)
    {
        string[] full = [.. arguments.Select(a => a.Replace("RUN", run.Path))];
        (int code, _, string error) = PolderProcess.Run([.. full, "--quiet"]);
        Assert.True(code == 2, error);
        Assert.StartsWith("polder: ", error);
        Assert.Contains(words, error);
        Assert.Equal(error.Length - 1, error.IndexOf('\n'));
    }

    [Fact]
    public void Ctrl_C_shows_the_draws_so_far()
    {
        (string output, string error, JsonNode json) = Stop("stability: ", "stability", "--draws", "1000000");
        Assert.Matches("polder: stopped: [0-9]+ of 1000000 draws are finished and shown", error);
        Assert.Contains("F(W) - f(W)", output);
        Assert.True((int)json["draws"]! > 1);
        Assert.Null(json["trace"]);
    }

    [Fact]
    public void Ctrl_C_shows_the_trace_so_far_with_its_error()
    {
        (string output, string error, JsonNode json) = Stop(
            "trace: ", "hessian", "--top", "1", "--bottom", "0", "--trace", "hutchinson", "--relative-error", "1e-9", "--max-products", "100000000",
            "--layers");
        Assert.EndsWith("\npolder: stopped: what was known by then is shown, with its error\n", error);
        Assert.Matches(@"trace \S+ \+- \S+ \(standard error of the estimator; hutchinson, [0-9]+ products, ended by the stop\)", output);
        JsonNode trace = json["trace"]!;
        Assert.Equal("cancelled", (string)trace["exit"]!);
        Assert.True((long)trace["products"]! >= 2);
        Assert.True((double)trace["standardError"]! > 0);
        Assert.InRange((double)trace["value"]!, (double)trace["low"]!, (double)trace["high"]!);
        Assert.Equal((double)trace["value"]!, json["layers"]!.AsArray().Sum(l => (double)l!["trace"]!), 1e-3 * (double)trace["value"]!);
        // What was finished before is there as well.
        Assert.Equal("converged", (string)json["eigenvaluesExit"]!);
        Assert.True((bool)json["eigenvalues"]![0]!["converged"]!);
    }

    [Fact]
    public void Ctrl_C_shows_the_eigenvalues_so_far_with_their_residuals()
    {
        // No residual of float32 is as small.
        (string output, string error, JsonNode json) = Stop(
            "eigenvalues: ", "hessian", "--top", "2", "--bottom", "1", "--tolerance", "1e-12", "--max-products", "100000000", "--density");
        Assert.EndsWith("\npolder: stopped: what was known by then is shown, with its error\n", error);
        Assert.Matches("[0-9]+ products, ended by the stop", output);
        Assert.Contains("not converged", output);
        Assert.Equal("cancelled", (string)json["eigenvaluesExit"]!);
        Assert.All(json["eigenvalues"]!.AsArray(), e => Assert.True((double)e!["residual"]! > 0 && !(bool)e["converged"]!));
        Assert.True((double)json["eigenvalues"]![0]!["value"]! > 0);
        // What was not begun is not there.
        Assert.Null(json["trace"]);
        Assert.Null(json["density"]);
    }

    [Fact]
    public void Ctrl_C_shows_the_density_of_the_starts_so_far()
    {
        (string output, string error, JsonNode json) = Stop(
            "density: ", "hessian", "--top", "1", "--bottom", "0", "--trace", "none", "--density-probes", "100000", "--density-steps", "2", "--density",
            "--layer-eigenvalues");
        Assert.EndsWith("\npolder: stopped: what was known by then is shown, with its error\n", error);
        Assert.Matches("density: [0-9]+ products", output);
        JsonNode density = json["density"]!;
        Assert.InRange((long)density["products"]!, 4, 199_998);
        Assert.All(density["standardError"]!.AsArray(), e => Assert.True((double)e! >= 0));
        Assert.Equal("converged", (string)json["eigenvaluesExit"]!);
        Assert.Empty(json["layers"]!.AsArray()); // not begun
    }

    // Sends SIGINT at the first line of progress that begins so; the command must end with 130 and leave its JSON.
    private (string Output, string Error, JsonNode Json) Stop(string line, string command, params string[] arguments)
    {
        string file = Path.Combine(run.Folder, Path.GetRandomFileName() + ".json");
        (string output, string error) = PolderProcess.InterruptAt(read => read.StartsWith(line, StringComparison.Ordinal),
            [command, "--run", run.Path, .. arguments, "--threads", "1", "--json", file]);
        return (output, error, JsonNode.Parse(File.ReadAllText(file))!);
    }

    private static JsonNode Json(params string[] arguments)
    {
        (int code, string output, string error) = PolderProcess.Run([.. arguments, "--threads", "1", "--json", "-", "--quiet"]);
        Assert.True(code == 0, error);
        return JsonNode.Parse(output)!;
    }
}
