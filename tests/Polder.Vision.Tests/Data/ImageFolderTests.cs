using Polder.Vision.Data;

namespace Polder.Vision.Tests.Data;

public class ImageFolderTests
{
    private static readonly ImageSourceOptions Small = new() { ImageSize = 4 };

    [Fact]
    public void A_folder_a_class_sorted_by_code_points_with_strangers_passed_over()
    {
        using var folder = new TemporaryFolder();
        folder.Image("b/2.png", rgb: 0x0000FF);
        folder.Image("b/1.png", rgb: 0x00FF00);
        folder.Image("B/deeper/x.PNG", rgb: 0xFF0000);
        folder.Image("a/1.png", 9, 5);
        folder.File("a/notes.txt", [1]);
        folder.File("readme.md", [1]);
        folder.Folder(".hidden");
        ImageData data = ImageSources.Open(folder.Path, Small);
        Assert.Equal(["B", "a", "b"], data.Classes);
        Assert.Null(data.Validation);
        Assert.Null(data.Test);
        Assert.Equal([0, 1, 2, 2], data.Train.Labels);
        Assert.Equal(["x.PNG", "1.png", "1.png", "2.png"], SplitTests.Names(data.Train).Select(p => Path.GetFileName(p)!));
        Assert.Equal((4, 4, 3), (data.Train.Height, data.Train.Width, data.Train.Channels));
        Assert.Equal(255, data.Train.Pixels(0)[0]);
        Assert.Equal(255, data.Train.Pixels(2)[16]);
        Assert.Equal(Path.GetFileName(folder.Path), data.Name);
    }

    [Fact]
    public void Whole_numbers_as_class_names_are_in_the_order_of_their_values()
    {
        using var folder = new TemporaryFolder();
        foreach (string name in (string[])["10", "9", "-1", "0", "007", "11"])
            folder.Image($"{name}/1.png");
        ImageData data = ImageFolder.Load(folder.Path, Small);
        Assert.Equal(["-1", "0", "007", "9", "10", "11"], data.Classes);
        folder.Image("none/1.png");
        Assert.Equal(["-1", "0", "007", "10", "11", "9", "none"], ImageFolder.Load(folder.Path, Small).Classes);
        // As an earlier version sorted them: the images stand class by class again, so that they are cut as they were.
        string[] before = ["-1", "0", "007", "10", "11", "9"];
        ImageData ordered = data.InOrderOf(before)!;
        Assert.Equal(before, ordered.Classes);
        Assert.Equal(before, Enumerable.Range(0, 6).Select(i => Path.GetFileName(Path.GetDirectoryName(ordered.Train.Origin(i)))!));
        Assert.Equal([0, 1, 2, 3, 4, 5], ordered.Train.Labels);
        Assert.Null(data.InOrderOf(["-1", "0", "7", "9", "10", "11"]));
    }

    [Theory]
    [InlineData("val")]
    [InlineData("valid")]
    [InlineData("validation")]
    public void Shipped_parts_are_found(string validation)
    {
        using var folder = new TemporaryFolder();
        foreach (string part in (string[])["train", validation, "test"])
            foreach (string label in (string[])["x", "y"])
                folder.Image($"{part}/{label}/1.png");
        File.Delete(Path.Combine(folder.Path, "test", "x", "1.png"));
        Directory.Delete(Path.Combine(folder.Path, "test", "x"));
        ImageData data = ImageFolder.Load(folder.Path, Small);
        Assert.Equal([1, 1], data.Validation!.ClassCounts());
        Assert.Equal([0, 1], data.Test!.ClassCounts()); // a class may be absent from the test part; its label stays
    }

    [Fact]
    public void A_class_may_be_called_train()
    {
        using var folder = new TemporaryFolder();
        folder.Image("train/1.png");
        folder.Image("plane/1.png");
        Assert.Equal(["plane", "train"], ImageFolder.Load(folder.Path, Small).Classes);
    }

    [Fact]
    public void A_margin_stores_larger_images()
    {
        using var folder = new TemporaryFolder();
        folder.Image("a/1.png", 20, 10);
        folder.Image("b/1.png", 10, 20);
        Assert.Equal(6, ImageFolder.Load(folder.Path, Small with { Margin = 2 }).Train.Height);
    }

    [Fact]
    public void Wrong_folders_are_named_with_what_is_allowed()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("data.bin", [1]);
        void Refused(string path, params string[] words)
        {
            DataException exception = Assert.Throws<DataException>(() => ImageSources.Open(path, Small));
            Assert.All(words, word => Assert.Contains(word, exception.Message));
        }

        Refused(Path.Combine(folder.Path, "absent"), "absent", "no such folder");
        Refused("nothing-of-that-name", "built in: digits");
        Refused(file, "is a file");
        Refused(folder.Folder("bare"), "bare", "DIR/<class>/<image>");
        folder.Image("one/a/1.png");
        Refused(Path.Combine(folder.Path, "one"), "one class only, 'a'", "2 or more");
        folder.Folder("one/b");
        Refused(Path.Combine(folder.Path, "one"), "has no image", Path.Combine("one", "b"), ".jpg");
        folder.Image("parts/test/a/1.png");
        Refused(Path.Combine(folder.Path, "parts"), "test/ but no train/");
        folder.Image("more/train/a/1.png");
        folder.Image("more/train/b/1.png");
        folder.Image("more/test/c/1.png");
        Refused(Path.Combine(folder.Path, "more"), Path.Combine("test", "c"), "training part lacks");
    }

    [Fact]
    public void The_first_unreadable_image_is_named_whatever_the_threads_do()
    {
        using var folder = new TemporaryFolder();
        for (int i = 0; i < 30; i++)
            folder.Image($"{(i % 2 == 0 ? "a" : "b")}/{i:00}.png");
        string first = folder.File("a/07.jpg", "no image"u8.ToArray());
        folder.File("b/99.jpg", []);
        for (int round = 0; round < 5; round++)
            Assert.Equal(first, Assert.Throws<ImageDecodingException>(() => ImageFolder.Load(folder.Path, Small with { Threads = 4 })).Path);
        ImageData data = ImageFolder.Load(folder.Path, Small with { SkipUnreadable = true });
        Assert.Equal(30, data.Train.Count);
        Assert.Equal([first, Path.Combine(folder.Path, "b", "99.jpg")], data.Skipped.Select(e => e.Path));
        folder.File("b/scan.tiff", [1]);
        Assert.Contains(".tiff", Assert.Throws<ImageDecodingException>(() => ImageFolder.Load(folder.Path, Small)).Message);
        Assert.Contains(Path.Combine(folder.Path, "b", "scan.tiff"),
            ImageFolder.Load(folder.Path, Small with { SkipUnreadable = true }).Skipped.Select(e => e.Path));
    }

    [Fact]
    public void Progress_reaches_the_total_and_cancellation_stops()
    {
        using var folder = new TemporaryFolder();
        for (int i = 0; i < 6; i++)
            folder.Image($"{(i % 2 == 0 ? "a" : "b")}/{i}.png");
        var reports = new List<DecodingProgress>();
        ImageFolder.Load(folder.Path, Small with { Threads = 1 }, new Direct(reports));
        Assert.Equal(Enumerable.Range(1, 6).Select(n => new DecodingProgress(n, 6)), reports);
        Assert.ThrowsAny<OperationCanceledException>(() => ImageFolder.Load(folder.Path, Small, cancellation: new CancellationToken(true)));
    }

    private sealed class Direct(List<DecodingProgress> reports) : IProgress<DecodingProgress>
    {
        public void Report(DecodingProgress value) => reports.Add(value);
    }
}
