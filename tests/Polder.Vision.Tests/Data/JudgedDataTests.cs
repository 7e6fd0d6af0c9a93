using System.Text;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training.Metrics;

namespace Polder.Vision.Tests.Data;

/// <summary>What is judged needs less than what is trained on: a part of the classes, one of them, a test part alone.</summary>
public sealed class JudgedDataTests : IDisposable
{
    private static readonly ImageSourceOptions Small = new() { ImageSize = 8 }, ToJudge = Small with { ToJudge = true };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private void Images(params string[] paths)
    {
        foreach (string path in paths)
            _folder.Image(path, rgb: (uint)path.GetHashCode(StringComparison.Ordinal) & 0xFFFFFF);
    }

    private ImageData Load(ImageSourceOptions? options = null) => ImageFolder.Load(_folder.Path, options ?? ToJudge);

    [Theory]
    [InlineData("test")]
    [InlineData("Testing")]
    [InlineData("eval")]
    public void A_test_part_alone_will_do(string name)
    {
        Images($"{name}/a/1.png", $"{name}/b/1.png", $"{name}/b/2.png");
        ImageData data = Load();
        Assert.Equal(["a", "b"], data.Classes);
        Assert.Equal((0, null, 3), (data.Train.Count, data.Validation, data.Test!.Count));
        Assert.Equal((3, 3), (data.Part("test", new SplitOptions()).Count, data.All.Count));
        string refusal = Assert.Throws<DataException>(() => data.Part("train", new SplitOptions())).Message;
        Assert.EndsWith("has no train images: it has a test part alone", refusal);
        Assert.Throws<DataException>(() => data.Part("validation", new SplitOptions()));
        Assert.Contains("no train/", Assert.Throws<DataException>(() => Load(Small)).Message);
    }

    [Fact]
    public void One_class_will_do_and_an_empty_one_is_absent()
    {
        Images("b/1.png", "b/2.png");
        Assert.Contains("one class only", Assert.Throws<DataException>(() => Load(Small)).Message);
        Assert.Equal(["b"], Load().Classes);
        _folder.Folder("c");
        Assert.Contains("has no image", Assert.Throws<DataException>(() => Load(Small)).Message);
        Assert.Equal([2, 0], Load().All.ClassCounts());
        Directory.Delete(Path.Combine(_folder.Path, "b"), recursive: true);
        Assert.Contains("holds no image", Assert.Throws<DataException>(() => Load()).Message);
    }

    [Fact]
    public void A_part_may_have_classes_that_the_training_part_lacks()
    {
        Images("train/a/1.png", "train/b/1.png", "test/c/1.png");
        Assert.Contains("the training part lacks", Assert.Throws<DataException>(() => Load(Small)).Message);
        Assert.Equal(["a", "b", "c"], Load().Classes);
    }

    [Fact]
    public void A_list_may_have_test_images_alone()
    {
        Images("1.png", "2.png");
        string list = _folder.File("list.csv", Encoding.UTF8.GetBytes("path,label,split\n1.png,b,tst\n2.png,a,test_set\n"));
        Assert.Contains("for training", Assert.Throws<DataException>(() => ImageList.Load(list, Small)).Message);
        ImageData data = ImageList.Load(list, ToJudge);
        Assert.Equal(["a", "b"], data.Classes);
        Assert.Equal([1, 0], data.Part("test", new SplitOptions()).Labels);
        _folder.File("list.csv", Encoding.UTF8.GetBytes("path,label,split\n1.png,b,holdout\n"));
        Assert.Contains("line 2: split is 'holdout', which may be", Assert.Throws<DataException>(() => ImageList.Load(list, ToJudge)).Message);
    }

