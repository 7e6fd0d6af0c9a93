using Polder.Methods;
using Polder.Testing;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Training;

/// <summary>Trainings of one process share what frozen layers make of images, and train as they do alone.</summary>
[Collection(typeof(AloneWithRandomNumbers))]
public sealed class FeatureCacheTests
{
    private static readonly DataSplits Splits = Digits.Upper().Split(new SplitOptions { PerClass = 4, TestFraction = 0.6 });

    private static readonly TrainingOptions Options = new() { Epochs = 3, BatchSize = 8, LearningRate = 0.05, Freeze = ["conv1.*", "bn1.*"] };

    [Fact]
    public void A_training_is_bit_for_bit_the_same_and_computes_nothing_that_another_has()
    {
        using var cache = new FeatureCache();
        var (alone, own) = Train(null, out int computedAlone);
        var (first, once) = Train(cache, out int computedFirst);
        long bytes = cache.Bytes;
        var (second, twice) = Train(cache, out int computedSecond);
        Assert.Equal((1, 1, 0), (computedAlone, computedFirst, computedSecond));
        Assert.Equal(bytes, cache.Bytes);
        Assert.True(bytes > 0);
        Assert.Equal(own, once);
        Assert.Equal(own, twice);
        Assert.Equal(alone.Epochs.Select(e => e.ValidationLoss), first.Epochs.Select(e => e.ValidationLoss));
        Assert.Equal(alone.Epochs.Select(e => e.ValidationLoss), second.Epochs.Select(e => e.ValidationLoss));
    }

    [Fact]
    public void Other_weights_of_a_frozen_layer_have_features_of_their_own()
    {
        using var cache = new FeatureCache();
        Train(cache, out _);
        Train(cache, out int computed, seed: 2);
        Assert.Equal(1, computed);
        var (_, own) = Train(null, out _, seed: 2);
        Assert.Equal(own, Train(cache, out _, seed: 2).Weights);
    }

    [Fact]
    public void The_loss_of_a_network_that_overflowed_is_no_number()
    {
        using var network = new SmallConvNet(5);
        network.Initialize(1);
        using (no_grad())
            network.parameters().Last().fill_(float.NaN);
        using var classifier = new TrainedClassifier(network, "small", Splits.Test.Height, Normalization.ImageNetGray, Splits.Test.Classes);
        using var cache = new FeatureCache();
        Assert.Equal(double.NaN, cache.Evaluate(classifier, Splits.Validation).Loss);
    }

    [Fact]
    public void The_test_images_are_judged_as_without_it_and_so_is_their_loss()
    {
        using var network = new SmallConvNet(5);
        network.Initialize(1);
        network.Freeze(Options.Freeze);
        using var classifier = new TrainedClassifier(network, "small", Splits.Test.Height, Normalization.ImageNetGray, Splits.Test.Classes);
        using var cache = new FeatureCache();
        var (plain, kept) = (classifier.Measure(Splits.Test), cache.Measure(classifier, Splits.Test));
        Assert.Equal(plain.Accuracy, kept.Accuracy);
        Assert.Equal(plain.Loss, kept.Loss, 6);
        Assert.Equal(plain.Figures.Select(f => f.Value), kept.Figures.Select(f => f.Value));
        Assert.True(cache.Bytes > 0);
        EvaluationResult evaluated = cache.Evaluate(classifier, Splits.Test);
        Assert.Equal((plain.Accuracy, Splits.Test.Count), (evaluated.Accuracy, evaluated.Count));
        Assert.Equal(plain.Loss, evaluated.Loss, 6);
        double loss = cache.WithCrossEntropy(classifier, Splits.Test, f => f.Value());
        Assert.Equal(classifier.CrossEntropy(Splits.Test).Value(), loss, 6);
        // With nothing frozen nothing is kept.
        using var empty = new FeatureCache();
        network.Freeze([]);
        foreach (var parameter in network.parameters())
            parameter.requires_grad = true;
        Assert.Equal(plain.Accuracy, empty.Measure(classifier, Splits.Test).Accuracy);
        Assert.Equal(0, empty.Bytes);
    }

    [Fact]
    public void The_oldest_goes_first_and_no_tensor_is_left()
    {
        using var model = new SmallConvNet(5);
        model.Initialize(1);
        var loader = new Loader(Splits.Train, new LoaderOptions { BatchSize = 8, Normalization = Normalization.ImageNetGray });
        LiveTensors.AssertSteady(() =>
        {
            using var roomy = new FeatureCache();
            using var tight = new FeatureCache(mostBytes: 1);
            foreach (FeatureCache cache in (FeatureCache[])[roomy, tight])
            {
                int computed = 0;
                for (int i = 0; i < 2; i++)
                    foreach (int stages in (int[])[1, 2])
                    {
                        using var features = new FeatureLoader(model, loader, _ => computed++, cache);
                        Assert.Equal(loader.Count, features.Epoch(0, .., stages, default).Count());
                    }
                // Above the limit nothing stays that nobody uses.
                Assert.Equal(cache == roomy ? 2 : 4, computed);
                Assert.Equal(cache == roomy, cache.Bytes > 0);
            }
        });
    }

    private static (TrainingResult Result, float[] Weights) Train(FeatureCache? cache, out int computed, int seed = 1)
    {
        using var model = new SmallConvNet(5);
        model.Initialize(seed);
        int told = 0;
        var trainer = new Trainer(Options, new NoiseStability { Sigma = 0.01 })
        {
            Features = cache,
            Note = new Relay<string>(line => told += line.Contains("computed once", StringComparison.Ordinal) ? 1 : 0),
        };
        TrainingResult result = trainer.Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        using var scope = NewDisposeScope();
        computed = told;
        return (result, [.. model.state_dict().Values.Where(t => t.is_floating_point()).SelectMany(t => t.detach().data<float>().ToArray())]);
    }
}
