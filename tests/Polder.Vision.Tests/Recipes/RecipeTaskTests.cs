using Polder.Checkpoints;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Recipes;
using Polder.Vision.Tests.Data;
using Polder.Vision.Training;

namespace Polder.Vision.Tests.Recipes;

/// <summary>A recipe that is opened: what it refuses first, and the classes of a run that goes on.</summary>
public sealed class RecipeTaskTests : IDisposable
{
    private const int Side = 8;

    private readonly TemporaryFolder _folder = new();

    private string Photos => Path.Combine(_folder.Path, "photos");

    public void Dispose() => _folder.Dispose();

    private Recipe Recipe(ImageFit? fit = null) => new()
    {
        Data = new DataRecipe { Source = Photos },
        Start = new StartRecipe { Architecture = "resnet20", ImageSize = Side, Fit = fit },
        Method = MethodChoice.Create("base"),
        Training = new TrainingOptions { Epochs = 1, BatchSize = 32 },
    };

    [Fact]
    public void Weights_that_do_not_fit_are_refused_before_an_image_is_decoded()
    {
        _folder.Image("photos/a/1.png");
        _folder.Image("photos/b/1.png");
        _folder.File("photos/b/2.png", "no image"u8.ToArray());
        Assert.Throws<ImageDecodingException>(() => Recipe().Open());
        string weights = Path.Combine(_folder.Path, "resnet32.safetensors");
        using (var other = new TrainedClassifier(Architectures.Get("resnet32").Build(2, 0), "resnet32", Side, Normalization.ImageNet, ["a", "b"]))
            Safetensors.Write(weights, other.Network.state_dict().Select(entry => (entry.Key, entry.Value)));
        Recipe recipe = Recipe();
        var refused = Assert.Throws<DataException>(() => (recipe with { Start = recipe.Start with { Weights = weights } }).Open());
        Assert.Contains("does not fit the architecture resnet20", refused.Message);
    }

    [Fact]
    public void Gray_images_train_a_network_of_color_images_as_three_equal_planes()
    {
        byte[][] gray = [.. Enumerable.Range(0, 30).Select(i => Enumerable.Range(0,
            Side * Side).Select(p => (byte)((i % 2 * 120) + (p * i * 7 % 90))).ToArray())];
        ImageSet Set(int channels) => new(
            [.. gray.Select(plane => Enumerable.Repeat(plane, channels).SelectMany(p => p).ToArray())], [.. Enumerable.Range(0, 30).Select(i => i % 2)],
            ["a", "b"], channels, Side, Side);
        float[][] heads = [.. new[] { 1, 3 }.Select(channels =>
        {
            using RecipeTask task = Recipe().Open(new ImageData("planes", Set(channels)), cancellation: TestContext.Current.CancellationToken);
            using FineTuningStart start = task.Prepare(0);
            using FineTuningResult result = new FineTuning(task.Recipe, start).Run();
            return result.Classifier.Network.Head.weight!.data<float>().ToArray();
        })];
        Assert.Equal(heads[1], heads[0]);
        Recipe digits = Recipe() with { Start = new() { Architecture = "digits-cnn", ImageSize = Side } };
        Assert.Contains("3 channel(s)", Assert.Throws<DataException>(() => digits.Open(new ImageData("colors", Set(3)))).Message);
    }

    [Fact]
    public void A_run_that_had_its_classes_in_another_order_goes_on_in_that_order()
    {
        for (int i = 0; i < 36; i++)
            _folder.Image($"photos/{i % 12}/{i}.png", rgb: 0x010203u * (uint)i);
        string path = Path.Combine(_folder.Path, "run");
        using (FineTuningResult result = Recipe().Run(path, cancellation: TestContext.Current.CancellationToken))
            Assert.Equal("2", result.Classifier.Classes[2]);
        RunFolder run = RunFolder.Open(path);
        using (RecipeTask same = Recipe().Open(cancellation: TestContext.Current.CancellationToken))
            Assert.False(same.FollowOrder(run));
        // As versions wrote it that sorted names as letters, and kept no images.
        string[] letters = [.. Enumerable.Range(0, 12).Select(c => $"{c}").Order(StringComparer.Ordinal)];
        using (var old = new TrainedClassifier(Architectures.Get("resnet20").Build(12, 0), "resnet20", Side, Normalization.ImageNet, letters))
            old.Save(run.Best);
        File.Delete(run.ImagesFile);
        using RecipeTask task = Recipe().Open(cancellation: TestContext.Current.CancellationToken);
        Assert.True(task.FollowOrder(RunFolder.Open(path)));
        using FineTuningStart start = task.Prepare(0);
        Assert.Equal(letters, start.Splits.Train.Classes);
        Assert.All(Enumerable.Range(0, start.Splits.Train.Count),
            i => Assert.Equal(letters[start.Splits.Train.Labels[i]], Path.GetFileName(Path.GetDirectoryName(start.Splits.Train.Origin(i)))));
        // With a class fewer it is not the same training.
        Directory.Delete(Path.Combine(Photos, "11"), recursive: true);
        using RecipeTask fewer = Recipe().Open(cancellation: TestContext.Current.CancellationToken);
        Assert.Contains("other classes than the run", Assert.Throws<DataException>(() => fewer.FollowOrder(run)).Message);
    }

    [Fact]
    public void What_stands_at_the_side_of_a_picture_is_learnt_where_all_of_it_is_seen()
    {
        // The class is the color of the left third; the centre square is the same in all.
        for (int i = 0; i < 40; i++)
        {
            var side = i % 2 == 0 ? SkiaSharp.SKColors.Red : SkiaSharp.SKColors.Blue;
            var rest = new SkiaSharp.SKColor((byte)(5 * i), 128, 64);
            _folder.File($"photos/{(i % 2 == 0 ? "red" : "blue")}/{i}.png", TemporaryFolder.Encode(48, 16, (x, _) => x < 16 ? side : rest));
        }
        foreach (ImageFit fit in (ImageFit[])[ImageFit.Letterbox, ImageFit.Stretch])
        {
            Recipe recipe = Recipe(fit) with { Training = new TrainingOptions { Epochs = 20, BatchSize = 8, LearningRate = 0.02 } };
            recipe = recipe with { Start = recipe.Start with { ImageSize = 24 } };
            string path = Path.Combine(_folder.Path, $"{fit}");
            using FineTuningResult result = recipe.Run(path, cancellation: TestContext.Current.CancellationToken);
            Assert.Equal((1, fit), (result.Test.Accuracy, result.Classifier.Fit));
            // The weights alone say how they are to be fed.
            using TrainedClassifier opened = TrainedClassifier.Open(path);
            Assert.All(opened.Predict(Predictor.Files([Path.Combine(Photos, "red")])), p => Assert.Equal("red", p.Top[0].Class));
        }
    }
}
