using System.IO.Compression;
using Polder.Testing;
using TorchSharp;
using static Polder.Checkpoints.Tests.Fixtures;

namespace Polder.Checkpoints.Tests;

public sealed class NumpyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Both_orders_of_storage_give_the_same_array()
    {
        string c = _folder.Write("c.npy", Npy("<f4", false, "(2, 3)", Floats(1, 2, 3, 4, 5, 6)));
        string f = _folder.Write("f.npy", Npy("<f4", true, "(2, 3)", Floats(1, 4, 2, 5, 3, 6)));
        foreach (string path in new[] { c, f })
        {
            Assert.Equal([1.0, 2, 3, 4, 5, 6], ReadNpy(path).ToDoubles());
            using Checkpoint checkpoint = Checkpoint.Load(path);
            Assert.Equal("NumPy array", checkpoint.Format);
            Assert.Equal([2L, 3], checkpoint.Tensors["tensor"].shape);
            Assert.Equal([1f, 2, 3, 4, 5, 6], checkpoint.Tensors["tensor"].contiguous().data<float>().ToArray());
        }
    }

    [Fact]
    public void A_three_dimensional_array_in_Fortran_order_keeps_its_indices()
    {
        long[] stored = new long[24];
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 3; j++)
                for (int k = 0; k < 4; k++)
                    stored[i + (2 * j) + (6 * k)] = (100 * i) + (10 * j) + k;
        string path = _folder.Write("f.npy", Npy("<i8", true, "(2, 3, 4)", Longs(stored)));
        long[] values = ReadNpy(path).ToInt64();
        using Checkpoint checkpoint = Checkpoint.Load(path);
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 3; j++)
                for (int k = 0; k < 4; k++)
                {
                    Assert.Equal((100 * i) + (10 * j) + k, values[(((i * 3) + j) * 4) + k]);
                    Assert.Equal((100 * i) + (10 * j) + k, checkpoint.Tensors["tensor"][i, j, k].item<long>());
                }
    }

    [Theory]
    [InlineData("|b1", new byte[] { 1, 0 }, new double[] { 1, 0 })]
    [InlineData("|u1", new byte[] { 200 }, new double[] { 200 })]
    [InlineData("|i1", new byte[] { 200 }, new double[] { -56 })]
    [InlineData("<i2", new byte[] { 0xfe, 0xff }, new double[] { -2 })]
    [InlineData("<u2", new byte[] { 0xfe, 0xff }, new double[] { 65534 })]
    [InlineData(">i2", new byte[] { 0xff, 0xfe }, new double[] { -2 })]
    [InlineData("<u4", new byte[] { 0, 0, 0, 0x80 }, new double[] { 2147483648 })]
    [InlineData("<f2", new byte[] { 0, 0xc0 }, new double[] { -2 })]
    [InlineData(">f4", new byte[] { 0x3f, 0xc0, 0, 0 }, new double[] { 1.5 })]
    [InlineData(">f8", new byte[] { 0xbf, 0xf0, 0, 0, 0, 0, 0, 0 }, new double[] { -1 })]
    public void Each_type_of_element_is_read_in_either_byte_order(string descr, byte[] bytes, double[] expected)
    {
        string path = _folder.Write("a.npy", Npy(descr, false, $"({expected.Length},)", bytes));
        Assert.Equal(expected, ReadNpy(path).ToDoubles());
        if (descr[1..] is "u2" or "u4")
        {
            Assert.Contains("TorchSharp cannot hold", Assert.Throws<CheckpointException>(() => Checkpoint.Load(path)).Reason);
            return;
        }
        using Checkpoint checkpoint = Checkpoint.Load(path);
        Assert.Equal(expected, checkpoint.Tensors["tensor"].to(torch.ScalarType.Float64).data<double>().ToArray());
    }

    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.Optimal)]
    public void An_archive_gives_its_arrays_by_name(CompressionLevel level)
    {
        string path = _folder.Write("a.npz",
            Zip(level, ("images.npy", Npy("|u1", false, "(3,)", [1, 2, 3])), ("scalar.npy", Npy("<f4", false, "()", Floats(4)))));
        using Checkpoint checkpoint = Checkpoint.Load(path);
        Assert.Equal("NumPy archive", checkpoint.Format);
        Assert.Equal(["images", "scalar"], checkpoint.Tensors.Keys);
        Assert.Equal(4f, checkpoint.Tensors["scalar"].item<float>());
        IReadOnlyDictionary<string, NumpyArray> arrays = Npz.Read(path);
        Assert.Equal([1L, 2, 3], arrays["images"].ToInt64());
        Assert.Empty(arrays["scalar"].Shape);
    }

    [Theory]
    [InlineData("|O", "(1,)", "Python objects")]
    [InlineData("<U4", "(1,)", "U4")]
    [InlineData("<f4", "(3,)", "cut short")]
    [InlineData("<f4", "(9223372036854775807, 9)", "overflows")]
    [InlineData("<f4", "(-1,)", "malformed")]
    [InlineData("<f4", "(99999999999999999999,)", "malformed")]
    public void What_cannot_be_read_is_refused(string descr, string shape, string reason)
    {
        string path = _folder.Write("a.npy", Npy(descr, false, shape, new byte[8]));
        Assert.Contains(reason, Assert.Throws<CheckpointException>(() => Checkpoint.Load(path)).Reason);
        Assert.Contains(reason == "U4" ? "does not read" : reason, Assert.Throws<CheckpointException>(() => ReadNpy(path)).Reason);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1 2 3\n")]
    [InlineData("1.5, 2.5, 3.5, 4.5\n")]
    public void A_text_file_is_called_no_array_however_short(string text)
    {
        string path = _folder.Write("a.npy", System.Text.Encoding.ASCII.GetBytes(text));
        Assert.StartsWith("is no NumPy array", Assert.Throws<CheckpointException>(() => ReadNpy(path)).Reason);
    }

    [Fact]
    public void An_array_in_Fortran_order_may_be_empty()
    {
        NumpyArray array = ReadNpy(_folder.Write("a.npy", Npy("<f4", true, "(2, 0)", [])));
        Assert.Equal([2L, 0], array.Shape);
        Assert.Empty(array.ToDoubles());
    }

    [Fact]
    public void Reference_arrays_have_the_sizes_that_their_manifest_says()
    {
        string folder = SharedFiles.Require("reference", "sensing");
        NumpyArray sensing = ReadNpy(Path.Combine(folder, "A.npy"));
        Assert.Equal([200L, 20, 20], sensing.Shape);
        IReadOnlyDictionary<string, NumpyArray> all = Npz.Read(Path.Combine(folder, "all.npz"));
        Assert.Equal(sensing.ToDoubles(), all["A"].ToDoubles());
    }

    private static NumpyArray ReadNpy(string path) => Polder.Checkpoints.Npy.Read(path);
}
