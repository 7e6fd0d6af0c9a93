using Polder.Testing;
using TorchSharp;

namespace Polder.Checkpoints.Tests;

public class ResNetCheckpointTests
{
    [Theory]
    [InlineData("resnet20-12fca82f.th", 20, 269_722)]
    [InlineData("resnet32-d509ac18.th", 32, 464_154)]
    [InlineData("resnet44-014dd654.th", 44, 658_586)]
    [InlineData("resnet56-4bfd9763.th", 56, 853_018)]
    public void A_published_training_checkpoint_gives_the_networks_state(string file, int depth, long parameters)
    {
        string path = SharedFiles.Require("checkpoints", "resnet-cifar10", file);
        using Checkpoint checkpoint = Checkpoint.Load(path);
        Assert.Equal("PyTorch legacy", checkpoint.Format);
        Assert.Equal("state_dict", checkpoint.Wrapper);
        Assert.Equal("module.", checkpoint.Prefix);
        Assert.Contains("best_prec1", checkpoint.Metadata.Keys);
        // Each convolution has a weight and four tensors of its batch norm; the classifier has two.
        Assert.Equal(((depth - 1) * 5) + 2, checkpoint.Tensors.Count);
        Assert.Equal(parameters, checkpoint.Tensors.Where(t => !t.Key.Contains("running")).Sum(t => t.Value.numel()));
        Assert.Equal([16L, 3, 3, 3], checkpoint.Tensors["conv1.weight"].shape);
        Assert.Equal([10L, 64], checkpoint.Tensors["linear.weight"].shape);
        Assert.All(checkpoint.Tensors.Values, t => Assert.True(t.isfinite().all().item<bool>()));
        Assert.True(checkpoint.Tensors["bn1.running_var"].min().item<float>() > 0);
    }

    [Fact]
    public void A_flat_dictionary_with_a_prefix_gives_the_same_names()
    {
        string path = SharedFiles.Require("checkpoints", "resnet-cifar10", "pyhessian-resnet20.pkl");
        using Checkpoint checkpoint = Checkpoint.Load(path);
        Assert.Null(checkpoint.Wrapper);
        Assert.Equal("module.", checkpoint.Prefix);
        Assert.Contains(checkpoint.Tensors, t => t.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal) && t.Value.dtype == torch.ScalarType.Int64);
        using Checkpoint verbatim = Checkpoint.Load(path, CheckpointOptions.Verbatim);
        Assert.All(verbatim.Tensors.Keys, name => Assert.StartsWith("module.", name));
        Assert.Equal(checkpoint.Tensors.Count, verbatim.Tensors.Count);
    }
}
