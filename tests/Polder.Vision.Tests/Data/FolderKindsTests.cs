using System.Diagnostics;
using System.Text;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Models;

namespace Polder.Vision.Tests.Data;

/// <summary>What lies on the disk is read or refused, never passed over.</summary>
public class FolderKindsTests
{
    private static readonly ImageSourceOptions Small = new() { ImageSize = 4 };

    [Theory]
    [InlineData("Train", "Val", "Test")]
    [InlineData("TRAINING", "VALID", "TESTING")]
    [InlineData("training", "dev", "tests")]
    [InlineData("train_set", "validation_set", "test-set")]
    [InlineData("images-train", "val2017", "Test Images")]
    public void Parts_are_known_by_the_names_that_people_use(string train, string validation, string test)
    {
        using var folder = new TemporaryFolder();
        foreach (string part in (string[])[train, train, validation, test])
            foreach (string label in (string[])["x", "y"])
                folder.Image($"{part}/{label}/1.png");
        ImageData data = ImageFolder.Load(folder.Path, Small);
        Assert.Equal(["x", "y"], data.Classes);
        Assert.Equal((2, 2, 2), (data.Train.Count, data.Validation?.Count, data.Test?.Count));
        Assert.Empty(data.Warnings);
    }

    [Fact]
    public void Parts_that_are_not_clear_are_refused_by_name()
    {
        Refused(["train/a", "train/b", "val/a", "Valid/a"], "Valid/ and val/", "one part");
        Refused(["train/a", "train/b", "Train/a", "Train/b"], "Train/ and train/");
        Refused(["train/a", "train/b", "eval/a"], "eval", "call it val");
        Refused(["a", "b", "Test/a"], "Test/ but no train/");
        Refused(["Train", "Test"], "Test/, Train/", "no folders of classes");

        static void Refused(string[] folders, params string[] words)
        {
            using var folder = new TemporaryFolder();
            foreach (string path in folders)
                folder.Image($"{path}/1.png");
            string message = Assert.Throws<DataException>(() => ImageFolder.Load(folder.Path, Small)).Message;
            Assert.All(words, word => Assert.Contains(word, message));
        }
    }

    [Fact]
    public void Images_that_are_not_used_are_counted_with_an_example()
    {
        using var folder = new TemporaryFolder();
        foreach (string path in (string[])["train/a/1.png", "train/b/1.png", "train/loose.png", "test/1.png", "test/2.png", "extra/deep/1.png", "beside.jpg"])
            folder.Image(path);
        File.Move(folder.Image("train/a/2.png"), Path.Combine(folder.Path, "train", "a", "photo"));
        folder.File("train/a/notes.txt", "text"u8.ToArray());
        folder.File("train/a/zeros.bin", new byte[64]);
        ImageData data = ImageFolder.Load(folder.Path, Small);
        Assert.Null(data.Test);
        string warning = Assert.Single(data.Warnings);
        Assert.Contains("6 image(s) are not used", warning);
        Assert.Contains("1 beside the folders of train/", warning);
        Assert.Contains($"2 in test/, which has no folders of classes, such as {Path.Combine(folder.Path, "test", "1.png")}", warning);
        Assert.Contains("1 in extra/", warning);
        Assert.Contains("beside.jpg", warning);
        Assert.Contains("1 whose ending is none of an image", warning);
    }

    [Fact]
    public void A_class_called_as_a_part_is_said()
    {
        using var folder = new TemporaryFolder();
        foreach (string path in (string[])["a/1.png", "b/1.png", "test/1.png"])
            folder.Image(path);
        Assert.Contains("'test' is taken as a class", Assert.Single(ImageFolder.Load(folder.Path, Small).Warnings));
    }

    [Theory]
    [InlineData("__MACOSX")]
    [InlineData(".ipynb_checkpoints")]
    [InlineData("@eaDir")]
    public void What_other_programs_leave_is_skipped(string name)
    {
        using var folder = new TemporaryFolder();
        foreach (string path in (string[])["train/a/1.png", "train/b/1.png", "val/a/1.png"])
        {
            folder.Image(path);
            foreach (string above in (string[])["", Path.GetDirectoryName(Path.GetDirectoryName(path))!, Path.GetDirectoryName(path)!])
                folder.Image(Path.Combine(above, name, "1.png"));
            folder.File(Path.Combine(Path.GetDirectoryName(path)!, "Thumbs.db"), [1]);
        }
        ImageData data = ImageFolder.Load(folder.Path, Small);
        Assert.Equal((2, 1), (data.Train.Count, data.Validation?.Count));
        Assert.Empty(data.Warnings);
    }

