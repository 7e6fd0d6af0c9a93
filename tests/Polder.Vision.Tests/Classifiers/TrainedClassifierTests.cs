using Polder.Checkpoints;
using Polder.Objectives;
using Polder.Settings;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Recipes;
using Polder.Vision.Tests.Data;
using Polder.Vision.Training;
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

    private static TrainedClassifier Classifier() =>
        new(Architectures.Get("digits-cnn").Build(3, 1), "digits-cnn", 8, new Normalization([0.25f], [0.3f]), Classes);

    private static ImageSet Images(TrainedClassifier classifier)
    {
        ImageSet digits = Digits.Upper().Train;
        int[] chosen = [.. Enumerable.Range(0, digits.Count).Where(i => digits.Labels[i] < 3).Take(13)];
        return new ImageSet([.. chosen.Select(i => digits.Pixels(i).ToArray())], [.. chosen.Select(i => digits.Labels[i])], classifier.Classes, 1, 8, 8);
    }
}
