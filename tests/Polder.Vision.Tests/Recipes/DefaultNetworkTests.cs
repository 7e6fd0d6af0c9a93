using Polder.Checkpoints;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Models.Weights;
using Polder.Vision.Recipes;
using Polder.Vision.Tests.Data;

namespace Polder.Vision.Tests.Recipes;

/// <summary>A recipe that names no network has ImageNet's, and what is trained from it says where that came from.</summary>
public sealed class DefaultNetworkTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(null, null, PackagedWeights.Name, PackagedWeights.Name)]
    [InlineData(null, PackagedWeights.Name, PackagedWeights.Name, PackagedWeights.Name)]
    [InlineData(null, "resnet18", null, "resnet18")]
    public void It_is_the_start_unless_another_is_named(string? weights, string? architecture, string? expectedWeights, string expectedArchitecture)
    {
        Recipe recipe = new Recipe { Data = new() { Source = _folder.Path }, Start = new() { Weights = weights, Architecture = architecture } }.Resolve();
        Assert.Equal(expectedWeights, recipe.Start.Weights);
        Assert.Equal(expectedArchitecture, recipe.Start.Architecture);
    }

    [Fact]
    public void The_demo_stays_the_demo() => Assert.Null(new Recipe().Resolve().Start.Weights);

    [Fact]
    public void Its_origin_goes_with_the_weights()
    {
        for (int i = 0; i < 6; i++)
        {
            _folder.Image($"data/dark/{i}.png", 40, 40, 0x101010 + (uint)i);
            _folder.Image($"data/bright/{i}.png", 40, 40, 0xE0E0E0 + (uint)i);
        }
        var recipe = new Recipe
        {
            Data = new() { Source = _folder.Folder("data") },
            Start = new() { ImageSize = 32 },
            Training = new() { Epochs = 1, FreezeBody = true },
        };
        using FineTuningResult result = recipe.Run(Path.Combine(_folder.Path, "run"));
        Assert.Equal(PackagedWeights.Origin, result.Classifier.Origin);
        using TrainedClassifier opened = TrainedClassifier.Open(Path.Combine(_folder.Path, "run"));
        Assert.Equal(PackagedWeights.Origin, opened.Origin);
        opened.Save(Path.Combine(_folder.Path, "again.safetensors"));
        using Checkpoint again = Checkpoint.Load(Path.Combine(_folder.Path, "again.safetensors"));
        Assert.Equal(PackagedWeights.Origin, again.Metadata["origin"]);
        // What was frozen is the package's to the bit.
        using Checkpoint weights = PackagedWeights.Open();
        Assert.All(weights.Tensors, t => Assert.Equal(t.Value.data<float>().ToArray(), again.Tensors[t.Key].data<float>().ToArray()));
    }

    [Fact]
    public void Without_a_head_it_cannot_classify() =>
        Assert.Contains("polder finetune trains one", Assert.Throws<DataException>(() => TrainedClassifier.Open(PackagedWeights.Name)).Message,
            StringComparison.Ordinal);
}
