using Polder.Checkpoints;
using Polder.Testing;
using Polder.Vision.Recipes;
using SkiaSharp;
using TorchSharp;

namespace Polder.Onnx.Tests;

/// <summary>Imported networks are networks as the built-in ones are: the same layers, gradients, parts that can be kept, files.</summary>
public sealed class ImportedNetworkTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-onnx-").FullName;

    public ImportedNetworkTests() => OnnxNetworks.Register();

    public static TheoryData<string> Families => [.. Networks.Families];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Families))]
    public void A_network_of_ours_comes_back_as_it_was(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using TrainedClassifier own = Networks.Make(family);
        OnnxExport.Write(own, In("own.onnx"));
        using TrainedClassifier found = TrainedClassifier.Open(In("own.onnx"), architecture: "onnx");
        Assert.Equal("onnx", found.Architecture);
        Assert.Equal(own.Classes, found.Classes);
        Assert.Equal(own.Normalization, found.Normalization);
        Assert.Equal(own.Network.named_parameters().Select(p => p.name), found.Network.named_parameters().Select(p => p.name));
        Dictionary<string, Tensor> before = own.Network.state_dict(), after = found.Network.state_dict();
        Assert.All(before.Where(e => !e.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal)), e => Assert.True(Same(e.Value, after[e.Key]), e.Key));
        Tensor images = randn([4, own.Network.Channels, own.ImageSize, own.ImageSize], generator: new Generator(2));
        Tensor labels = tensor((long[])[0, 1, 2, 1]);
        foreach (bool training in (bool[])[false, true])
        {
            Tensor[] logits = [.. new[] { own, found }.Select(c =>
            {
                c.Network.train(training);
                Tensor result = c.Network.call(images);
                nn.functional.cross_entropy(result, labels).backward();
                return result;
            })];
            Assert.True(Same(logits[0], logits[1]), $"logits, training {training}");
        }
        Assert.All(own.Network.named_parameters().Zip(found.Network.named_parameters()),
            p => Assert.True(Same(p.First.parameter.grad!, p.Second.parameter.grad!), p.First.name));
        Assert.All(own.Network.buffers().Zip(found.Network.buffers()), p => Assert.True(Same(p.First, p.Second)));
        // Back into a file, and in again: nothing moves.
        found.Network.eval();
        ExportReport report = OnnxExport.Write(found, In("again.onnx"));
        Assert.True(report.EqualParameters > 0);
        using TrainedClassifier again = TrainedClassifier.Open(In("again.onnx"));
        Assert.All(found.Network.state_dict().Zip(again.Network.state_dict())
            .Where(p => !p.First.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal)),
                p => Assert.True(Same(p.First.Value, p.Second.Value), p.First.Key));
        Assert.Equal(found.Network.named_parameters().Select(p => p.name), again.Network.named_parameters().Select(p => p.name));
    }

    [Theory]
    [InlineData(17)]
    [InlineData(23)]
    public void Class_tokens_scales_and_tables_are_parameters_and_shared_ones_one(int version)
    {
        TokenNetwork.Write(In("tokens.onnx"), version: version);
        using DisposeScope scope = NewDisposeScope();
        using TrainedClassifier classifier = TrainedClassifier.Open(In("tokens.onnx"));
        string[] names = [.. classifier.Network.named_parameters().Select(p => p.name)];
        TestContext.Current.TestOutputHelper!.WriteLine(string.Join(", ", names));
        Assert.Equal(TokenNetwork.Parameters, names.Length);
        Assert.Contains("class_token.value", names);
        Assert.Contains("pos_embedding.value", names);
        Assert.Contains("gamma.value", names);
        Assert.Single(names, n => n == "norm.weight");
        var random = new Random(1);
        float[] pixels = [.. Enumerable.Range(0, 3 * 3 * TokenNetwork.Side * TokenNetwork.Side).Select(_ => (float)random.NextDouble())];
        foreach (int count in (int[])[1, 3])
        {
            float[] fed = pixels[..(count * 3 * TokenNetwork.Side * TokenNetwork.Side)];
            float[] expected = Runtime.First(In("tokens.onnx"), fed, count, 3, TokenNetwork.Side, TokenNetwork.Side);
            float[] found = classifier.Network.call(tensor(fed, [count, 3, TokenNetwork.Side, TokenNetwork.Side])).softmax(1).data<float>().ToArray();
            Assert.All(expected.Zip(found), p => Assert.InRange(p.First - p.Second, -1e-6, 1e-6));
        }
        nn.functional.cross_entropy(classifier.Network.call(tensor(pixels, [3, 3, 16, 16])), tensor((long[])[0, 1, 2])).backward();
        Assert.All(classifier.Network.named_parameters(), p => Assert.True(p.parameter.grad!.abs().max().ToDouble() > 0, p.name));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_batch_that_was_fixed_at_export_is_freed(int images)
    {
        TokenNetwork.Write(In("free.onnx"));
        TokenNetwork.Write(In("fixed.onnx"), batch: images);
        using DisposeScope scope = NewDisposeScope();
        using TrainedClassifier free = TrainedClassifier.Open(In("free.onnx")), fixedBatch = TrainedClassifier.Open(In("fixed.onnx"));
        Tensor five = randn(5, 3, TokenNetwork.Side, TokenNetwork.Side);
        Assert.True(free.Network.call(five).sub(fixedBatch.Network.call(five)).abs().max().ToDouble() < 1e-6);
    }

    [Theory]
    [InlineData("tokens", 16, false)]
    [InlineData("tokens of today", 16, false)]
    [InlineData("ppocr_cls.onnx", 48, false)]
    [InlineData("ppocr_cls.onnx", 48, true)]
    [InlineData("detypify.onnx", 40, false)]
    [InlineData("exported/shufflenet_v2.eval.onnx", 48, false)]
    [InlineData("exported/shufflenet_v2.bn.onnx", 48, true)]
    public void Gradients_are_those_of_differences(string name, int size, bool training)
    {
        bool tokens = name.StartsWith("tokens", StringComparison.Ordinal);
        if (tokens)
            TokenNetwork.Write(In(name), version: name == "tokens" ? 17 : 23);
        using DisposeScope scope = NewDisposeScope();
        using TrainedClassifier classifier = TrainedClassifier.Open(tokens ? In(name) : SharedFiles.Require("checkpoints", "onnx", name),
            architecture: "onnx", imageSize: size);
        ImageClassifier network = classifier.Network;
        network.to(ScalarType.Float64);
        network.train(training);
        using var generator = new Generator(4);
        Tensor images = randn([4, network.Channels, size, size], dtype: ScalarType.Float64, generator: generator);
        Tensor weights = randn([4, network.Classes], dtype: ScalarType.Float64, generator: generator);
        network.call(images).mul(weights).sum().backward();
        Parameter[] parameters = [.. network.parameters()];
        // What is behind a normalization of the batch and only shifts its input has a gradient of zero, but it has one.
        Assert.All(network.named_parameters(), p => Assert.True(p.parameter.grad is not null, p.name));
        Assert.True(parameters.Count(p => p.grad!.abs().max().ToDouble() > 0) > 0.9 * parameters.Length);
        using IDisposable noGrad = no_grad();
        for (int trial = 0; trial < 3; trial++)
        {
            Tensor[] direction = [.. parameters.Select(p => randn_like(p))];
            double slope = parameters.Zip(direction).Sum(p => p.First.grad!.mul(p.Second).sum().ToDouble());
            // The largest step at which no rectifier changes its mind, nearly.
            double step = 1e-9, difference = (At(step) - At(-step)) / (2 * step);
            Assert.InRange(Math.Abs(difference - slope), 0, 1e-5 * parameters.Zip(direction).Sum(p => Math.Abs(p.First.grad!.mul(p.Second).sum().ToDouble())));

            double At(double distance)
            {
                foreach ((Parameter parameter, Tensor along) in parameters.Zip(direction))
                    parameter.add_(along, alpha: distance);
                double value = network.call(images).mul(weights).sum().ToDouble();
                foreach ((Parameter parameter, Tensor along) in parameters.Zip(direction))
                    parameter.add_(along, alpha: -distance);
                return value;
            }
        }
    }

    [Theory]
    [InlineData("tokens", 16)]
    [InlineData("ppocr_cls.onnx", 48)]
    [InlineData("exported/shufflenet_v2.eval.onnx", 64)]
    [InlineData("exported/squeezenet1_1.eval.onnx", 64)]
    public void It_is_computed_in_parts_and_in_16_bits(string name, int size)
    {
        if (name == "tokens")
            TokenNetwork.Write(In(name));
        using DisposeScope scope = NewDisposeScope();
        string? output = name.Contains("squeeze", StringComparison.Ordinal) ? "output" : null;
        using TrainedClassifier classifier = TrainedClassifier.Open(name == "tokens" ? In(name) : SharedFiles.Require("checkpoints", "onnx", name),
            imageSize: size, foreign: new ForeignOptions(output));
        ImageClassifier network = classifier.Network;
        Tensor images = randn([3, network.Channels, size, size], generator: new Generator(4));
        Tensor whole = network.call(images);
        Assert.True(network.Stages.Count >= 2);
        for (int stages = 0; stages <= network.Stages.Count; stages++)
            Assert.True(Same(whole, network.CallAfter(stages, network.Through(..stages, images))), $"{stages} stages");
        // Every parameter of the body is in one of them.
        HashSet<IntPtr> inStages = [.. network.Stages.SelectMany(s => s.Modules).SelectMany(m => m.parameters()).Select(p => p.Handle)];
        Assert.All(network.BodyParameters, p => Assert.Contains(p.Handle, inStages));
        // Layers by depth: in the order of the parameters, each once.
        IReadOnlyList<LayerGroup> groups = LayerGroups.Of(network);
        Assert.Equal(network.parameters().Select(p => p.Handle), groups.SelectMany(g => g.Parameters).Select(p => p.Handle));
        Assert.Equal(network.Stages.Count(s => s.Modules.SelectMany(m => m.parameters()).Any()) + 1, groups.Count);
        Tensor rough = network.call(images.to(ScalarType.BFloat16));
        Assert.Equal(ScalarType.Float32, rough.dtype);
        double error = rough.sub(whole).abs().max().ToDouble() / whole.abs().max().ToDouble();
        TestContext.Current.TestOutputHelper!.WriteLine($"{name}: {network.Stages.Count} stages, bf16 {error:G2}");
        // Measured: 0.0005 to 0.095, the most where fifty layers follow one another; one layer less is far above.
        Assert.InRange(error, 0, 0.15);
        rough.sum().backward();
        Assert.All(network.named_parameters(),
            p => Assert.True(p.parameter.grad!.isfinite().all().ToBoolean() && p.parameter.grad.dtype == ScalarType.Float32, p.name));
    }

    [Fact]
    public void A_run_folder_needs_the_file_no_more()
    {
        TokenNetwork.Write(In("tokens.onnx"), metadata: new()
        {
            ["names"] = "{0: 'a', 1: \"b's\", 2: 'c'}",
            ["mean"] = "[0.5,0.5,0.5]",
            ["std"] = "[0.25,0.25,0.25]",
        });
        WritePhotos("left", "right", "up");
        var recipe = new Recipe
        {
            Data = new DataRecipe { Source = In("photos") },
            Start = new StartRecipe { Weights = In("tokens.onnx"), Channels = "bgr" },
            Training = new() { Epochs = 3, BatchSize = 8, HeadEpochs = 1 },
        };
        float[] expected;
        using (FineTuningResult result = recipe.Run(In("run")))
            expected = Logits(result.Classifier);
        File.Delete(In("tokens.onnx"));
        using TrainedClassifier opened = TrainedClassifier.Open(In("run"));
        Assert.Equal(["left", "right", "up"], opened.Classes);
        Assert.Equal(new Normalization([0.5f, 0.5f, 0.5f], [0.25f, 0.25f, 0.25f]), opened.Normalization);
        Assert.Equal(expected, Logits(opened));
        OnnxExport.Write(opened, In("trained.onnx"), new ExportOptions { Input = ImageInput.BytesNhwc });
        using TrainedClassifier again = TrainedClassifier.Open(In("trained.onnx"));
        Assert.Equal(opened.Classes, again.Classes);
        // Bytes are normalized in the file, the caller has pixels of 0 to 1.
        Assert.All(opened.Network.named_parameters().Zip(again.Network.named_parameters()), p => Assert.True(Same(p.First.parameter, p.Second.parameter)));
        // What a hostile checkpoint promises is looked at before it is made.
        using Checkpoint best = Checkpoint.Load(RunFolder.Open(In("run")).Best);
        Safetensors.Write(In("thin.safetensors"), [("a", zeros(1))], best.Metadata);
        Assert.Contains("fewer numbers", Assert.Throws<DataException>(() => TrainedClassifier.Open(In("thin.safetensors"))).Message);
        Dictionary<string, string> torn = best.Metadata.ToDictionary(e => e.Key, e => e.Key == "graph" ? e.Value[..^40] : e.Value);
        Safetensors.Write(In("torn.safetensors"), [("a", zeros(1))], torn);
        Assert.ThrowsAny<CheckpointException>(() => TrainedClassifier.Open(In("torn.safetensors")));
    }

    private static float[] Logits(TrainedClassifier classifier)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        return classifier.Network.call(randn([2, 3, TokenNetwork.Side, TokenNetwork.Side], generator: new Generator(9))).data<float>().ToArray();
    }

    private void WritePhotos(params string[] classes)
    {
        var random = new Random(3);
        for (int i = 0; i < classes.Length; i++)
        {
            Directory.CreateDirectory(In("photos", classes[i]));
            for (int k = 0; k < 12; k++)
            {
                using var bitmap = new SKBitmap(20, 20);
                for (int at = 0; at < 400; at++)
                    bitmap.SetPixel(at % 20, at / 20, new SKColor((byte)random.Next(256), (byte)(80 * i), (byte)random.Next(60)));
                using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
                File.WriteAllBytes(In("photos", classes[i], $"{k}.png"), data.ToArray());
            }
        }
    }

    private static bool Same(Tensor a, Tensor b) => a.shape.SequenceEqual(b.shape) && a.eq(b).all().ToBoolean();

    private string In(params string[] names) => Path.Combine([_folder, .. names]);
}