    [Fact]
    public void An_empty_class_folder_of_a_shipped_part_is_as_if_absent()
    {
        using var folder = new TemporaryFolder();
        foreach (string path in (string[])["train/a/1.png", "train/b/1.png", "test/a/1.png"])
            folder.Image(path);
        folder.Folder("test/b");
        folder.Folder("test/stranger");
        folder.Folder("val/a");
        ImageData data = ImageFolder.Load(folder.Path, Small);
        Assert.Equal([1, 0], data.Test!.ClassCounts());
        Assert.Null(data.Validation);
    }

    [Theory]
    [InlineData("jfif")]
    [InlineData("JPE")]
    [InlineData("jif")]
    [InlineData("apng")]
    [InlineData("dib")]
    [InlineData("webp")]
    [InlineData("ico")]
    public void Every_ending_that_the_decoder_reads_is_read_in_training_and_prediction(string ending)
    {
        using var folder = new TemporaryFolder();
        folder.Image($"a/1.{ending}");
        folder.Image($"b/1.{ending}");
        Assert.Equal(2, ImageFolder.Load(folder.Path, Small).Train.Count);
        Assert.Equal(2, Predictor.Files([folder.Path]).Count);
    }

    [Fact]
    public void Links_to_what_is_read_already_are_refused_and_others_are_followed()
    {
        using var folder = new TemporaryFolder();
        using var elsewhere = new TemporaryFolder();
        folder.Image("data/a/1.png");
        folder.Image("data/b/1.png");
        elsewhere.Image("deep/2.png");
        string data = Path.Combine(folder.Path, "data"), link = Path.Combine(data, "a", "more");
        Directory.CreateSymbolicLink(link, elsewhere.Path);
        Assert.Equal([2, 1], ImageFolder.Load(data, Small).Train.ClassCounts());
        foreach ((string target, string word) in ((string, string)[])[("..", "holds it"), (folder.Path, "holds it"), (Path.Combine("..", "b"), "by a link")])
        {
            Directory.Delete(link);
            Directory.CreateSymbolicLink(link, target);
            Assert.Contains(word, Assert.Throws<DataException>(() => ImageFolder.Load(data, Small)).Message);
        }
        // Another way to the data is no loop.
        Directory.Delete(link);
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, "way"), data);
        Assert.Equal(2, ImageFolder.Load(Path.Combine(folder.Path, "way"), Small).Train.Count);
        File.CreateSymbolicLink(Path.Combine(data, "b", "2.png"), "gone.png");
        Assert.Contains("link to gone.png", Assert.Throws<ImageDecodingException>(() => ImageFolder.Load(data, Small)).Message);
    }

    [Fact]
    public async Task What_is_no_plain_file_is_refused_at_once()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "pipes in folders are of Unix");
        using var folder = new TemporaryFolder();
        folder.Image("a/1.png");
        folder.Image("b/1.png");
        string pipe = Path.Combine(folder.Path, "a", "pipe.jpg");
        await Run("mkfifo", pipe);
        File.CreateSymbolicLink(Path.Combine(folder.Path, "b", "link.jpg"), pipe);
        File.CreateSymbolicLink(Path.Combine(folder.Path, "b", "zero.jpg"), "/dev/zero");
        Task<ImageDecodingException> reading = Task.Run(
            () => Assert.Throws<ImageDecodingException>(() => ImageFolder.Load(folder.Path, Small)), TestContext.Current.CancellationToken);
        string message = (await reading.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken)).Message;
        Assert.All((string[])["pipe.jpg", "link.jpg", "zero.jpg", "no plain file"], word => Assert.Contains(word, message));
    }

    [Fact]
    public async Task A_name_that_is_not_UTF8_is_said_to_be_so()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have no such names");
        using var folder = new TemporaryFolder();
        folder.Image("a/1.png");
        string plain = folder.Image("b/1.png");
        await Run("bash", "-c", $"cp '{plain}' '{folder.Path}'/b/caf$'\\xe9'.png");
        Assert.Contains("not UTF-8", Assert.Throws<ImageDecodingException>(() => ImageFolder.Load(folder.Path, Small)).Message);
        Assert.Single(ImageFolder.Load(folder.Path, Small with { SkipUnreadable = true }).Skipped);
        await Run("bash", "-c", $"rm '{folder.Path}'/b/caf*; mkdir '{folder.Path}'/caf$'\\xe9'");
        Assert.Contains("not UTF-8", Assert.Throws<DataException>(() => ImageFolder.Load(folder.Path, Small)).Message);
        // What cannot be named here cannot be removed here.
        await Run("bash", "-c", $"rm -r '{folder.Path}'/caf*");
    }

    [Theory]
    [InlineData("Caf\u00E9", "Cafe\u0301")]
    [InlineData("\u1EC7", "e\u0323\u0302")]
    [InlineData("\u0439\u03AC", "\u0438\u0306\u03B1\u0301")]
    [InlineData("\uD55C\uAE00", "\u1112\u1161\u11AB\u1100\u1173\u11AF")]
    [InlineData("\u304C", "\u304B\u3099")]
    public void Class_names_are_one_in_every_Unicode_form(string composed, string decomposed)
    {
        Assert.Equal(composed, UnicodeForm.Composed(decomposed));
        Assert.Equal(composed, UnicodeForm.Composed(composed));
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems may hold one form only");
        using var folder = new TemporaryFolder();
        foreach (string path in (string[])[$"train/{composed}", "train/A", $"val/{decomposed}", $"test/{composed}", $"test/{decomposed}"])
            folder.Image(Path.Combine(path, "1.png"));
        Assert.Contains("another Unicode form", Assert.Throws<DataException>(() => ImageFolder.Load(folder.Path, Small)).Message);
        Directory.Delete(Path.Combine(folder.Path, "test"), recursive: true);
        ImageData data = ImageFolder.Load(folder.Path, Small);
        Assert.Equal(["A", composed], data.Classes);
        Assert.Equal([0, 1], data.Validation!.ClassCounts());
    }

    [Fact]
    public void Class_names_of_weights_are_compared_in_the_same_form()
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "weights.safetensors");
        Architecture architecture = Architectures.Get("resnet20");
        using (var made = new TrainedClassifier(architecture.Build(2, 0), architecture.Name, 8, architecture.Normalization, ["A", "Cafe\u0301"]))
            made.Save(file);
        using TrainedClassifier opened = TrainedClassifier.Open(file);
        opened.RequireClasses("photos", ["A", "Caf\u00E9"]);
        string image = folder.Image("1.png");
        string list = folder.File("list.csv", Encoding.UTF8.GetBytes($"path,label\n{image},A\n{image},Caf\u00E9\n{image},Cafe\u0301\n"));
        Assert.Equal(["A", "Caf\u00E9"], ImageList.Load(list, Small).Classes);
    }

    [Fact]
    public void All_broken_images_are_named_at_once()
    {
        using var folder = new TemporaryFolder();
        foreach (string path in (string[])["train/a/1.png", "train/b/1.png", "test/a/1.png"])
            folder.Image(path);
        string[] broken = [folder.File("test/b/9.jpg", []), .. Enumerable.Range(10, 24).Select(i => folder.File($"train/a/{i}.jpg", "no image"u8.ToArray()))];
        ImageDecodingException all = Assert.Throws<ImageDecodingException>(() => ImageFolder.Load(folder.Path, Small));
        Assert.Equal(broken[1], all.Path);
        Assert.All(broken[1..21], path => Assert.Contains(path, all.Message));
        Assert.Contains("and 5 more (25 images in all)", all.Message);
        Assert.DoesNotContain('\n', all.Message);
        folder.File("train/b/1.tif", [1]);
        folder.File("test/b/2.heic", [1]);
        string foreign = Assert.Throws<ImageDecodingException>(() => ImageFolder.Load(folder.Path, Small)).Message;
        Assert.Contains("1.tif", foreign);
        Assert.Contains("2.heic", foreign);
    }

    [Fact]
    public void Images_may_be_as_large_as_the_options_say() => Assert.Equal(4096, new ImageSourceOptions { ImageSize = 4096 }.StoredSize);

    private static async Task Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }
}
