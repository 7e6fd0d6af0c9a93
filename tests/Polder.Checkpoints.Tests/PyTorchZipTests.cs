using System.IO.Compression;
using static TorchSharp.torch;

namespace Polder.Checkpoints.Tests;

public sealed class PyTorchZipTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(SafetensorsTests.Types), MemberType = typeof(SafetensorsTests))]
    public void Each_type_comes_back_bit_for_bit(ScalarType type)
    {
        using Tensor values = (arange(-12, 12, ScalarType.Float32) * 0.3).reshape(2, 3, 4).to(type);
        string path = _folder.File("t.pt");
        PyTorchZip.Write(path, [("whole", values), ("strided", values.permute(2, 0, 1)), ("empty", zeros(0, 3, type)), ("scalar", values[1, 2, 3])]);
        using Checkpoint checkpoint = Checkpoint.Load(path);
        Assert.Equal("PyTorch zip", checkpoint.Format);
        Assert.Equal(["whole", "strided", "empty", "scalar"], checkpoint.Tensors.Keys);
        SafetensorsTests.AssertSameBytes(values, checkpoint.Tensors["whole"]);
        SafetensorsTests.AssertSameBytes(values.permute(2, 0, 1).contiguous(), checkpoint.Tensors["strided"]);
        SafetensorsTests.AssertSameBytes(values[1, 2, 3], checkpoint.Tensors["scalar"]);
        Assert.Equal([0L, 3], checkpoint.Tensors["empty"].shape);
    }

    [Fact]
    public void A_tensor_of_two_names_is_stored_once_and_stays_shared()
    {
        using Tensor tied = rand(16);
        using Tensor other = rand(16);
        string path = _folder.File("t.pt");
        PyTorchZip.Write(path, [("a", tied), ("b", tied.alias()), ("c", other)]);
        using (ZipArchive zip = ZipFile.OpenRead(path))
            Assert.Equal(2, zip.Entries.Count(e => e.FullName.StartsWith("archive/data/", StringComparison.Ordinal)));
        using Checkpoint checkpoint = Checkpoint.Load(path);
        checkpoint.Tensors["a"].fill_(3);
        Assert.Equal(3f, checkpoint.Tensors["b"][0].item<float>());
        Assert.NotEqual(3f, checkpoint.Tensors["c"][0].item<float>());
    }

    [Fact]
    public void The_archive_has_the_checksums_and_the_alignment_of_PyTorchs_own()
    {
        using Tensor values = rand(1000), others = rand(77);
        string path = _folder.File("t.pt");
        PyTorchZip.Write(path, [("w", values), ("v", others)]);
        byte[] bytes = File.ReadAllBytes(path);
        using ZipArchive zip = ZipFile.OpenRead(path);
        Assert.Equal(["archive/data.pkl", "archive/byteorder", "archive/data/0", "archive/data/1", "archive/version"], zip.Entries.Select(e => e.FullName));
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            using MemoryStream content = new();
            using (Stream stream = entry.Open())
                stream.CopyTo(content);
            Assert.Equal(entry.Length, entry.CompressedLength);
            Assert.Equal(BitwiseCrc(content.ToArray()), entry.Crc32);
            if (content.Length > 64)
                Assert.Equal(0, bytes.AsSpan().IndexOf(content.ToArray()) % 64);
        }
    }

    [Fact]
    public void The_pickle_names_nothing_but_what_a_reader_of_weights_allows()
    {
        using Tensor values = rand(2);
        string path = _folder.File("t.pt");
        PyTorchZip.Write(path, [("w", values)]);
        using ZipArchive zip = ZipFile.OpenRead(path);
        using StreamReader reader = new(zip.GetEntry("archive/data.pkl")!.Open(), System.Text.Encoding.Latin1);
        Assert.Equal(
            "\u0080\u0002ccollections\nOrderedDict\n)R(X\u0001\0\0\0wctorch._utils\n_rebuild_tensor_v2\n("
            + "(X\u0007\0\0\0storagectorch\nFloatStorage\nX\u0001\0\0\00"
            + "X\u0003\0\0\0cpuJ\u0002\0\0\0tQJ\0\0\0\0(J\u0002\0\0\0t(J\u0001\0\0\0t\u0089ccollections\nOrderedDict\n)RtRu.",
            reader.ReadToEnd());
    }

    // The definition of the checksum, bit by bit: division by the polynomial.
    private static uint BitwiseCrc(byte[] bytes)
    {
        uint crc = 0xffffffff;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }
        return ~crc;
    }
}
