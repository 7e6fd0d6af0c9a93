using Polder.Testing;
using Polder.Vision.Data;

namespace Polder.Vision.Tests.Data;

public class BinarySetTests
{
    [Fact]
    public void Cifar10_files_are_read_in_order_with_their_names()
    {
        using var folder = new TemporaryFolder();
        folder.File("cifar-10-batches-bin/data_batch_1.bin", Record([3], 1));
        folder.File("cifar-10-batches-bin/data_batch_2.bin", [.. Record([9], 2), .. Record([0], 3)]);
        folder.File("cifar-10-batches-bin/test_batch.bin", Record([5], 4));
        folder.File("cifar-10-batches-bin/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n"u8.ToArray());
        ImageData data = ImageSources.Open(folder.Path, new ImageSourceOptions { ImageSize = 32 });
        Assert.Equal("cifar-10", data.Name);
        Assert.Equal([3, 9, 0], data.Train.Labels);
        Assert.Equal([5], data.Test!.Labels);
        Assert.Equal("j", data.Classes[9]);
        Assert.Equal((byte)(2 + 17), data.Train.Pixels(1)[17]);
        Assert.Equal(16, Cifar.Load(folder.Path, new ImageSourceOptions { ImageSize = 16 }).Train.Width);
    }

    [Fact]
    public void Cifar100_uses_the_fine_label()
    {
        using var folder = new TemporaryFolder();
        folder.File("train.bin", [.. Record([1, 99], 1), .. Record([2, 50], 2)]);
        ImageData data = ImageSources.Open(folder.Path);
        Assert.Equal([99, 50], data.Train.Labels);
        Assert.Equal(100, data.Classes.Count);
        Assert.Null(data.Test);
        Assert.Equal((byte)1, data.Train.Pixels(0)[0]);
    }

    [Fact]
    public void Broken_files_are_named()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("data_batch_1.bin", Record([3], 1)[..^1]);
        DataException exception = Assert.Throws<DataException>(() => ImageSources.Open(folder.Path));
        Assert.Equal(path, exception.Path);
        Assert.Contains("3072 bytes", exception.Message);
        Assert.Contains("multiples of 3073", exception.Message);
        folder.File("data_batch_1.bin", Record([10], 1));
        Assert.Contains("label 10; allowed are 0 to 9", Assert.Throws<DataException>(() => ImageSources.Open(folder.Path)).Message);
        folder.File("batches.meta.txt", "a\nb\n"u8.ToArray());
        Assert.Contains("2 class names; 10", Assert.Throws<DataException>(() => ImageSources.Open(folder.Path)).Message);
        Assert.Throws<DataException>(() => Cifar.Load(folder.Folder("none")));
    }

    [Fact]
    public void The_embedded_digits_are_whole()
    {
        ImageData digits = ImageSources.Open("digits", new ImageSourceOptions { ImageSize = 8 });
        Assert.Equal(1797, digits.Train.Count);
        Assert.Equal([178, 182, 177, 183, 181, 182, 181, 179, 174, 180], digits.Train.ClassCounts());
        // The first image's first row is 0 0 5 13 9 1 0 0 of 16.
        Assert.Equal([0, 0, 80, 207, 143, 16, 0, 0], digits.Train.Pixels(0)[..8].ToArray());
        Assert.Equal(901, Digits.Lower().Train.Count);
        Assert.Equal(["5", "6", "7", "8", "9"], Digits.Upper().Classes);
        Assert.Equal([182, 181, 179, 174, 180], Digits.Upper().Train.ClassCounts());
        Assert.Equal(32, Digits.Load(32).Train.Width);
    }

    [Fact]
    public void Real_folders_load()
    {
        ImageData flowers = ImageSources.Open(SharedFiles.Require("data", "flowers12"), new ImageSourceOptions { ImageSize = 32 });
        Assert.Equal((720, 240, 12), (flowers.Train.Count, flowers.Test!.Count, flowers.Classes.Count));
        DataSplits splits = flowers.Split(new SplitOptions());
        Assert.All(splits.Validation.ClassCounts(), n => Assert.Equal(12, n));
        ImageData cifar = ImageSources.Open(SharedFiles.Require("data", "cifar-100-binary"));
        Assert.All(cifar.Train.ClassCounts(), n => Assert.Equal(100, n));
    }

    private static byte[] Record(byte[] labels, int first) => [.. labels, .. Enumerable.Range(0, 3072).Select(i => (byte)(first + i))];
}
