using Polder.Vision.Models;
using Polder.Vision.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Training;

public sealed class TrainingLossTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly SmallConvNet _model = new(3);
    private readonly Tensor _images;
    private readonly Tensor _labels = tensor(new long[] { 0, 2, 1, 1 });

    public TrainingLossTests()
    {
        _model.Initialize(1);
        _model.eval();
        using var generator = new Generator(4);
        _images = rand([4, 1, 8, 8], generator: generator);
    }

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Label_smoothing_spreads_its_share_over_all_classes()
    {
        using var loss = new TrainingLoss(_model, _images, _labels, new TrainingOptions { LabelSmoothing = 0.3 }, 0);
        Tensor chances = _model.call(_images).softmax(1).log();
        double expected = 0;
        for (int i = 0; i < 4; i++)
        {
            float[] row = chances[i].data<float>().ToArray();
            expected -= ((0.7 * row[(int)_labels[i].item<long>()]) + (0.3 * row.Average())) / 4;
        }
        Assert.Equal(expected, loss.Compute().ToDouble(), 1e-6);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.7, 0.2)]
    public void The_parts_of_a_batch_with_class_weights_have_the_whole_as_their_mean(double mixup, double smoothing)
    {
        using var loss = new TrainingLoss(
            _model, _images, _labels, new TrainingOptions { Mixup = mixup, LabelSmoothing = smoothing }, 2, tensor(new[] { 0.2f, 3, 0.7f }));
        double whole = loss.Compute().ToDouble();
        Assert.Equal(whole, (0.25 * loss.Compute(..1).ToDouble()) + (0.75 * loss.Compute(1..).ToDouble()), 1e-6);
    }

    [Fact]
    public void Mixup_mixes_images_and_losses_with_the_same_share_and_partner()
    {
        using Mixup mixup = Mixup.Of(_images, _labels, 0.7, seed: 5, step: 9);
        Assert.InRange(mixup.Share, 0.001, 0.999);
        // Which partner: the one whose mixture is found.
        int[] partners = [.. Enumerable.Range(0, 4).Select(i => Enumerable.Range(0, 4).Single(j =>
            allclose(mixup.Images[i], (mixup.Share * _images[i]) + ((1 - mixup.Share) * _images[j]), 1e-5, 1e-6)))];
        Assert.Equal([0, 1, 2, 3], partners.Order());
        using var loss = new TrainingLoss(_model, _images, _labels, new TrainingOptions { Mixup = 0.7, Seed = 5 }, 9);
        Tensor logits = _model.call(mixup.Images), others = tensor(partners.Select(j => _labels[j].item<long>()).ToArray());
        double expected = (mixup.Share * nn.functional.cross_entropy(logits, _labels).ToDouble())
            + ((1 - mixup.Share) * nn.functional.cross_entropy(logits, others).ToDouble());
        Assert.Equal(expected, loss.Compute().ToDouble(), 1e-6);
        Assert.Equal(loss.Compute().ToDouble(), loss.Compute().ToDouble());
    }

    // Split-batch methods see parts: without batch statistics their mean, weighted by size, is the loss of the batch.
    [Fact]
    public void Parts_of_the_batch_add_up_to_it()
    {
        using var loss = new TrainingLoss(_model, _images, _labels, new TrainingOptions { Mixup = 0.7, LabelSmoothing = 0.3, Seed = 5 }, 9);
        Assert.Equal(4, loss.Rows);
        Assert.Equal(loss.Compute().ToDouble(), ((3 * loss.Compute(0..3).ToDouble()) + loss.Compute(3..4).ToDouble()) / 4, 1e-6);
    }

    [Fact]
    public void Mixup_depends_on_seed_and_step_alone()
    {
        double Share(long seed, long step)
        {
            using Mixup mixup = Mixup.Of(_images, _labels, 0.2, seed, step);
            return mixup.Share;
        }

        Assert.Equal(Share(1, 2), Share(1, 2));
        Assert.NotEqual(Share(1, 2), Share(1, 3));
        Assert.NotEqual(Share(1, 2), Share(2, 2));
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(1)]
    [InlineData(3)]
    public void The_share_has_the_moments_of_the_beta_distribution(double alpha)
    {
        const int Count = 20_000;
        double[] values = [.. Enumerable.Range(0, Count).Select(i => new CounterRandom(1, RandomPurpose.Mixup, i).Beta(alpha))];
        double variance = 1 / (4 * ((2 * alpha) + 1));
        Assert.Equal(0.5, values.Average(), 4 * Math.Sqrt(variance / Count));
        // The fourth central moment of a variable in [0, 1] is at most 1/16 - and so is this estimate's variance over Count.
        Assert.Equal(variance, values.Average(v => (v - 0.5) * (v - 0.5)), 4 * 0.25 / Math.Sqrt(Count));
    }

    [Fact]
    public void CutMix_puts_a_rectangle_of_one_image_into_another_and_shares_the_loss_by_area()
    {
        using var scope = NewDisposeScope();
        Tensor images = arange(6, ScalarType.Float32).reshape(6, 1, 1, 1).expand(6, 3, 8, 10).contiguous(), labels = arange(6, ScalarType.Int64);
        bool cut = false;
        for (int step = 0; step < 20; step++)
        {
            using Mixup mix = Mixup.Cut(images, labels, 1, 3, step);
            for (int i = 0; i < 6; i++)
            {
                float[] found = mix.Images[i].contiguous().data<float>().ToArray();
                // The image's own value, and at most one other.
                Assert.InRange(found.Distinct().Count(), 1, 2);
                float other = found.FirstOrDefault(v => v != i, i);
                if (other == i)
                    continue;
                cut = true;
                Assert.Equal(1 - mix.Share, found.Count(v => v != i) / 240.0, 1e-12);
                // The loss of the other image has the rest of the weight.
                double loss = mix.Loss(l => l[i].to(ScalarType.Float64), labels).item<double>();
                Assert.Equal(mix.Share * i + (1 - mix.Share) * other, loss, 1e-6);
            }
        }
        Assert.True(cut);
    }
}
