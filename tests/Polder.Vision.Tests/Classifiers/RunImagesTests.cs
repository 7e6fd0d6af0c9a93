using System.Text;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Recipes;
using Polder.Vision.Tests.Data;
using Polder.Vision.Training;

namespace Polder.Vision.Tests.Classifiers;

/// <summary>What a run keeps of its images, and how they are found again.</summary>
public sealed class RunImagesTests : IDisposable
{
    private const int Side = 8;

    private readonly TemporaryFolder _folder = new();

    private string Photos => Path.Combine(_folder.Path, "photos");

    public void Dispose() => _folder.Dispose();

    private void Write()
    {
        for (int i = 0; i < 30; i++)
            _folder.Image($"photos/{(i % 2 == 0 ? "cat" : "dog")}/{i:00}.png", rgb: 0x010305u * (uint)(i + 1));
    }

    private Recipe Recipe(DataRecipe? data = null) => new()
    {
        Data = (data ?? new DataRecipe()) with { Source = Photos },
        Start = new StartRecipe { Architecture = "resnet20", ImageSize = Side },
        Method = MethodChoice.Create("base"),
        Training = new TrainingOptions { Epochs = 1, BatchSize = 32 },
    };

    private (RunFolder Run, DataSplits Splits) Train(DataRecipe? data = null)
    {
        Write();
        string folder = Path.Combine(_folder.Path, "run");
        using FineTuningResult result = Recipe(data).Run(folder, cancellation: TestContext.Current.CancellationToken);
        return (RunFolder.Open(folder), result.Splits);
    }

    private FoundImages Find(RunFolder run) =>
        run.Images!.In(
            new DataRecipe { Source = Photos }.Open(new ImageSourceOptions { ImageSize = Side }, cancellation: TestContext.Current.CancellationToken), Photos);

