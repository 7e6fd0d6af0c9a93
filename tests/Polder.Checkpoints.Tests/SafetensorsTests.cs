using static Polder.Checkpoints.Tests.Fixtures;
using static TorchSharp.torch;

namespace Polder.Checkpoints.Tests;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<ScalarType> Types => new(
        ScalarType.Bool, ScalarType.Byte, ScalarType.Int8, ScalarType.Int16, ScalarType.Int32, ScalarType.Int64, ScalarType.Float16, ScalarType.BFloat16,
        ScalarType.Float32, ScalarType.Float64, ScalarType.ComplexFloat32);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_of_another_writer_is_read()
    {
        string path = _folder.Write("a.safetensors", Safetensors(
            """{"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"__metadata__":{"format":"pt","name":"\u00e9"}"""
                + ""","a":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}  """,
            Join(Longs(-7), Floats(1.5f, float.NaN))));
        using Checkpoint checkpoint = Checkpoint.Load(path);
        Assert.Equal("safetensors", checkpoint.Format);
        Assert.Equal(["b", "a"], checkpoint.Tensors.Keys);
        Assert.Equal(-7, checkpoint.Tensors["a"].item<long>());
        Assert.Equal([1.5f, float.NaN], checkpoint.Tensors["b"].data<float>().ToArray());
        Assert.Equal("é", checkpoint.Metadata["name"]);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Each_type_comes_back_bit_for_bit(ScalarType type)
    {
        using Tensor values = (arange(-12, 12, ScalarType.Float32) * 0.3).reshape(2, 3, 4).to(type);
        string path = _folder.File("t.safetensors");
        Polder.Checkpoints.Safetensors.Write(
            path, [("whole", values), ("strided", values.permute(2, 0, 1)), ("empty", zeros(0, 3, type)), ("scalar", values[1, 2, 3])],
            new Dictionary<string, string> { ["a"] = "\"1\"\n" });
        using Checkpoint checkpoint = Checkpoint.Load(path);
        AssertSameBytes(values, checkpoint.Tensors["whole"]);
        AssertSameBytes(values.permute(2, 0, 1).contiguous(), checkpoint.Tensors["strided"]);
        AssertSameBytes(values[1, 2, 3], checkpoint.Tensors["scalar"]);
        Assert.Equal([0L, 3], checkpoint.Tensors["empty"].shape);
        Assert.Equal("\"1\"\n", checkpoint.Metadata["a"]);
        Assert.Equal(0, BitConverter.ToInt64(File.ReadAllBytes(path)) % 8); // the data is aligned
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "needs 8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "gap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 8, "appendix")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "cut short")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "two tensors")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "negative")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0,9223372036854775807,9223372036854775807],"data_offsets":[0,0]}}""", 0, "overflows")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "malformed")]
    [InlineData("""{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}""", 1, "F8_E4M3")]
    [InlineData("""{"a":{"dtype":"U16","shape":[1],"data_offsets":[0,2]}}""", 2, "U16")]
    [InlineData("""{"a":{"shape":[1],"data_offsets":[0,4]}}""", 4, "malformed")]
    [InlineData("""{"a":[1]}""", 0, "malformed")]
    [InlineData("""{"a":""", 0, "malformed")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "malformed")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "malformed")]
    public void A_header_that_is_not_right_is_refused(string header, int bytes, string reason)
    {
        string path = _folder.Write("bad.safetensors", Safetensors(header, new byte[bytes]));
        Assert.Contains(reason, Assert.Throws<CheckpointException>(() => Checkpoint.Load(path)).Reason);
    }

    [Fact]
    public void Bytes_go_straight_into_the_tensors()
    {
        const int Elements = 1 << 23;
        string path = _folder.File("large.safetensors");
        using (Tensor large = zeros(Elements))
            Polder.Checkpoints.Safetensors.Write(path, [("large", large)]);
        Checkpoint.Load(path).Dispose();
        long before = GC.GetAllocatedBytesForCurrentThread();
        using Checkpoint checkpoint = Checkpoint.Load(path);
        // 32 MiB of tensor, and of managed memory not a hundredth of that.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Elements * 4 / 100);
    }

    [Fact]
    public void A_save_that_fails_leaves_the_old_file_and_nothing_else()
    {
        string path = _folder.File("a.safetensors");
        using Tensor value = ones(3);
        Polder.Checkpoints.Safetensors.Write(path, [("a", value)]);
        byte[] before = File.ReadAllBytes(path);
        Tensor gone = ones(3);
        gone.Dispose();
        Assert.ThrowsAny<Exception>(() => Polder.Checkpoints.Safetensors.Write(path, [("a", value), ("b", gone)]));
        Assert.Throws<ArgumentException>(() => Polder.Checkpoints.Safetensors.Write(path, [("a", value), ("a", value)]));
        Assert.Throws<InvalidDataException>(() => IO.AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            throw new InvalidDataException();
        }));
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
        CheckpointException nowhere = Assert.Throws<CheckpointException>(
            () => Polder.Checkpoints.Safetensors.Write(Path.Combine(_folder.Path, "none", "a.safetensors"), [("a", value)]));
        Assert.Contains("cannot be written: there is no folder ", nowhere.Reason);
    }

    internal static void AssertSameBytes(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.dtype, actual.dtype);
        Assert.Equal(expected.shape, actual.shape);
        using Tensor left = expected.contiguous(), right = actual.contiguous();
        if (left.numel() > 0)
            Assert.True(left.bytes.SequenceEqual(right.bytes));
    }
}