    [Fact]
    public void A_small_part_of_the_classes_is_judged_as_those_images_are()
    {
        using TrainedClassifier classifier = Classifier("a", "b", "c");
        Images("c/1.png", "c/2.png", "c/3.png", "a/1.png", "a/2.png");
        ImageData matched = classifier.Matched(Load());
        Assert.Equal(["a", "b", "c"], matched.Classes);
        Assert.Equal([0, 0, 2, 2, 2], matched.All.Labels);
        ClassificationMetrics metrics = classifier.Measure(matched.All);
        Assert.Equal([2, 0, 3], Enumerable.Range(0, 3).Select(c => (int)metrics.Confusion.ToRows()[c].Sum()));
        // As the images by themselves say.
        string[] said = [.. classifier.Predict([.. Enumerable.Range(0, 5).Select(matched.All.Origin)]).Select(p => p.Top[0].Class)];
        Assert.Equal(said.Where((name, i) => name == matched.Classes[matched.All.Labels[i]]).Count() / 5.0, metrics.Accuracy);
        // A cut of a part that has not every class.
        Assert.Equal(1, matched.Part("validation", new SplitOptions()).ClassCounts()[2]);
        Images("d/1.png");
        string refusal = Assert.Throws<DataException>(() => classifier.Matched(Load())).Message;
        Assert.Contains("has the classes d, allowed", refusal);
    }

    [Fact]
    public void What_a_run_did_not_know_is_left_out_and_counted()
    {
        Images("train/a/1.png", "train/d/1.png", "train/d/2.png", "test/d/1.png", "test/b/1.png");
        ImageData known = Load().KnownAmong(["c", "b", "a"]);
        Assert.Equal(["c", "b", "a"], known.Classes);
        Assert.Equal([2], known.Train.Labels);
        Assert.Equal([1], known.Test!.Labels);
        Assert.Contains(known.Warnings, warning => warning.EndsWith("3 image(s) of d, which the run did not know, are left out", StringComparison.Ordinal));
        Assert.Empty(Load().KnownAmong(["d", "b", "a"]).Warnings);
    }

    [Fact]
    public void How_pictures_become_square_goes_with_the_weights()
    {
        string picture = _folder.File("wide.png", TemporaryFolder.Encode(24, 8, (x, _) => x < 8 ? SkiaSharp.SKColors.Red : SkiaSharp.SKColors.Blue));
        string file = Path.Combine(_folder.Path, "weights.safetensors");
        using (TrainedClassifier made = Classifier("a", "b"))
            made.Save(file);
        var probabilities = new Dictionary<ImageFit, double>();
        foreach (ImageFit fit in Enum.GetValues<ImageFit>())
        {
            using TrainedClassifier opened = TrainedClassifier.Open(file, fit: fit);
            string again = Path.Combine(_folder.Path, $"{fit}.safetensors");
            opened.Save(again);
            using TrainedClassifier reopened = TrainedClassifier.Open(again);
            Assert.Equal(fit, reopened.Fit);
            ClassProbability[] top = [.. reopened.Predict([picture]).Single().Top];
            // What is predicted is what is judged.
            ImageSet set = ImageList.Load(_folder.File("list.csv", "path,label\nwide.png,a\n"u8.ToArray()), new ImageSourceOptions
            {
                ImageSize = reopened.ImageSize,
                Fit = fit,
                ToJudge = true,
            }).KnownAmong(["a", "b"]).Train;
            Assert.Equal(-Math.Log(top.Single(t => t.Class == "a").Probability), reopened.Measure(set).Loss, 6);
            probabilities[fit] = top.Single(t => t.Class == "a").Probability;
        }
        Assert.Equal(3, probabilities.Values.Distinct().Count());
    }

    [Theory]
    [InlineData("7")]
    [InlineData("1")]
    [InlineData("pad")]
    public void Weights_that_say_another_fit_are_damaged(string fit)
    {
        string file = Path.Combine(_folder.Path, "weights.safetensors");
        using TrainedClassifier made = Classifier("a", "b");
        Dictionary<string, string> entries = made.Metadata.ToEntries();
        entries["fit"] = fit;
        Assert.Contains($"fit is '{fit}'", Assert.Throws<DataException>(() => ClassifierMetadata.Of(file, entries)).Message);
    }

    private static TrainedClassifier Classifier(params string[] classes)
    {
        Architecture architecture = Architectures.Get("resnet20");
        return new(architecture.Build(classes.Length, 3), architecture.Name, 8, architecture.Normalization, classes);
    }
}
