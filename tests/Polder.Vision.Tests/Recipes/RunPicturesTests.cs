using Polder.Vision.Classifiers;
using Polder.Vision.Recipes;
using Polder.Vision.Training;
using Polder.Vision.Training.Metrics;
using SkiaSharp;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Recipes;

public sealed class RunPicturesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-pictures-").FullName;

    private string Run => Path.Combine(_folder, "run");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_run_keeps_what_was_said_of_each_image()
    {
        set_num_threads(1);
        using FineTuningResult result = new Recipe { Training = new TrainingOptions { Epochs = 2 } }.Run(Run);
        RunPredictions kept = RunFolder.Open(Run).Predictions!;
        Assert.Equal(result.Splits.Test.Classes, kept.Classes);
        ImagePredictions test = kept.Parts["test"], train = kept.Parts["train"];
        Assert.Equal(result.Splits.Test.Labels, test.Labels);
        Assert.Equal(result.Splits.Train.Labels, train.Labels);
        Assert.Equal(result.Test.Accuracy, Enumerable.Range(0, test.Count).Count(test.IsRight) / (double)test.Count, 1e-12);
        Assert.Equal(result.Test.Loss, test.Losses.Average(), 1e-5);
        for (int i = 0; i < test.Count; i++)
        {
            // Five classes: all are kept, the most probable first, and they are all there is.
            Assert.Equal([0, 1, 2, 3, 4], test.Classes[i].Order());
            Assert.Equal(test.Probabilities[i].OrderDescending(), test.Probabilities[i]);
            Assert.Equal(1, test.Probabilities[i].Sum(), 3e-5);
            if (test.Losses[i] < 6)
                Assert.Equal(Math.Exp(-test.Losses[i]), test.Probabilities[i][test.Classes[i].ToList().IndexOf(test.Labels[i])], 2e-5);
        }
        // The built-in images are found again without their splits at hand, and are the same.
        Assert.Equal(new RunPictures(RunFolder.Open(Run), result.Splits).DataUri("test", 7), new RunPictures(RunFolder.Open(Run)).DataUri("test", 7));
    }

    [Fact]
    public void What_a_fitted_head_says_of_the_training_images_is_what_the_network_says()
    {
        set_num_threads(1);
        var training = new TrainingOptions { Epochs = 0, HeadSolver = HeadSolver.Lbfgs, FreezeBody = true };
        using FineTuningResult result = new Recipe { Training = training }.Run(Run);
        ImagePredictions kept = RunFolder.Open(Run).Predictions!.Parts["train"], asked = result.Classifier.Judge(result.Splits.Train).Predictions;
        Assert.Equal(asked.Labels, kept.Labels);
        Assert.Equal(asked.Classes.Select(c => c[0]), kept.Classes.Select(c => c[0]));
        Assert.All(asked.Losses.Zip(kept.Losses), losses => Assert.Equal(losses.First, losses.Second, 2e-5));
    }

    [Fact]
    public void A_picture_is_found_by_name_and_content_and_one_that_was_changed_is_not_shown()
    {
        set_num_threads(1);
        string data = Path.Combine(_folder, "data");
        for (int i = 0; i < 20; i++)
        {
            string file = Path.Combine(data, i % 2 == 0 ? "dark" : "light", $"{i}.png");
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            Paint(file, (byte)(i % 2 == 0 ? i : 255 - i));
        }
        var recipe = new Recipe
        {
            Data = new DataRecipe { Source = data },
            Start = new StartRecipe { Architecture = "resnet20", ImageSize = 32 },
            Training = new TrainingOptions { Epochs = 1, BatchSize = 8 },
        };
        using FineTuningResult result = recipe.Run(Run);
        RunFolder run = RunFolder.Open(Run);
        RunPart train = run.Images!.Parts["train"];
        string? atHand = new RunPictures(run, result.Splits).DataUri("train", 0), fromDisk = new RunPictures(run).DataUri("train", 0);
        Assert.StartsWith("data:image/png;base64,", atHand, StringComparison.Ordinal);
        Assert.Equal(atHand, fromDisk);
        using (SKBitmap shown = SKBitmap.Decode(Convert.FromBase64String(fromDisk!["data:image/png;base64,".Length..])))
        {
            Assert.Equal((32, 32), (shown.Width, shown.Height));
            byte gray = result.Splits.Train.Pixels(0)[0];
            Assert.Equal(new SKColor(gray, gray, gray), shown.GetPixel(5, 5));
        }

        Paint(Path.Combine(data, train.Names[0]), 99);
        File.Delete(Path.Combine(data, train.Names[1]));
        var later = new RunPictures(RunFolder.Open(Run));
        Assert.Null(later.DataUri("train", 0));
        Assert.Null(later.DataUri("train", 1));
        Assert.NotNull(later.DataUri("train", 2));
    }

    private static void Paint(string file, byte gray)
    {
        using var bitmap = new SKBitmap(40, 40);
        bitmap.Erase(new SKColor(gray, gray, gray));
        using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(file, png.ToArray());
    }
}
