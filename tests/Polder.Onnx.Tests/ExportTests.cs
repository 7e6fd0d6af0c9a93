using System.Text.Json;
using System.Text.Json.Nodes;
using Polder.Testing;

namespace Polder.Onnx.Tests;

public sealed class ExportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-onnx-").FullName;

    public static TheoryData<string> Families => [.. Networks.Families];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Families))]
    public void Onnx_runtime_computes_the_network_s_logits(string family)
    {
        using TrainedClassifier classifier = Networks.Make(family);
        foreach ((string name, double tolerance, ExportOptions options) in ((string, double, ExportOptions)[])
            [
                ("plain", 1e-5, new()), ("folded", 1e-5, new() { Fold = true, Opset = 13 }), ("newest", 1e-5, new() { Opset = 22 }),
                ("half", 1e-2, new() { Half = true }),
            ])
        {
            ExportReport report = OnnxExport.Write(classifier, In($"{name}.onnx"), options);
            Assert.InRange(report.MaxError, 0, tolerance);
            foreach (int count in (int[])[1, 3])
            {
                float[] inputs = [.. Networks.Pixels(classifier, count).Select(p => (p / 128) - 1)];
                float[][] expected = Networks.Logits(classifier, inputs, count);
                var found = Runtime.Run(In($"{name}.onnx"), inputs, count, classifier.Network.Channels, classifier.ImageSize, classifier.ImageSize);
                Assert.Equal(["logits", "probabilities"], found.Keys);
                Assert.InRange(Error(expected, found["logits"]), 0, tolerance);
                Assert.InRange(Error([.. found["logits"].Select(Softmax)], found["probabilities"]), 0, 1e-6);
            }
        }
        Assert.InRange(new FileInfo(In("half.onnx")).Length, 1, new FileInfo(In("plain.onnx")).Length * 0.6);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void What_is_read_back_is_the_network_bit_for_bit(string family)
    {
        using TrainedClassifier classifier = Networks.Make(family);
        ExportReport report = OnnxExport.Write(classifier, In("model.onnx"));
        var state = classifier.Network.state_dict().Where(e => !e.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal)).ToDictionary();
        Assert.Equal(state.Count, report.EqualParameters);
        OnnxModel written = OnnxExport.ModelOf(classifier);
        using OnnxFile file = OnnxFile.Open(In("model.onnx"));
        OnnxModel read = file.Model;
        foreach ((string name, Tensor value) in state)
        {
            Assert.Equal(value.shape, read.Graph.Constants[name].Shape);
            Assert.True(value.detach().contiguous().bytes.SequenceEqual(read.Graph.Constants[name].Data.Span), name);
        }
        Assert.Equal((written.Opset, written.IrVersion, written.Producer), (read.Opset, read.IrVersion, read.Producer));
        Assert.Equal(written.Metadata, read.Metadata);
        Assert.Equal(written.Graph.Nodes.Select(Text), read.Graph.Nodes.Select(Text));
        Assert.Equal(written.Graph.Inputs.Concat(written.Graph.Outputs).Select(v => $"{v.Name} {v.Type} {string.Join(",", v.Shape!)}"),
            read.Graph.Inputs.Concat(read.Graph.Outputs).Select(v => $"{v.Name} {v.Type} {string.Join(",", v.Shape!)}"));
        Assert.Equal(["batch", "3"], report.Outputs[0].Shape!.Select(d => $"{d}"));
        OnnxFile.Write(In("again.onnx"), read);
        Assert.Equal(File.ReadAllBytes(In("model.onnx")), File.ReadAllBytes(In("again.onnx")));
    }

    [Fact]
    public void A_batch_can_be_fixed_and_probabilities_left_out()
    {
        using TrainedClassifier classifier = Networks.Make("digits-cnn");
        ExportReport report = OnnxExport.Write(classifier, In("model.onnx"), new() { Batch = 2, Softmax = false });
        Assert.Equal(["2", "1", "8", "8"], report.Inputs.Single().Shape!.Select(d => $"{d}"));
        Assert.Equal("logits", report.Outputs.Single().Name);
        Assert.ThrowsAny<Exception>(() => Runtime.Run(In("model.onnx"), new float[64], 1, 1, 8, 8));
        Assert.Equal("logits", Runtime.Run(In("model.onnx"), new float[128], 2, 1, 8, 8).Keys.Single());
    }

    [Fact]
    public void Metadata_say_what_others_read()
    {
        using TrainedClassifier classifier = Networks.Make("resnet20", fit: ImageFit.Letterbox);
        ExportReport report = OnnxExport.Write(classifier, In("model.onnx"), new() { Input = ImageInput.Pixels255 });
        IReadOnlyDictionary<string, string> metadata = Runtime.Metadata(In("model.onnx"));
        Assert.Equal(@"{0: 'it\'s', 1: 'b\\ü', 2: 'c'}", metadata["names"]);
        Assert.Equal(classifier.Classes, JsonSerializer.Deserialize<string[]>(metadata["classes"]));
        Assert.Equal(("classify", "[20, 20]", "letterbox", "pixels255", "resnet20"),
            (metadata["task"], metadata["imgsz"], metadata["fit"], metadata["input"], metadata["architecture"]));
        Assert.Equal(("[0.485,0.456,0.406]", "[0.229,0.224,0.225]"), (metadata["mean"], metadata["std"]));
        Assert.Equal(("Rgb8", "SRGB", "NominalRange_0_255"),
            (metadata["Image.BitmapPixelFormat"], metadata["Image.ColorSpaceGamma"], metadata["Image.NominalPixelRange"]));
        Assert.Equal("it's\nb\\ü\nc\n", File.ReadAllText(report.Labels));
        Assert.Equal(In(OnnxExport.LabelsName), report.Labels);
    }

    [Theory]
    [InlineData(ImageInput.Normalized, true, true)]
    [InlineData(ImageInput.Pixels01, true, false)]
    [InlineData(ImageInput.Pixels255, false, false)]
    public void Hugging_Face_s_files_say_how_pixels_become_the_input(ImageInput input, bool rescales, bool normalizes)
    {
        using TrainedClassifier classifier = Networks.Make("resnet20", new Normalization([0.4f, 0.5f, 0.6f], [0.2f, 0.3f, 0.25f]));
        ExportReport report = OnnxExport.Write(classifier, In("model.onnx"), new() { Input = input, HuggingFace = true });
        Assert.Equal([In("config.json"), In("preprocessor_config.json")], report.HuggingFace);
        JsonNode config = JsonNode.Parse(File.ReadAllText(In("config.json")))!, processor = JsonNode.Parse(File.ReadAllText(In("preprocessor_config.json")))!;
        Assert.Equal(classifier.Classes, Enumerable.Range(0, 3).Select(i => (string)config["id2label"]![$"{i}"]!));
        Assert.Equal([0, 1, 2], classifier.Classes.Select(name => (int)config["label2id"]![name]!));
        Assert.Equal(("resnet", 3, 20), ((string)config["model_type"]!, (int)config["num_channels"]!, (int)config["image_size"]!));
        Assert.Equal("ResNetForImageClassification", (string)config["architectures"]![0]!);
        Assert.Equal(("CLIPImageProcessor", 20, 20, 20, 2),
            ((string)processor["image_processor_type"]!, (int)processor["size"]!["shortest_edge"]!, (int)processor["crop_size"]!["height"]!,
                (int)processor["crop_size"]!["width"]!, (int)processor["resample"]!));
        Assert.Equal((true, true, true), ((bool)processor["do_resize"]!, (bool)processor["do_center_crop"]!, (bool)processor["do_convert_rgb"]!));
        Assert.Equal((rescales, normalizes), ((bool)processor["do_rescale"]!, (bool)processor["do_normalize"]!));
        // What such a processor makes of pixels, the file makes the network's logits of.
        float[] pixels = Networks.Pixels(classifier, 2);
        float[] Made(bool scaled, bool normalized) => [.. pixels.Select((p, i) =>
        {
            double value = scaled ? p * (double)processor["rescale_factor"]! : p;
            int channel = i / 400 % 3;
            return (float)(normalized ? (value - (double)processor["image_mean"]![channel]!) / (double)processor["image_std"]![channel]! : value);
        })];
        float[][] found = Runtime.Run(In("model.onnx"), Made(rescales, normalizes), 2, 3, 20, 20)["logits"];
        Assert.InRange(Error(Networks.Logits(classifier, Made(scaled: true, normalized: true), 2), found), 0, 1e-5);
        Assert.Equal("pixel_values", report.Inputs.Single().Name);
    }

    [Fact]
    public void What_Hugging_Face_s_processors_do_not_make_is_refused()
    {
        using TrainedClassifier letterbox = Networks.Make("resnet20", fit: ImageFit.Letterbox), gray = Networks.Make("digits-cnn"),
            stretch = Networks.Make("resnet20", fit: ImageFit.Stretch);
        foreach ((TrainedClassifier classifier, ImageInput input, string words) in ((TrainedClassifier, ImageInput, string)[])
            [
                (letterbox, ImageInput.Pixels255, "pictures fitted by letterbox, allowed: crop, stretch"),
                (gray, default, "images of 1 channel(s), allowed: 3"),
                (stretch, ImageInput.BytesNhwc, "an input of bytes-nhwc, allowed: normalized, pixels01, pixels255"),
            ])
        {
            Assert.EndsWith($"model.onnx: is not written: Hugging Face's image processors do not make {words}",
                Assert.Throws<OnnxException>(() => OnnxExport.Write(classifier, In("model.onnx"), new() { Input = input, HuggingFace = true })).Message);
        }
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
        OnnxExport.Write(stretch, In("model.onnx"), new() { HuggingFace = true });
        JsonNode processor = JsonNode.Parse(File.ReadAllText(In("preprocessor_config.json")))!;
        Assert.Equal(("ViTImageProcessor", """{"height":20,"width":20}""", false),
            ((string)processor["image_processor_type"]!, processor["size"]!.ToJsonString(), (bool)processor["do_center_crop"]!));
    }

    [Fact]
    public void Nothing_is_left_behind_where_the_network_cannot_be_written()
    {
        using TrainedClassifier classifier = Networks.Make("digits-cnn");
        using (no_grad())
            classifier.Network.Head.bias!.fill_(float.NaN);
        Assert.Contains("model.onnx: is not written: the network's logits are no numbers",
            Assert.Throws<OnnxException>(() => OnnxExport.Write(classifier, In("model.onnx"))).Message);
        using (no_grad())
            classifier.Network.Head.bias!.fill_(1e5f);
        Assert.Contains("32 bits hold them", Assert.Throws<OnnxException>(() => OnnxExport.Write(classifier, In("model.onnx"), new() { Half = true })).Message);
        using var own = new TrainedClassifier(new OnePiece(), "own", 8, Normalization.ImageNetGray, ["a", "b"]);
        Assert.Contains("own: the network OnePiece, whose body is of one piece",
            Assert.Throws<OnnxException>(() => OnnxExport.Write(own, In("model.onnx"))).Message);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ExportOptions { Opset = 12 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ExportOptions { Batch = 0 });
    }

    [Fact]
    public void No_tensor_leaks()
    {
        using TrainedClassifier classifier = Networks.Make("digits-cnn");
        LiveTensors.AssertSteady(() =>
            OnnxExport.Write(classifier, In("model.onnx"), new() { Fold = true, Half = true, Input = ImageInput.BytesNhwc }));
    }

    // The largest difference over the largest value.
    internal static double Error(float[][] expected, float[][] found) =>
        expected.SelectMany(r => r).Zip(found.SelectMany(r => r), (a, b) => Math.Abs(a - b)).Max() / expected.SelectMany(r => r).Max(Math.Abs);

    internal static float[] Softmax(float[] logits)
    {
        double[] powers = [.. logits.Select(l => Math.Exp(l - logits.Max()))];
        return [.. powers.Select(p => (float)(p / powers.Sum()))];
    }

    private static string Text(OnnxNode node) => $"{node} {string.Join(",", node.Inputs)} -> {string.Join(",", node.Outputs)} "
        + string.Join(";", node.Attributes.Select(a => $"{a.Key}={(a.Value is long[] list ? string.Join(",", list) : a.Value)}"));

    private string In(string name) => Path.Combine(_folder, name);

    private sealed class OnePiece : ImageClassifier
    {
        public OnePiece()
            : base("own", 1, 64, 2, "fc") => RegisterHead();

        public override Tensor Features(Tensor images) => images.reshape(images.shape[0], 64);
    }
}
