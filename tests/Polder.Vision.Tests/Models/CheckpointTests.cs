using Polder.Checkpoints;
using Polder.Testing;
using Polder.Vision.Data;
using Polder.Vision.Models;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Models;

public class CheckpointTests
{
    [Theory]
    [InlineData("resnet20", "resnet20-12fca82f.th")]
    [InlineData("resnet56", "resnet56-4bfd9763.th")]
    public void A_published_checkpoint_fills_every_parameter(string name, string file)
    {
        string path = SharedFiles.Require("checkpoints", "resnet-cifar10", file);
        using ImageClassifier model = Architectures.Get(name).Builder(10);
        using Checkpoint checkpoint = Checkpoint.Load(path);
        LoadReport report = checkpoint.Into(model);
        Assert.Empty(report.Missing);
        Assert.Empty(report.Misshapen);
        Assert.Empty(report.Ignored);
    }

    [Fact]
    public void The_published_resnet20_classifies_nine_of_ten_images()
    {
        string path = SharedFiles.Require("checkpoints", "resnet-cifar10", "resnet20-12fca82f.th");
        ImageSet test = Cifar.Load(SharedFiles.Require("data", "cifar-10-batches-bin")).Test!;
        using ImageClassifier model = CifarResNet.ResNet20();
        using (Checkpoint checkpoint = Checkpoint.Load(path))
            checkpoint.Into(model);
        model.eval();
        using var guard = no_grad();
        long right = 0;
        foreach (Batch batch in new Loader(test.PerClass(50, 0), new LoaderOptions { BatchSize = 100 }).ForEvaluation())
        {
            using var scope = NewDisposeScope();
            right += model.forward(batch.Images).argmax(1).eq(batch.Labels).sum().item<long>();
        }

        Assert.InRange(right / 500.0, 0.88, 0.95); // 91.7 % published; a standard error is 1.2 %
    }
}
