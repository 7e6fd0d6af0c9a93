using Polder.Settings;
using Polder.Vision.Data;
using Polder.Vision.Recipes;
using Polder.Vision.Training;
using TorchSharp;

namespace Polder.Vision.Tests.Recipes;

public sealed class DigitsDemoTests : IDisposable
{
    private readonly RecipeTask _task = new Recipe().Open();

    public void Dispose() => _task.Dispose();

    [Fact]
    public void Two_starts_of_one_seed_are_equal()
    {
        using FineTuningStart first = _task.Prepare(3), second = _task.Prepare(3);
        Assert.Equal(Images(first.Splits.Train), Images(second.Splits.Train));
        Assert.Equal(Images(first.Splits.Validation), Images(second.Splits.Validation));
        foreach (var (a, b) in first.Classifier.Network.state_dict().Values.Zip(second.Classifier.Network.state_dict().Values))
            Assert.True(a.equal(b).all().ToBoolean());
    }

    [Fact]
    public void A_seed_varies_shots_and_head_but_neither_test_images_nor_body()
    {
        using FineTuningStart first = _task.Prepare(0), second = _task.Prepare(1);
        Assert.Equal(Images(first.Splits.Test), Images(second.Splits.Test));
        Assert.NotEqual(Images(first.Splits.Train), Images(second.Splits.Train));
        Assert.NotEqual(Images(first.Splits.Validation), Images(second.Splits.Validation));
        Dictionary<string, torch.Tensor> a = first.Classifier.Network.state_dict(), b = second.Classifier.Network.state_dict();
        foreach (string name in a.Keys)
            Assert.Equal(name != "fc.weight" && name != "fc.bias", a[name].equal(b[name]).all().ToBoolean());
    }

    [Fact]
    public void The_parts_share_no_image_and_have_the_shots_of_every_class()
    {
        // A few images of the set are equal pixel by pixel, so the parts are told apart by their counts.
        using FineTuningStart start = _task.Prepare(0);
        Assert.All(start.Splits.Train.ClassCounts(), count => Assert.Equal(DigitsDemo.DefaultShots, count));
        ImageData all = Digits.Upper();
        int[] rest = [.. all.Train.ClassCounts().Zip(start.Splits.Test.ClassCounts(), (n, test) => n - test)];
        Assert.All(rest.Zip(start.Splits.Validation.ClassCounts(), (n, validation) => n - validation), left => Assert.InRange(left, DigitsDemo.MostShots, 200));
        Dictionary<string, int> pool = Count(all.Train), used = Count(start.Splits.Train, start.Splits.Validation, start.Splits.Test);
        Assert.All(used, entry => Assert.InRange(entry.Value, 1, pool[entry.Key]));
    }

    [Fact]
    public void Compared_it_has_more_shots_and_the_last_weights_and_keeps_what_was_said()
    {
        Recipe compared = DigitsDemo.ForComparison(new Recipe()).Resolve();
        Assert.Equal((DigitsDemo.ComparisonShots, DigitsDemo.ComparisonLearningRate, DigitsDemo.ComparisonEpochs, KeptWeights.Last),
            (compared.Data.Shots, compared.Training.LearningRate, compared.Training.Epochs, compared.Training.Keep));
        var said = new Recipe { Training = new TrainingOptions { LearningRate = 0.01, Epochs = 7, Keep = KeptWeights.Best } };
        Recipe kept = DigitsDemo.ForComparison(said).Resolve();
        Assert.Equal((0.01, 7, KeptWeights.Best), (kept.Training.LearningRate, kept.Training.Epochs, kept.Training.Keep));
        // A training that ends early ends with its best epoch, and Adam has a rate of its own.
        DigitsDemo.ForComparison(new Recipe { Training = new TrainingOptions { Patience = 3 } }).Validate();
        Assert.NotEqual(DigitsDemo.ComparisonLearningRate,
            DigitsDemo.ForComparison(new Recipe { Training = new TrainingOptions { Optimizer = BaseOptimizer.Adam } }).Resolve().Training.LearningRate);
        Recipe five = new() { Data = new DataRecipe { Shots = 5 } };
        Assert.Same(five, DigitsDemo.ForComparison(five));
    }

    [Fact]
    public void Wrong_labels_are_among_the_shots_alone()
    {
        DataSplits clean = DigitsDemo.Splits(10, 3), noisy = DigitsDemo.Splits(10, 3, labelNoise: 0.4);
        Assert.Equal(20, clean.Train.Labels.Zip(noisy.Train.Labels, (a, b) => a == b ? 0 : 1).Sum());
        Assert.Equal(clean.Validation.Labels, noisy.Validation.Labels);
        Assert.Equal(clean.Test.Labels, noisy.Test.Labels);
    }

    [Fact]
    public void More_shots_than_there_are_images_are_refused()
    {
        foreach (int shots in (int[])[0, DigitsDemo.MostShots + 1])
            Assert.Equal("shots", Assert.Throws<SettingException>(() => DigitsDemo.Splits(shots, 0)).Setting);
        // That is the smallest class's training part, exactly.
        DataSplits splits = Digits.Upper().Split(new SplitOptions { TestFraction = 0.6, ValidationFraction = 0.5 });
        Assert.Equal(DigitsDemo.MostShots, splits.Train.ClassCounts().Min());
    }

    [Fact]
    public void Pre_training_stops_when_asked_to()
    {
        using var stop = new CancellationTokenSource();
        var progress = new Relay<Vision.Training.TrainingProgress>(_ => stop.Cancel());
        Assert.ThrowsAny<OperationCanceledException>(() => new Recipe().Open(new RecipeProgress { Pretraining = progress }, stop.Token));
    }

    private static string[] Images(ImageSet set) => [.. Enumerable.Range(0, set.Count).Select(i => $"{set.Labels[i]} {Convert.ToHexString(set.Pixels(i))}")];

    private static Dictionary<string, int> Count(params ImageSet[] sets) => sets.SelectMany(Images).CountBy(image => image).ToDictionary();
}
