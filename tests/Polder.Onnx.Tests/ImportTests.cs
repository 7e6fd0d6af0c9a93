using Polder.Testing;
using TorchSharp;

namespace Polder.Onnx.Tests;

/// <summary>
/// Networks that other programs wrote: computed as ONNX Runtime computes them, and trained where nothing is left out. Further files are tried where
/// <c>POLDER_ONNX_FILES</c> names their folder, such as what bench/torchvision/export.py writes.
/// </summary>
public sealed class ImportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-onnx-").FullName;

    public ImportTests() => OnnxNetworks.Register();

    public static TheoryData<string> Files
    {
        get
        {
            string folder = Path.Combine(SharedFiles.Repository, "..", "shared", "checkpoints", "onnx");
            string[] known = !Directory.Exists(folder) ? ["all"] : [.. In(folder).Select(f => Path.GetRelativePath(folder, f))
                .Where(f => !f.StartsWith("hostile", StringComparison.Ordinal))];
            string? more = Environment.GetEnvironmentVariable("POLDER_ONNX_FILES");
            return [.. known, .. more is null ? [] : In(Path.GetFullPath(more))];

            static IEnumerable<string> In(string folder) =>
                Directory.GetFiles(folder, "*.onnx", SearchOption.AllDirectories).Order(StringComparer.Ordinal);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Files))]
    public void A_foreign_file_gives_what_onnx_runtime_gives(string name)
    {
        string path = name == "all" ? SharedFiles.Require("checkpoints", "onnx", "detypify.onnx") : SharedFiles.Require("checkpoints", "onnx", name);
        using DisposeScope scope = NewDisposeScope();
        // A network that ends in no layer and says nothing of classes is told where they are.
        string? output = name.Contains("squeezenet1_", StringComparison.Ordinal) ? OutputOf(path) : null;
        using TrainedClassifier classifier = TrainedClassifier.Open(path, foreign: new ForeignOptions(output));
        ImageClassifier network = classifier.Network;
        int size = classifier.ImageSize, pixels = network.Channels * size * size;
        var random = new Random(3);
        float[] images = [.. Enumerable.Range(0, 3 * pixels).Select(_ => (float)((random.NextDouble() * 4) - 2))];
        using IDisposable noGrad = no_grad();
        Tensor logits = network.call(tensor(images, [3, network.Channels, size, size]));
        double worst = 0, worstLogit = 0;
        // The light files' weights are constants: all their outputs are alike.
        for (int i = 0; i < (name.Contains("light", StringComparison.Ordinal) ? 1 : 3); i++)
        {
            // Files that fix the batch run one image there.
            float[] image = images[(i * pixels)..((i + 1) * pixels)], expected = Runtime.First(path, image, 1, network.Channels, size, size);
            Assert.Equal(network.Classes, expected.Length);
            bool soft = Math.Abs(expected.Sum() - 1) < 1e-4 && expected.All(e => e >= 0);
            float[] own = (soft ? logits.softmax(1) : logits)[i].data<float>().ToArray();
            worst = Math.Max(worst, own.Zip(expected).Max(p => Math.Abs(p.First - p.Second)) / expected.Max(Math.Abs));
            float[] alone = network.call(tensor(image, [1, network.Channels, size, size])).data<float>().ToArray();
            worstLogit = Math.Max(worstLogit, alone.Zip(logits[i].data<float>().ToArray()).Max(p => Math.Abs(p.First - p.Second)) / alone.Max(Math.Abs));
        }
        TestContext.Current.TestOutputHelper!.WriteLine($"{name}: {worst:G2} of the largest, batch {worstLogit:G2}; {network.named_parameters().Count()} "
            + $"parameters, {network.Stages.Count} stages, head {network.HeadName} {network.Classes}");
        Assert.InRange(worst, 0, 1e-5);
        Assert.InRange(worstLogit, 0, 1e-5);
    }

    private static string OutputOf(string path)
    {
        using OnnxFile file = OnnxFile.Open(path);
        return file.Model.Graph.Outputs[0].Name;
    }
}
