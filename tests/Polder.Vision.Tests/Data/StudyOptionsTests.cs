using Polder.Testing;
using Polder.Vision.Data;
using Polder.Vision.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Data;

/// <summary>Label noise, balanced sampling, class weights, duplicates.</summary>
public class StudyOptionsTests
{
    [Fact]
    public void Label_noise_changes_its_share_to_other_classes_evenly_and_by_the_seed()
    {
        ImageSet set = SplitTests.Numbered(400, 400, 400);
        ImageSet noisy = set.WithLabelNoise(0.25, 3);
        int[] changed = [.. Enumerable.Range(0, 1200).Where(i => noisy.Labels[i] != set.Labels[i])];
        Assert.Equal(300, changed.Length);
        // Each of the six directions has 50 of them expected, with a standard deviation of at most 6.5.
        Assert.All(changed.GroupBy(i => (set.Labels[i], noisy.Labels[i])), g => Assert.InRange(g.Count(), 20, 80));
        Assert.Equal(6, changed.Select(i => (set.Labels[i], noisy.Labels[i])).Distinct().Count());
        Assert.Equal(noisy.Labels, set.WithLabelNoise(0.25, 3).Labels);
        Assert.NotEqual(noisy.Labels, set.WithLabelNoise(0.25, 4).Labels);
        // A smaller share is part of a larger one.
        ImageSet less = set.WithLabelNoise(0.1, 3);
        Assert.All(Enumerable.Range(0, 1200).Where(i => less.Labels[i] != set.Labels[i]), i => Assert.Equal(noisy.Labels[i], less.Labels[i]));
        Assert.Equal(set.Labels, set.WithLabelNoise(0, 3).Labels);
        Assert.Throws<ArgumentOutOfRangeException>(() => set.WithLabelNoise(1.1, 0));
    }

    [Fact]
    public void A_sample_has_of_every_class_its_share_and_a_smaller_one_is_part_of_it()
    {
        ImageSet even = SplitTests.Numbered(40, 40, 40), uneven = SplitTests.Numbered(60, 30, 10);
        Assert.Equal([20, 20, 20], even.Sample(60, 3).ClassCounts());
        Assert.All([1, 2, 7, 50, 119], n => Assert.InRange(even.Sample(n, 3).ClassCounts().Max() - even.Sample(n, 3).ClassCounts().Min(), 0, 1));
        Assert.Equal([12, 6, 2], uneven.Sample(20, 3).ClassCounts());
        foreach (ImageSet set in (ImageSet[])[even, uneven])
        {
            string[] before = [];
            for (int n = 1; n <= set.Count; n++)
            {
                string[] names = Names(set.Sample(n, 3));
                Assert.Equal(n, names.Length);
                Assert.Empty(before.Except(names));
                Assert.Equal(names, Names(set).Where(names.Contains)); // in the set's order
                before = names;
            }
            Assert.Equal(Names(set.Sample(30, 3)), Names(set.Sample(30, 3)));
            Assert.NotEqual(Names(set.Sample(30, 3)), Names(set.Sample(30, 4)));
            Assert.Same(set, set.Sample(set.Count, 3));
            Assert.Same(set, set.Sample(1000, 3));
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => even.Sample(0, 0));

        IReadOnlyList<ImageSet> parts = uneven.Parts(10, 3);
        Assert.All(parts, part => Assert.Equal([6, 3, 1], part.ClassCounts()));
        Assert.Equal(Names(uneven).Order(), parts.SelectMany(Names).Order());
        Assert.Equal(3, even.Subset([0, 50, 100]).Parts(10, 3).Count);

        static string[] Names(ImageSet set) => [.. Enumerable.Range(0, set.Count).Select(i => Convert.ToHexString(set.Pixels(i)))];
    }

    [Fact]
    public void A_split_disturbs_the_training_labels_alone()
    {
        ImageData data = new("made", SplitTests.Numbered(100, 100));
        DataSplits clean = data.Split(new SplitOptions()), noisy = data.Split(new SplitOptions { LabelNoise = 0.5 });
        Assert.Equal(clean.Test.Labels, noisy.Test.Labels);
        Assert.Equal(clean.Validation.Labels, noisy.Validation.Labels);
        Assert.Equal(64, clean.Train.Labels.Zip(noisy.Train.Labels).Count(p => p.First != p.Second));
    }

    [Fact]
    public void Balanced_sampling_takes_as_many_of_each_class_and_all_of_the_rare()
    {
        ImageSet set = SplitTests.Numbered(90, 7, 3);
        var loader = new Loader(set, new LoaderOptions { Sampling = Sampling.Balanced, Seed = 5 });
        int[] order = loader.Order(2);
        Assert.Equal(100, order.Length);
        int[] counts = [.. Enumerable.Range(0, 3).Select(c => order.Count(i => set.Labels[i] == c))];
        Assert.All(counts, n => Assert.InRange(n, 33, 34));
        // Images of a rare class come equally often, to one; those of a frequent one at most once.
        foreach (IGrouping<int, int> image in order.GroupBy(i => i))
        {
            int label = set.Labels[image.Key], size = set.ClassCounts()[label];
            Assert.InRange(image.Count(), counts[label] / size, (counts[label] + size - 1) / size);
        }
        Assert.Equal(10, order.Where(i => set.Labels[i] > 0).Distinct().Count());
        Assert.Equal(order, new Loader(set, loader.Options).Order(2));
        Assert.NotEqual(order, loader.Order(3));
        Assert.Equal(Enumerable.Range(0, 100), loader.ForEvaluation().Order(0));
    }

