using Polder.Checkpoints;
using Polder.Testing;
using Polder.Vision.Data.Pixels;

namespace Polder.Onnx.Tests;

/// <summary>The ImageNet network of the NuGet package computes here what ONNX Runtime computes of the package's own file.</summary>
public sealed class PackagedWeightsTests : IDisposable
{
    private const int Side = 224, Area = Side * Side;

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-imagenet-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Features_are_those_of_ONNX_Runtime_on_made_images() =>
        RequireEqual([.. Enumerable.Range(1, 3).Select(k => Enumerable.Range(0, 3 * Area)
            .Select(i => (byte)((i * k * 7) + (i / Side * k) + (i / Area * 90))).ToArray())]);

    [Fact]
    public void Features_are_those_of_ONNX_Runtime_on_50_photos()
    {
        string[] photos = [.. Directory.GetFiles(SharedFiles.Require("data", "butterflies10"), "*.jpg", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal).Where((_, i) => i % 7 == 0).Take(50)];
        Assert.Equal(50, photos.Length);
        RequireEqual([.. photos.Select(p => ImageDecoder.Decode(p, Side, ImageFit.Crop))]);
    }

    [Fact]
    public void They_fill_the_whole_body()
    {
        using Checkpoint weights = PackagedWeights.Open();
        using ResNet network = ResNet.ImageNetResNet18();
        LoadReport report = weights.Into(network, strict: false);
        Assert.Equal(["fc.weight", "fc.bias"], report.Missing.Select(t => t.Name));
        Assert.Empty(report.Ignored);
        Assert.Empty(report.Misshapen);
        Assert.Contains("MIT", weights.Metadata["origin"], StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_another_network_is_refused()
    {
        using TrainedClassifier other = Networks.Make("resnet20", Normalization.ImageNet, ImageFit.Crop);
        string path = Path.Combine(_folder, "other.onnx");
        OnnxExport.Write(other, path);
        Assert.Contains("is not the network of", Assert.Throws<CheckpointException>(() => PackagedWeights.Read(path)).Message, StringComparison.Ordinal);
    }

    // The package's network takes BGR from 0 to 255 less a mean; ours RGB with ImageNet's mean and standard deviation: the same pixels.
    private static void RequireEqual(byte[][] images)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using Checkpoint weights = PackagedWeights.Open();
        using ResNet network = ResNet.ImageNetResNet18();
        weights.Into(network, strict: false);
        network.eval();
        Normalization normalization = Normalization.ImageNet;
        foreach (byte[][] batch in images.Chunk(10))
        {
            float[] ours = [.. batch.SelectMany(image => image.Select((v, i) =>
                ((v / 255f) - normalization.Mean[i / Area]) / normalization.StandardDeviation[i / Area]))];
            float[] theirs = [.. batch.SelectMany(image => Enumerable.Range(0, image.Length).Select(i =>
                (2 - (i / Area)) is var channel ? image[(channel * Area) + (i % Area)] - (255 * normalization.Mean[channel]) : 0))];
            float[] found = network.Features(tensor(ours, [batch.Length, 3, Side, Side])).data<float>().ToArray();
            float[] expected = [.. Assert.Single(Runtime.Run(PackagedWeights.File, theirs, batch.Length, 3, Side, Side).Values).SelectMany(row => row)];
            float largest = expected.Max(Math.Abs);
            Assert.True(largest > 1);
            Assert.All(expected.Zip(found), pair => Assert.InRange(pair.First - pair.Second, -1e-4 * largest, 1e-4 * largest));
        }
    }
}
