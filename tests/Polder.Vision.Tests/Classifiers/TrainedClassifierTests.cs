using Polder.Checkpoints;
using Polder.Objectives;
using Polder.Settings;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Recipes;
using Polder.Vision.Tests.Data;
using Polder.Vision.Training;
using Polder.Vision.Training.Metrics;
using TorchSharp;

namespace Polder.Vision.Tests.Classifiers;

public sealed class TrainedClassifierTests : IDisposable
{
    private static readonly string[] Classes = ["five", "\"six\", ü", "seven"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_saved_is_opened_again()
    {
        string path = Path.Combine(_folder.Path, "model.safetensors");
        using TrainedClassifier written = Classifier();
        written.Save(path, new Dictionary<string, string> { ["classes"] = "not these", ["note"] = "kept" });
        using TrainedClassifier read = TrainedClassifier.Open(path);
        Assert.Equal((written.Architecture, written.ImageSize, path), (read.Architecture, read.ImageSize, read.Source));
        Assert.Equal(Classes, read.Classes);
        Assert.Equal(written.Normalization.Mean, read.Normalization.Mean);
        Assert.Equal(written.Normalization.StandardDeviation, read.Normalization.StandardDeviation);
        Assert.False(read.Network.training);
        Assert.True(read.Load!.IsComplete);
        foreach (var (a, b) in written.Network.parameters().Zip(read.Network.parameters()))
            Assert.True(a.equal(b).all().ToBoolean());
        using Checkpoint checkpoint = Checkpoint.Load(path);
        Assert.Equal("kept", checkpoint.Metadata["note"]);
    }

    [Fact]
    public void Another_architecture_is_refused_and_another_size_is_not()
    {
        string path = Path.Combine(_folder.Path, "model.safetensors");
        using (TrainedClassifier written = Classifier())
            written.Save(path);
        var thrown = Assert.Throws<SettingException>(() => TrainedClassifier.Open(path, "resnet20"));
        Assert.Equal($"arch: found resnet20, allowed: digits-cnn, which {path} names", thrown.Message);
        Assert.Equal($"--arch: found resnet20, allowed: digits-cnn, which {path} names", thrown.Describe(name => "--" + name));
        using TrainedClassifier large = TrainedClassifier.Open(path, imageSize: 16);
        Assert.Equal(16, large.ImageSize);
    }

    [Fact]
    public void Its_names_are_as_many_as_its_classes()
    {
        using ImageClassifier network = Architectures.Get("digits-cnn").Build(4, 0);
        Assert.Contains("3 class names for a network of 4 classes", Assert.Throws<ArgumentException>(
            () => new TrainedClassifier(network, "digits-cnn", 8, Normalization.ImageNetGray, Classes)).Message);
    }

    [Fact]
    public void Its_cross_entropy_is_that_of_the_evaluation()
    {
        using TrainedClassifier classifier = Classifier();
        ImageSet images = Images(classifier);
        EmpiricalLoss loss = classifier.CrossEntropy(images, batchSize: 5);
        Assert.Equal(classifier.Evaluate(images).Loss, loss.Value(TestContext.Current.CancellationToken), 1e-6);
        Assert.Equal(classifier.Measure(images, batchSize: 4).Loss, loss.Value(TestContext.Current.CancellationToken), 1e-6);
        Assert.Equal(classifier.Network.parameters().Sum(p => p.numel()), loss.Space.Dimension);
    }

    [Fact]
    public void What_a_run_did_not_train_is_not_measured()
    {
        // A head alone, and a body without its first layers: the run says so, and its classifier requires no gradient there.
        foreach (TrainingOptions training in (TrainingOptions[])
            [new() { FreezeBody = true, Epochs = 1, LearningRate = 0.1 }, new() { Freeze = ["conv1.*", "bn1.*"], Epochs = 1, LearningRate = 0.1 }])
        {
            string path = Path.Combine(_folder.Path, Guid.NewGuid().ToString("N"));
            using FineTuningResult result = new Recipe { Training = training }.Run(path, cancellation: TestContext.Current.CancellationToken);
            string[] trained = Trained(result.Classifier);
            Assert.NotEmpty(trained);
            Assert.True(trained.Length < result.Classifier.Network.parameters().Count());
            using TrainedClassifier opened = TrainedClassifier.Open(path);
            Assert.Equal(trained, Trained(opened));
            Assert.Equal(result.Test.Accuracy, opened.Evaluate(result.Splits.Test).Accuracy);
        }

        static string[] Trained(TrainedClassifier classifier) =>
            [.. classifier.Network.named_parameters().Where(p => p.parameter.requires_grad).Select(p => p.name)];
    }

    [Fact]
    public void Other_classes_are_refused_by_name_or_number()
    {
        using TrainedClassifier classifier = Classifier();
        classifier.RequireClasses("photos", Classes);
        Assert.Contains("photos: has the classes a, b, c", Assert.Throws<DataException>(() => classifier.RequireClasses("photos", ["a", "b", "c"])).Message);
        using var numbered = new TrainedClassifier(Architectures.Get("digits-cnn").Build(3, 0), "digits-cnn", 8, Normalization.ImageNetGray,
            ["0", "1", "2"])
        { NamesClasses = false };
        numbered.RequireClasses("photos", ["a", "b", "c"]);
        Assert.Contains("has 2 classes, allowed: 3", Assert.Throws<DataException>(() => numbered.RequireClasses("photos", ["a", "b"])).Message);
    }

    [Fact]
    public void Images_are_judged_by_the_names_of_their_classes_whatever_their_order()
    {
        using TrainedClassifier classifier = Classifier();
        ImageSet images = Images(classifier);
        ClassificationMetrics metrics = classifier.Measure(images);
        var turned = new ImageData("photos", images.OfClasses(2, 0, 1));
        Assert.Equal(["seven", "five", "\"six\", ü"], turned.Classes);
        ImageData matched = classifier.Matched(turned);
        Assert.Equal(classifier.Classes, matched.Classes);
        Assert.Equal(metrics.Confusion.ToRows(), classifier.Measure(matched.Train).Confusion.ToRows());
        Assert.Contains("in another order", Assert.Throws<DataException>(() => classifier.RequireClasses("photos", turned.Classes)).Message);
        Assert.Throws<DataException>(() => classifier.Matched(new ImageData("photos", images.Renamed(["five", "six", "seven"]))));
    }

    [Fact]
    public void The_head_is_kept_where_names_and_order_agree_reordered_where_only_the_order_differs_and_else_new()
    {
        string path = Path.Combine(_folder.Path, "grades.safetensors");
        using (var written = new TrainedClassifier(Architectures.Get("resnet20").Build(3, 5), "resnet20", 32, Normalization.ImageNet, ["a", "b", "c"]))
            written.Save(path);
        foreach ((string[] names, bool isNew, bool isReordered, int[]? rows) in ((string[], bool, bool, int[]?)[])
            [(["a", "b", "c"], false, false, [0, 1, 2]), (["c", "a", "b"], false, true, [2, 0, 1]), (["xa", "xb", "xc"], true, false, null),
                (["a", "b", "d"], true, false, null)])
        {
            var data = new ImageData("photos", new ImageSet(
                [.. Enumerable.Range(0, 15).Select(i => new byte[3 * 32 * 32])], [.. Enumerable.Range(0, 15).Select(i => i / 5)], names, 3, 32, 32));
            using RecipeTask task = new Recipe { Data = new DataRecipe { Source = "photos" }, Start = new StartRecipe { Weights = path } }.Open(data);
            using FineTuningStart start = task.Prepare(0);
            Assert.Equal((isNew, isReordered), (start.Classifier.HasNewHead, start.Classifier.HasReorderedHead));
            using TrainedClassifier source = TrainedClassifier.Open(path);
            using torch.Tensor old = source.Network.Head.weight!.index_select(0, torch.tensor((rows ?? [0, 1, 2]).Select(r => (long)r).ToArray()));
            Assert.Equal(rows is not null, old.equal(start.Classifier.Network.Head.weight!).all().ToBoolean());
        }
    }

    [Theory]
    [InlineData("model.", false)]
    [InlineData("encoder_q.", false)]
    [InlineData("student.", true)]
    public void A_network_is_found_under_its_prefix_beside_other_tensors(string prefix, bool twice)
    {
        string path = Path.Combine(_folder.Path, "foreign.safetensors");
        using TrainedClassifier written = Classifier();
        using torch.Tensor other = torch.ones(3);
        var tensors = written.Network.state_dict().Select(t => (prefix + t.Key, t.Value)).Append(("criterion.weight", other));
        if (twice)
            tensors = tensors.Concat(written.Network.state_dict().Select(t => ("teacher." + t.Key, t.Value)));
        Safetensors.Write(path, tensors);
        if (twice)
            Assert.Contains("several networks, so say which (key-prefix): student., teacher.",
                Assert.Throws<DataException>(() => TrainedClassifier.Open(path, "digits-cnn")).Message);
        using TrainedClassifier read = TrainedClassifier.Open(path, "digits-cnn", keyPrefix: twice ? prefix : null);
        Assert.Equal(prefix, read.Load!.Prefix);
        Assert.Contains("criterion.weight", read.Load.LeftOut);
        foreach (var (a, b) in written.Network.parameters().Zip(read.Network.parameters()))
            Assert.True(a.equal(b).all().ToBoolean());
    }

    [Fact]
    public void A_normalization_that_is_given_stands_before_that_of_the_weights()
    {
        string path = Path.Combine(_folder.Path, "model.safetensors");
        using (TrainedClassifier written = Classifier())
            written.Save(path);
        using TrainedClassifier own = TrainedClassifier.Open(path), other = TrainedClassifier.Open(path, normalization: Normalization.Parse("0.5/0.25"));
        Assert.Equal(new Normalization([0.25f], [0.3f]), own.Normalization);
        Assert.Equal(new Normalization([0.5f], [0.25f]), other.Normalization);
        Assert.Equal(own.Normalization, other.OwnNormalization);
        Assert.Equal("0.5/0.25", other.Normalization.ToString());
        Assert.Contains("takes gray images",
            Assert.Throws<SettingException>(() => TrainedClassifier.Open(path, normalization: Normalization.Parse("0.5,0.5,0.5/1,1,1"))).Message);
        using TrainedClassifier gray = TrainedClassifier.Open(path, normalization: Normalization.ImageNet);
        Assert.Equal([0.449f], gray.Normalization.Mean);
        foreach (string wrong in (string[])["", "0.5", "0.5/0", "0.5,0.5/1,1", "0.5/1/1", "a/b", "0.5,0.5,0.5/1", "NaN/1"])
            Assert.Null(Normalization.Parse(wrong));
        Assert.Equal(new Normalization([0], [1]), Normalization.Parse("none"));
    }

    private static TrainedClassifier Classifier() =>
        new(Architectures.Get("digits-cnn").Build(3, 1), "digits-cnn", 8, new Normalization([0.25f], [0.3f]), Classes);

    private static ImageSet Images(TrainedClassifier classifier)
    {
        ImageSet digits = Digits.Upper().Train;
        int[] chosen = [.. Enumerable.Range(0, digits.Count).Where(i => digits.Labels[i] < 3).Take(13)];
        return new ImageSet([.. chosen.Select(i => digits.Pixels(i).ToArray())], [.. chosen.Select(i => digits.Labels[i])], classifier.Classes, 1, 8, 8);
    }
}
