using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Polder.Testing;

namespace Polder.EndToEnd;

/// <summary>From photos to an ONNX file to a program without Polder.</summary>
public sealed class DeployTests : IDisposable
{
    private static readonly string Samples = Path.Combine(SharedFiles.Repository, "samples");
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-deploy-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_samples_say_of_photos_what_predict_says()
    {
        Train();
        JsonNode json = JsonNode.Parse(Polder(0, "export", "--run", "run", "--input", "bytes-nhwc", "--json", "-", "--quiet").Output)!;
        Assert.Equal(("model.onnx", "labels.txt", 17), ((string)json["file"]!, (string)json["labels"]!, (int)json["opset"]!));
        Assert.Equal(new FileInfo(In("model.onnx")).Length, (long)json["bytes"]!);
        Assert.Equal("""{"name":"input","shape":["batch",32,32,3],"type":"uint8"}""", json["inputs"]![0]!.ToJsonString());
        Assert.Equal("""{"name":"probabilities","shape":["batch",3],"type":"float32"}""", json["outputs"]![1]!.ToJsonString());
        Assert.Equal(["class0", "class1", "class2"], json["classes"]!.AsArray().Select(c => (string)c!));
        Assert.Equal(["class0", "class1", "class2"], File.ReadAllLines(In("labels.txt")));
        Assert.InRange((double)json["maxError"]!, 0, 1e-5);

        string[] photos = [.. Enumerable.Range(0, 3).Select(c => Path.Combine("photos", $"class{c}", "00.bmp"))];
        string predicted = Polder(0, ["predict", .. photos, "--run", "run", "--top", "1", "--format", "csv", "--quiet"]).Output;
        string[] expected = [.. predicted.Split('\n')[1..4].Select(line => line.Split(',')).Select(f => $"{f[2]}, {double.Parse(f[3]):P1}")];
        // The photos are as large as the network's input, so nothing is resized, and both programs see the same pixels.
        Assert.Equal(expected.Select(e => $"00.bmp: {e}"), Shown("OnnxPhoto", ["model.onnx", .. photos]).TrimEnd().Split('\n'));
        Polder(0, "export", "--run", "run", "--input", "pixels255", "--overwrite");
        Assert.Equal(expected.Select(e => $"00.bmp: {e}"), Shown("MlNetPhoto", ["model.onnx", .. photos]).TrimEnd().Split('\n'));
    }

    [Fact]
    public void Files_are_not_replaced_unasked_and_wrong_input_is_one_line()
    {
        Train();
        Assert.Matches(@"checked: read back, \d+ tensors equal bit for bit, logits of a test image within", Polder(0, "export", "--run", "run").Output);
        byte[] before = File.ReadAllBytes(In("model.onnx"));
        Assert.Contains("--out: found model.onnx, which exists, allowed: new files, or --overwrite", Polder(2, "export", "--run", "run", "--fold").Error);
        Assert.Equal(before, File.ReadAllBytes(In("model.onnx")));
        Assert.Contains("found labels.txt, which exists", Polder(2, "export", "--run", "run", "--out", "other.onnx").Error);
        Assert.Contains("Hugging Face's image processors do not make an input of bytes-nhwc, allowed: normalized, pixels01, pixels255",
            Polder(2, "export", "--run", "run", "--hugging-face", "--input", "bytes-nhwc", "--overwrite").Error);
        Assert.Equal(before, File.ReadAllBytes(In("model.onnx")));
        Polder(0, "export", "--run", "run", "--fold", "--precision", "f16", "--batch", "4", "--no-softmax", "--hugging-face", "--overwrite");
        Assert.InRange(new FileInfo(In("model.onnx")).Length, 1, before.Length * 0.6);
        Assert.Contains("--opset: found 12, allowed: a whole number between 13 and 22", Polder(2, "export", "--run", "run", "--opset", "12").Error);
        Assert.Contains("--batch: found 0, allowed: a whole number >= 1, or dynamic", Polder(2, "export", "--run", "run", "--batch", "0").Error);
        Assert.Contains("--out: found none/model.onnx", Polder(2, "export", "--run", "run", "--out", "none/model.onnx").Error);
        File.Delete(In("labels.txt"));
        Assert.Contains("found config.json, which exists", Polder(2, "export", "--run", "run", "--hugging-face", "--out", "third.onnx").Error);
        Assert.Equal(["config.json", "model.onnx", "photos", "preprocessor_config.json", "run"],
            Directory.GetFileSystemEntries(_folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_guide_s_code_is_the_samples()
    {
        string guide = File.ReadAllText(Path.Combine(SharedFiles.Repository, "docs", "guides", "deploy.md"));
        string[] code = [.. Regex.Matches(guide, "```csharp\n(.*?)```", RegexOptions.Singleline).Select(m => m.Groups[1].Value)];
        Assert.Equal(((string[])["OnnxPhoto", "MlNetPhoto"]).Select(s => File.ReadAllText(Path.Combine(Samples, s, "Program.cs"))), code.Take(2));
    }

    private void Train()
    {
        MiniatureImages.Write(In("photos"), 3, perClass: 8);
        Polder(0, "finetune", "--data", "photos", "--arch", "resnet20", "--image-size", "32", "--method", "base", "--epochs", "1", "--out", "run");
    }

    private string Shown(string sample, string[] arguments)
    {
        string framework = new DirectoryInfo(AppContext.BaseDirectory).Name, configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        using Process program = PolderProcess.StartDotNet([Path.Combine(Samples, sample, "bin", configuration, framework, $"{sample}.dll"), .. arguments],
            _folder);
        Task<string> output = program.StandardOutput.ReadToEndAsync(), error = program.StandardError.ReadToEndAsync();
        Assert.True(program.WaitForExit(TimeSpan.FromMinutes(2)), $"{sample} does not end");
        Assert.True(program.ExitCode == 0, error.Result);
        return output.Result;
    }

    private (string Output, string Error) Polder(int expected, params string[] arguments)
    {
        (int code, string output, string error) = PolderProcess.RunIn(_folder, arguments);
        Assert.True(code == expected, $"{string.Join(' ', arguments)}: exit code {code}\n{error}");
        if (expected == 2)
            Assert.Equal(error.Length - 1, error.IndexOf('\n'));
        return (output, error);
    }

    private string In(string path) => Path.Combine(_folder, path);
}
