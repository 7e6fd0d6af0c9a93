using Polder.Testing;

namespace Polder.Onnx.Tests;

/// <summary>Networks that came from files, written folded and in 16 bits: ONNX Runtime computes what they are here.</summary>
public sealed class ImportedExportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-onnx-").FullName;

    public ImportedExportTests() => OnnxNetworks.Register();

    public static TheoryData<string> Families => [.. Networks.Families];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Families))]
    public void A_network_of_ours_is_folded_and_halved_as_one_that_was_never_a_file(string family)
    {
        using (TrainedClassifier own = Networks.Make(family))
            OnnxExport.Write(own, In("own.onnx"));
        using TrainedClassifier imported = TrainedClassifier.Open(In("own.onnx"), architecture: "onnx");
        Dictionary<string, string[]> operators = AssertWritten(imported);
        Assert.Contains("BatchNormalization", operators["plain"]);
        Assert.DoesNotContain("BatchNormalization", operators["folded"]);
        Assert.InRange(new FileInfo(In("half.onnx")).Length, 1, new FileInfo(In("plain.onnx")).Length * 0.65);
    }

    [Fact]
    public void Tokens_scales_and_layer_norms_are_halved()
    {
        TokenNetwork.Write(In("tokens.onnx"));
        using TrainedClassifier imported = TrainedClassifier.Open(In("tokens.onnx"));
        AssertWritten(imported);
    }

    [Theory]
    [InlineData("ppocr_cls.onnx", null, false)] // 16 bits are not enough: random pixels' probabilities are off by 0.011
    [InlineData("exported/shufflenet_v2.bn.onnx", null, true)]
    [InlineData("exported/squeezenet1_1.eval.onnx", "output", true)]
    public void So_are_networks_of_others(string name, string? logits, bool half)
    {
        string path = SharedFiles.Require("checkpoints", "onnx", name);
        using TrainedClassifier imported = TrainedClassifier.Open(path, foreign: new ForeignOptions(logits));
        AssertWritten(imported, half);
    }

    [Fact]
    public void Weights_that_two_convolutions_share_are_not_folded()
    {
        var random = new Random(4);
        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() + 0.5))];
        OnnxTensor Constant(string name, params long[] shape)
        {
            using Tensor value = tensor(Numbers((int)shape.Aggregate(1L, (a, b) => a * b))).view(shape);
            return OnnxTensor.Of(name, value);
        }
        OnnxTensor[] constants =
        [
            Constant("w", 3, 3, 1, 1), Constant("b1", 3), Constant("s1", 3), Constant("m1", 3), Constant("v1", 3), Constant("b2", 3), Constant("s2", 3),
            Constant("m2", 3), Constant("v2", 3), Constant("head", 2, 3), Constant("shift", 2),
        ];
        Dictionary<string, object> none = [];
        var graph = new OnnxGraph("shared", [new OnnxValue("x", OnnxType.Float, [new(null, "n"), new(3), new(8), new(8)])],
            [new OnnxValue("y", OnnxType.Float, [new(null, "n"), new(2)])],
            [
                new OnnxNode("Conv", "c1", ["x", "w"], ["a"], none), new OnnxNode("BatchNormalization", "n1", ["a", "s1", "b1", "m1", "v1"], ["b"], none),
                new OnnxNode("Conv", "c2", ["b", "w"], ["c"], none), new OnnxNode("BatchNormalization", "n2", ["c", "s2", "b2", "m2", "v2"], ["d"], none),
                new OnnxNode("GlobalAveragePool", "p", ["d"], ["e"], none), new OnnxNode("Flatten", "f", ["e"], ["g"], none),
                new OnnxNode("Gemm", "h", ["g", "head", "shift"], ["y"], new Dictionary<string, object> { ["transB"] = 1L }),
            ], constants.ToDictionary(c => c.Name));
        OnnxFile.Write(In("shared.onnx"), new OnnxModel(graph, 13, 8));
        using TrainedClassifier imported = TrainedClassifier.Open(In("shared.onnx"));
        Assert.Equal(2, AssertWritten(imported)["folded"].Count(o => o == "BatchNormalization"));
    }

    // The operators of each form, which ONNX Runtime has computed as the network itself.
    private Dictionary<string, string[]> AssertWritten(TrainedClassifier classifier, bool half = true)
    {
        Dictionary<string, string[]> operators = [];
        foreach ((string name, double tolerance, ExportOptions options) in ((string, double, ExportOptions)[])
            [
                ("plain", 1e-5, new()), ("folded", 1e-5, new() { Fold = true }), ("half", 1e-2, new() { Half = true }),
                ("folded-half", 1e-2, new() { Fold = true, Half = true, Input = ImageInput.Pixels255 }),
            ])
        {
            if (options.Half && !half)
                continue;
            Assert.InRange(OnnxExport.Write(classifier, In($"{name}.onnx"), options).MaxError, 0, tolerance);
            float[] pixels = Networks.Pixels(classifier, 3);
            Normalization scale = classifier.Normalization;
            int area = classifier.ImageSize * classifier.ImageSize, channels = classifier.Network.Channels;
            float[] normalized = [.. pixels.Select((p, i) => ((p / 255) - scale.Mean[i / area % channels]) / scale.StandardDeviation[i / area % channels])];
            float[][] expected = Networks.Logits(classifier, normalized, 3);
            float[] fed = options.Input == ImageInput.Pixels255 ? pixels : normalized;
            float[][] found = Runtime.Run(In($"{name}.onnx"), fed, 3, channels, classifier.ImageSize, classifier.ImageSize)["probabilities"];
            Assert.All(expected.Zip(found),
                row => Assert.All(ExportTests.Softmax(row.First).Zip(row.Second), p => Assert.InRange(p.First - p.Second, -tolerance, tolerance)));
            using OnnxFile file = OnnxFile.Open(In($"{name}.onnx"));
            operators[name] = [.. file.Model.Graph.Nodes.Select(n => n.Operator)];
        }
        return operators;
    }

    private string In(string name) => Path.Combine(_folder, name);
}
