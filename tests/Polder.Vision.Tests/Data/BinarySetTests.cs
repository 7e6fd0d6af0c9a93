using System.IO.Compression;
using System.Text;
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

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Idx_files_are_read_plain_and_packed(bool packed)
    {
        using var folder = new TemporaryFolder();
        void Write(string name, params byte[] content) => folder.File(packed ? name + ".gz" : name, packed ? Pack(content) : content);
        Write("train-images-idx3-ubyte", 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8);
        Write("train-labels-idx1-ubyte", 0, 0, 8, 1, 0, 0, 0, 2, 7, 0);
        Write("t10k-images-idx3-ubyte", 0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 9, 9, 9, 8);
        Write("t10k-labels-idx1-ubyte", 0, 0, 8, 1, 0, 0, 0, 1, 9);
        ImageData data = ImageSources.Open(folder.Path, new ImageSourceOptions { ImageSize = 2 });
        Assert.Equal([7, 0], data.Train.Labels);
        Assert.Equal([5, 6, 7, 8], data.Train.Pixels(1).ToArray());
        Assert.Equal([9], data.Test!.Labels);
        Assert.Equal(1, data.Train.Channels);

        Write("t10k-labels-idx1-ubyte", 0, 0, 8, 1, 0, 0, 0, 2, 9, 9);
        Assert.Contains("2 labels", Assert.Throws<DataException>(() => Idx.Load(folder.Path)).Message);
        Write("t10k-labels-idx1-ubyte", 0, 0, 8, 1, 0, 0, 0, 1, 10);
        Assert.Contains("label 10; allowed are 0 to 9", Assert.Throws<DataException>(() => Idx.Load(folder.Path)).Message);
        Write("train-images-idx3-ubyte", 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3);
        Assert.Contains("has 3 bytes", Assert.Throws<DataException>(() => Idx.Load(folder.Path)).Message);
        Write("train-images-idx3-ubyte", 0, 0, 8, 3, 0x7F, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2);
        Assert.Contains("2 GB", Assert.Throws<DataException>(() => Idx.Load(folder.Path)).Message);
        Write("train-images-idx3-ubyte", 0, 0, 13, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2);
        Assert.Contains("0x00000d03", Assert.Throws<DataException>(() => Idx.Load(folder.Path)).Message);
        Write("train-images-idx3-ubyte", 0, 0);
        Assert.Contains("to its end", Assert.Throws<DataException>(() => Idx.Load(folder.Path)).Message);
    }

    [Fact]
    public void Medmnist_arrays_become_planes_with_the_official_parts()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("tiny.npz", Archive(
            ("train_images", "|u1", "(2, 1, 2, 3)", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), ("train_labels", "|u1", "(2, 1)", [1, 0]),
            ("test_images", "|u1", "(1, 1, 2, 3)", [0, 0, 0, 1, 1, 1]), ("test_labels", "|u1", "(1, 1)", [1])));
        ImageData data = ImageSources.Open(path, new ImageSourceOptions { ImageSize = 1 });
        Assert.Equal("tiny", data.Name);
        Assert.Equal([1, 0], data.Train.Labels);
        // 1 x 2 pixels, side 1: the centre square begins at column 0 (half of the surplus, rounded to even).
        Assert.Equal([7, 8, 9], data.Train.Pixels(1).ToArray());
        Assert.Null(data.Validation);
        Assert.Equal(1, data.Test!.Count);

        void Refused(string word, params (string, string, string, byte[])[] arrays) =>
            Assert.Contains(word, Assert.Throws<DataException>(() => MedMnist.Load(folder.File("bad.npz", Archive(arrays)))).Message);
        Refused("lacks the array train_labels", ("train_images", "|u1", "(1, 1, 1)", [1]));
        Refused("one class only", ("train_images", "|u1", "(1, 1, 1)", [1]), ("train_labels", "|u1", "(1, 1)", [0]));
        Refused("one an image", ("train_images", "|u1", "(1, 1, 1)", [1]), ("train_labels", "|u1", "(1, 2)", [0, 1]));
        Refused("2 images and 1 labels", ("train_images", "|u1", "(2, 1, 1)", [1, 1]), ("train_labels", "|u1", "(1, 1)", [1]));
        folder.File("bad.npz", [1, 2, 3]);
        Assert.Throws<DataException>(() => MedMnist.Load(Path.Combine(folder.Path, "bad.npz")));
    }

    [Fact]
    public void The_published_retina_set_loads()
    {
        ImageData data = ImageSources.Open(SharedFiles.Require("data", "retinamnist", "retinamnist.npz"), new ImageSourceOptions { ImageSize = 28 });
        Assert.Equal((1080, 120, 400), (data.Train.Count, data.Validation!.Count, data.Test!.Count));
        Assert.Equal((5, 3), (data.Classes.Count, data.Train.Channels));
    }

    private static byte[] Pack(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(content);
        return packed.ToArray();
    }

    private static byte[] Archive(params (string Name, string Type, string Shape, byte[] Bytes)[] arrays)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create))
        {
            foreach ((string name, string type, string shape, byte[] bytes) in arrays)
            {
                using Stream entry = zip.CreateEntry($"{name}.npy").Open();
                string header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}".PadRight(117) + "\n";
                entry.Write([0x93, .. "NUMPY"u8, 1, 0, 118, 0, .. Encoding.ASCII.GetBytes(header), .. bytes]);
            }
        }

        return stream.ToArray();
    }

    private static byte[] Record(byte[] labels, int first) => [.. labels, .. Enumerable.Range(0, 3072).Select(i => (byte)(first + i))];
}
