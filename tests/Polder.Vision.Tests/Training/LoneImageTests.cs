using Polder.Methods;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Training;

/// <summary>A batch of one image under BatchNorm: the variance of one value is not a number, so no training makes such a batch.</summary>
public class LoneImageTests
{
    private static readonly TrainingOptions Short = new() { Epochs = 2, BatchSize = 4, LearningRate = 0.01 };

    public static TheoryData<int, int[]> Cuts => new()
    {
        { 8, [4, 4] }, { 9, [4, 5] }, { 10, [4, 4, 2] }, { 11, [4, 4, 3] }, { 5, [5] }, { 4, [4] }, { 1, [1] },
    };

    [Theory]
    [MemberData(nameof(Cuts))]
    public void A_last_batch_of_one_image_joins_the_batch_before_it(int images, int[] sizes)
    {
        var loader = new Loader(Set(images), new LoaderOptions { BatchSize = 4, JoinLone = true, Normalization = Normalization.ImageNet });
        Assert.Equal(sizes, loader.Epoch(0, TestContext.Current.CancellationToken).Select(b => b.Count));
        Assert.Equal(sizes[1..], loader.Epoch(0, 1, TestContext.Current.CancellationToken).Select(b => b.Count));
        Assert.Equal(sizes.Length, loader.Count);
        Assert.Equal(2 * sizes.Length, Short.StepsOver(images));
        Assert.Equal((images + 3) / 4, loader.ForEvaluation().Count);
    }

    [Fact]
    public void A_batch_size_of_one_is_left_as_it_is() =>
        Assert.Equal(3, new Loader(Set(3), new LoaderOptions { BatchSize = 1, JoinLone = true }).Count);

    // resnet18 sees 1 x 1 pixels in its last layers at 32: a lone image, or piece of one, would leave a variance that is not a number.
    [Theory]
    [InlineData(9, 1, AveragingKind.None, Passes.Full)]
    [InlineData(9, 3, AveragingKind.None, Passes.Full)]
    [InlineData(6, 4, AveragingKind.None, Passes.Full)]
    [InlineData(9, 1, AveragingKind.Ema, Passes.Full)]
    [InlineData(11, 2, AveragingKind.None, Passes.Split)]
    public void Running_variances_stay_numbers(int images, int accumulate, AveragingKind average, Passes passes)
    {
        using ImageClassifier model = Architectures.Get("resnet18").Build(2, 1);
        TrainingOptions options = Short with { Epochs = 1, Accumulate = accumulate, Averaging = new AveragingOptions { Kind = average } };
        TrainingResult result = new Trainer(options, new NoiseStability { Sigma = 0.001, Passes = passes })
            .Run(model, Set(images), Set(4), Normalization.ImageNet, cancellation: TestContext.Current.CancellationToken);
        Assert.True(double.IsFinite(result.Best.ValidationLoss));
        Assert.All(model.named_buffers(), b => Assert.True(b.buffer.to(ScalarType.Float64).isfinite().all().item<bool>(), b.name));
    }

    [Fact]
    public void Where_there_is_but_one_image_the_message_names_batch_norm()
    {
        using ImageClassifier model = Architectures.Get("resnet18").Build(2, 1);
        var exception = Assert.Throws<TrainingDivergedException>(() => new Trainer(Short with { BatchSize = 1 }, new Plain())
            .Run(model, Set(3), Set(4), Normalization.ImageNet, cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("a BatchNorm layer saw a single value", exception.Message);
        Assert.DoesNotContain("learning rate", exception.Message);
    }

    private static ImageSet Set(int count)
    {
        var random = new Random(count);
        byte[][] pixels = [.. Enumerable.Range(0, count).Select(_ => new byte[3 * 32 * 32])];
        foreach (byte[] image in pixels)
            random.NextBytes(image);
        return new ImageSet(pixels, [.. Enumerable.Range(0, count).Select(i => i % 2)], ["a", "b"], 3, 32, 32);
    }
}
