using Polder.Vision.Data;

namespace Polder.Vision.Tests.Data;

public class SplitTests
{
    [Fact]
    public void A_split_is_stratified_disjoint_complete_and_a_function_of_the_seed()
    {
        ImageData data = new("made", Numbered(100, 50, 10));
        DataSplits splits = data.Split(new SplitOptions { Seed = 3, TestFraction = 0.2, ValidationFraction = 0.25 });
        Assert.Equal([20, 10, 2], splits.Test.ClassCounts());
        Assert.Equal([20, 10, 2], splits.Validation.ClassCounts());
        Assert.Equal([60, 30, 6], splits.Train.ClassCounts());
        string[] all = [.. Names(splits.Train), .. Names(splits.Validation), .. Names(splits.Test)];
        Assert.Equal(160, all.Distinct().Count());
        DataSplits again = data.Split(new SplitOptions { Seed = 3, TestFraction = 0.2, ValidationFraction = 0.25 });
        Assert.Equal(Names(splits.Train), Names(again.Train));
        Assert.Equal(Names(splits.Test), Names(again.Test));
        DataSplits other = data.Split(new SplitOptions { Seed = 4, TestFraction = 0.2, ValidationFraction = 0.25 });
        Assert.NotEqual(Names(splits.Test), Names(other.Test));
    }

    [Fact]
    public void A_fixed_test_seed_fixes_the_test_part_while_the_seed_varies_the_rest()
    {
        ImageData data = new("made", Numbered(100, 50));
        DataSplits first = data.Split(new SplitOptions { Seed = 1, TestSeed = 7, PerClass = 5 });
        DataSplits second = data.Split(new SplitOptions { Seed = 2, TestSeed = 7, PerClass = 5 });
        Assert.Equal(Names(first.Test), Names(second.Test));
        Assert.NotEqual(Names(first.Train), Names(second.Train));
        Assert.Equal([5, 5], first.Train.ClassCounts());
    }

    [Fact]
    public void Shipped_parts_are_taken_as_they_are_and_validation_is_cut_from_training()
    {
        ImageSet train = Numbered(10, 10), test = Numbered(3, 3), validation = Numbered(2, 2);
        DataSplits splits = new ImageData("made", train, Test: test).Split(new SplitOptions());
        Assert.Same(test, splits.Test);
        Assert.Equal([2, 2], splits.Validation.ClassCounts());
        Assert.Equal([8, 8], splits.Train.ClassCounts());
        DataSplits whole = new ImageData("made", train, validation, test).Split(new SplitOptions());
        Assert.Same(validation, whole.Validation);
        Assert.Equal(20, whole.Train.Count);
    }

    [Fact]
    public void Fewer_shots_of_a_seed_are_part_of_more()
    {
        ImageSet set = Numbered(30, 20, 4);
        string[] few = Names(set.PerClass(3, 8)), more = Names(set.PerClass(6, 8));
        Assert.Equal([3, 3, 3], set.PerClass(3, 8).ClassCounts());
        Assert.Equal([6, 6, 4], set.PerClass(6, 8).ClassCounts());
        Assert.Empty(few.Except(more));
        Assert.NotEqual(few, Names(set.PerClass(3, 9)));
        Assert.Equal([15, 10, 2], set.Fraction(0.5, 8).ClassCounts());
    }

    [Fact]
    public void Chosen_classes_are_labelled_anew()
    {
        ImageSet chosen = Numbered(2, 3, 4).OfClasses(2, 0);
        Assert.Equal(["c2", "c0"], chosen.Classes);
        Assert.Equal([4, 2], chosen.ClassCounts());
        Assert.Throws<ArgumentException>(() => Numbered(2, 3).OfClasses(1, 1));
        Assert.Throws<ArgumentException>(() => Numbered(2, 3).OfClasses(2));
    }

    [Fact]
    public void Every_image_is_equally_likely_to_be_cut()
    {
        ImageSet set = Numbered(10, 10);
        int[] chosen = new int[20];
        for (int seed = 0; seed < 2000; seed++)
            foreach (string name in Names(set.PerClass(3, seed)))
                chosen[int.Parse(name)]++;
        Assert.All(chosen, n => Assert.InRange(n, 600 - 105, 600 + 105)); // binomial, deviation 20.5
    }

    [Fact]
    public void What_cannot_be_split_names_the_class_or_the_option()
    {
        Assert.Contains("'c1'", Assert.Throws<DataException>(() => new ImageData("made", Numbered(9, 0)).Split(new SplitOptions())).Message);
        Assert.Contains("3 images", Assert.Throws<DataException>(() => new ImageData("made", Numbered(1, 1)).Split(new SplitOptions())).Message);
        Assert.Contains("TestFraction must be between 0 and 1, both excluded",
            Assert.Throws<ArgumentOutOfRangeException>(() => new SplitOptions { TestFraction = 1 }).Message);
        Assert.Contains("PerClass must be an integer of at least 1",
            Assert.Throws<ArgumentOutOfRangeException>(() => new SplitOptions { PerClass = 0 }).Message);
        Assert.Contains("Fraction must be a number above 0 and at most 1",
            Assert.Throws<ArgumentOutOfRangeException>(() => new SplitOptions { Fraction = double.NaN }).Message);
    }

    /// <summary>Images of one pixel, named by their number, in blocks of classes.</summary>
    internal static ImageSet Numbered(params int[] counts)
    {
        int[] labels = [.. counts.SelectMany((n, label) => Enumerable.Repeat(label, n))];
        return new ImageSet(
            [.. labels.Select((_, i) => new[] { (byte)i })], labels, [.. counts.Select((_, c) => $"c{c}")], 1, 1, 1,
            [.. labels.Select((_, i) => $"{i}")]);
    }

    internal static string[] Names(ImageSet set) => [.. Enumerable.Range(0, set.Count).Select(set.Origin)];
}