    [Fact]
    public void Balanced_class_weights_give_each_class_the_same_weight_in_all()
    {
        ImageSet set = SplitTests.Numbered(6, 3, 1);
        using Tensor weights = TrainingLoss.WeightsOf(new() { ClassWeights = ClassWeights.Balanced }, set)!;
        Assert.Equal([10f / 18, 10f / 9, 10f / 3], weights.data<float>().ToArray());
        Assert.Null(TrainingLoss.WeightsOf(new(), set));
    }

    // Six, three and one image: the power 0.5 stands between equal weights and balanced ones.
    [Fact]
    public void A_power_takes_class_weights_a_part_of_the_way()
    {
        using Tensor weights = TrainingLoss.WeightsOf(new() { ClassWeights = ClassWeights.Balanced, ClassWeightPower = 0.5 }, SplitTests.Numbered(6, 3, 1))!;
        Assert.Equal([Math.Sqrt(10 / 18.0), Math.Sqrt(10 / 9.0), Math.Sqrt(10 / 3.0)], weights.data<float>().ToArray().Select(w => (double)w),
            (a, b) => Math.Abs(a - b) < 1e-6);
    }

    [Fact]
    public void The_weighted_loss_is_the_weighted_mean()
    {
        using var model = new Polder.Vision.Models.SmallConvNet(3);
        model.Initialize(1);
        using var scope = NewDisposeScope();
        Tensor images = randn(4, 1, 8, 8), labels = tensor(new long[] { 0, 0, 1, 2 }), weights = tensor(new[] { 1f, 2f, 4f });
        using var loss = new TrainingLoss(model, images, labels, new TrainingOptions(), 0, weights);
        Tensor each = nn.functional.cross_entropy(model.call(images), labels, reduction: nn.Reduction.None);
        double expected = each.mul(tensor(new[] { 1f, 1f, 2f, 4f })).sum().ToDouble() / 8;
        Assert.Equal(expected, loss.Compute().ToDouble(), 1e-6);
    }

    [Fact]
    public void Duplicates_across_parts_are_found_and_those_within_a_part_are_not()
    {
        static ImageSet Set(params (byte Pixel, int Label)[] images) => new(
            [.. images.Select(i => new[] { i.Pixel })], [.. images.Select(i => i.Label)], ["a", "b"], 1, 1, 1,
            [.. images.Select((i, at) => $"{i.Pixel}#{at}")]);
        IReadOnlyList<Duplicate> found = Duplicates.Across(new DataSplits(Set((1, 0), (1, 0), (2, 1)), Set((3, 0), (3, 0), (2, 1)),
            Set((1, 1), (3, 0), (4, 0))));
        Assert.Equal(
            [
                new Duplicate("validation", "2#2", "train", "2#2", true),
                new Duplicate("test", "1#0", "train", "1#0", false),
                new Duplicate("test", "3#1", "validation", "3#0", true),
            ],
            found);
        // Two labels of one training image are found, too.
        found = Duplicates.Across(new DataSplits(Set((1, 0), (2, 0), (1, 1), (2, 0)), Set((3, 0)), Set((4, 0), (4, 1))));
        Assert.Equal([new Duplicate("train", "1#2", "train", "1#0", false)], found);
        Assert.Equal(1, Duplicates.Count(Set((1, 0), (2, 0), (1, 1))));
    }

    [Fact]
    public void The_duplicates_of_scene15_are_found()
    {
        string folder = SharedFiles.Require("data", "scene15", "train");
        ImageData data = ImageFolder.Load(Path.GetDirectoryName(folder)!, new ImageSourceOptions { ImageSize = 64 });
        // Without a cut: the shipped training part as it is.
        IReadOnlyList<Duplicate> found = Duplicates.Across(new DataSplits(data.Train, data.Test!.Subset([]), data.Test!));
        Assert.Equal(11, found.Count);
    }

    [Fact]
    public void Images_that_equal_an_earlier_one_are_left_out_of_the_later_part()
    {
        ImageSet all = SplitTests.Numbered(6, 6);
        ImageSet train = all.Subset([0, 1, 0, 6, 7]), validation = all.Subset([1, 2, 8]), test = all.Subset([2, 3, 7, 9, 9]);
        ImageData data = new ImageData("copies", train, validation, test).WithoutDuplicates();
        Assert.Equal(All(all.Subset([0, 1, 6, 7])), All(data.Train));
        Assert.Equal(All(all.Subset([2, 8])), All(data.Validation!));
        Assert.Equal(All(all.Subset([3, 9])), All(data.Test!));
        Assert.Contains("1 of the training part, 1 of the validation part, 3 of the test part", Assert.Single(data.Remarks));
        Assert.Same(data, data.WithoutDuplicates());

        static string[] All(ImageSet set) => [.. Enumerable.Range(0, set.Count).Select(i => Convert.ToHexString(set.Pixels(i)) + set.Labels[i])];
    }

    [Fact]
    public void Shares_of_test_and_validation_are_as_they_are_said()
    {
        var recipe = new Vision.Recipes.DataRecipe { TestFraction = 0.6, ValidationFraction = 0.25 };
        DataSplits splits = new ImageData("numbers", SplitTests.Numbered(40, 20)).Split(recipe.SplitFor(3));
        Assert.Equal([24, 12], splits.Test.ClassCounts());
        Assert.Equal([4, 2], splits.Validation.ClassCounts());
        Assert.Equal([12, 6], splits.Train.ClassCounts());
        // The test part is that of every seed.
        Assert.Equal(splits.Test.Pixels(0).ToArray(), new ImageData("numbers", SplitTests.Numbered(40, 20)).Split(recipe.SplitFor(4)).Test.Pixels(0).ToArray());
        Assert.Equal(new Vision.Recipes.DataRecipe().SplitFor(3).TestFraction, new SplitOptions().TestFraction);
    }
}