    private static void AssertSame(ImageSet expected, ImageSet found)
    {
        Assert.Equal(expected.Labels, found.Labels);
        for (int i = 0; i < expected.Count; i++)
            Assert.True(expected.Pixels(i).SequenceEqual(found.Pixels(i)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void All_images_are_in_their_parts_and_orders_again(bool study)
    {
        (RunFolder run, DataSplits splits) = Train(study ? new DataRecipe { PerClass = 4, LabelNoise = 0.5 } : null);
        FoundImages found = Find(run);
        Assert.Equal((30, 30, 0), (found.Count, found.Known, found.Changes.Count));
        foreach (string part in (string[])["train", "validation", "test"])
            AssertSame(splits.Part(part), found.Splits.Part(part));
        Assert.Equal(study ? 30 - 8 - splits.Validation.Count - splits.Test.Count : 0, run.Images!.Parts["unused"].Names.Count);
        Assert.Equal((Photos, Side), (run.Images.Place, run.Images.ImageSize));
    }

    [Fact]
    public void Every_change_is_named_and_no_other_image_takes_a_place()
    {
        (RunFolder run, DataSplits splits) = Train();
        IReadOnlyList<string> names = run.Images!.Parts["train"].Names;
        string File(int index) => Path.Combine(Photos, names[index]);
        System.IO.File.Delete(File(0));
        System.IO.File.Move(File(1), File(1) + "-moved.png");
        _folder.Image(File(2), rgb: 0xFEDCBA);
        string other = names[3].StartsWith("cat", StringComparison.Ordinal) ? names[3].Replace("cat", "dog") : names[3].Replace("dog", "cat");
        System.IO.File.Move(File(3), Path.Combine(Photos, other));
        _folder.Image(Path.Combine(Photos, "cat", "aa.png"), rgb: 0xABCDEF);
        // A copy of a test image under another name is no image of the run.
        string test = run.Images.Parts["test"].Names[0];
        System.IO.File.Copy(Path.Combine(Photos, test), Path.Combine(Photos, "cat", "copy.png"));

        FoundImages found = Find(run);
        Assert.Equal((28, 30), (found.Count, found.Known));
        Assert.Equal(
            [
                "2 image(s) were added since the run and are in none of its parts: cat/aa.png, cat/copy.png",
                $"1 image(s) were renamed since the run and are in their parts: {names[1]} (now {names[1]}-moved.png)",
                $"1 image(s) are in another class than in the run: {names[3]} ({names[3][..3]}, now {other[..3]})",
                $"1 image(s) were changed since the run and are in none of its parts: {names[2]}",
                $"1 image(s) were removed since the run: {names[0]}",
            ],
            found.Lines);
        Assert.Equal(splits.Train.Count - 2, found.Splits.Train.Count);
        AssertSame(splits.Test, found.Splits.Test);
        AssertSame(splits.Validation, found.Splits.Validation);
        Assert.Equal("test", run.Images.PartOfFile(Path.Combine(Photos, "cat", "copy.png")));
        Assert.Null(run.Images.PartOfFile(Path.Combine(Photos, "cat", "aa.png")));
        Assert.Null(run.Images.PartOfFile(Path.Combine(Photos, "none.png")));

        string refusal = Assert.Throws<DataException>(() => Recipe().Resume(run, cancellation: TestContext.Current.CancellationToken)).Message;
        Assert.Contains("3 training or validation image(s) of the run were removed or changed", refusal);
        Assert.Contains(names[0], refusal);
    }

    [Fact]
    public void Images_without_files_are_known_by_their_pixels()
    {
        ImageData digits = Digits.Load();
        DataSplits splits = digits.Split(new SplitOptions { PerClass = 5 });
        string folder = Path.Combine(_folder.Path, "digits");
        using FineTuningResult result = new Recipe
        {
            Start = new StartRecipe { Architecture = "digits-cnn" },
            Data = new DataRecipe { PerClass = 5 },
            Method = MethodChoice.Create("base"),
            Training = new TrainingOptions { Epochs = 1 },
        }.Run(folder, cancellation: TestContext.Current.CancellationToken);
        FoundImages found = RunFolder.Open(folder).Images!.In(digits, "digits");
        Assert.Empty(found.Changes);
        foreach (string part in (string[])["train", "validation", "test"])
            AssertSame(splits.Part(part), found.Splits.Part(part));
    }

    [Fact]
    public void Fifty_thousand_images_are_kept_in_two_megabytes()
    {
        Write();
        (RunFolder run, _) = Train();
        byte[] hash = new byte[12];
        var random = new Random(1);
        int[] labels = new int[50_000];
        string[] hashes = [.. labels.Select(_ =>
        {
            random.NextBytes(hash);
            return Convert.ToBase64String(hash);
        })];
        var part = new RunPart([.. labels.Select((_, i) => $"train/n{i % 100:00000000}/ILSVRC_{i * 7919L % 1_000_003:00000000}.JPEG")], hashes, labels);
        var images = run.Images! with { Parts = new Dictionary<string, RunPart> { ["train"] = part } };
        string file = Path.Combine(_folder.Path, "large.json.gz");
        images.Write(file);
        Assert.InRange(new FileInfo(file).Length, 600_000, 2_000_000);
        RunImages read = RunImages.Read(file);
        Assert.Equal(part.Names, read.Parts["train"].Names);
        Assert.Equal(part.Hashes, read.Parts["train"].Hashes);
        File.WriteAllBytes(file, Encoding.UTF8.GetBytes("{}"));
        Assert.Contains("does not say the images of a run", Assert.Throws<DataException>(() => RunImages.Read(file)).Message);
    }

    [Fact]
    public void A_run_is_held_by_one_at_a_time()
    {
        RunFolder run = RunFolder.CreateNext(_folder.Path, "finetune");
        using (run.Hold())
        {
            using (run.Hold())
            {
                // Who holds it may ask again.
            }
            RunFolder other = RunFolder.Create(Path.Combine(_folder.Path, "empty"));
            using IDisposable free = other.Hold();
            Assert.Contains("is being trained by another process", Assert.Throws<DataException>(() => Again(run).Hold()).Message);
        }
        Again(run).Hold().Dispose();
    }

    private static RunFolder Again(RunFolder run)
    {
        run.WriteConfiguration(new()
        {
            ["polder"] = "1",
            ["command"] = new System.Text.Json.Nodes.JsonArray("finetune"),
            ["settings"] = new System.Text.Json.Nodes.JsonObject()
        });
        return RunFolder.OpenUnfinished(run.Path);
    }
}
