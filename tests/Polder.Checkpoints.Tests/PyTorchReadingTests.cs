using System.IO.Compression;
using static Polder.Checkpoints.Tests.Fixtures;

namespace Polder.Checkpoints.Tests;

public sealed class PyTorchReadingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_legacy_file_gives_views_of_one_storage_that_share_memory()
    {
        byte[] root = Dictionary(
            ("a", Tensor("FloatStorage", "7", 6, 0, [2, 3], [3, 1])),
            ("transposed", Tensor("FloatStorage", "7", 6, 0, [3, 2], [1, 3])),
            ("tail", Tensor("FloatStorage", "7", 6, 4, [2], [1])),
            ("count", Tensor("LongStorage", "8", 1, 0, [], [])));
        using Checkpoint checkpoint = Load("legacy.pth", Legacy(root, ("7", 6, Floats(1, 2, 3, 4, 5, 6)), ("8", 1, Longs(-5))));
        Assert.Equal("PyTorch legacy", checkpoint.Format);
        Assert.Equal([1f, 2, 3, 4, 5, 6], Values(checkpoint, "a"));
        Assert.Equal([1f, 4, 2, 5, 3, 6], Values(checkpoint, "transposed"));
        Assert.Equal([5f, 6], Values(checkpoint, "tail"));
        Assert.Equal(-5, checkpoint.Tensors["count"].item<long>());
        checkpoint.Tensors["tail"].fill_(9);
        Assert.Equal([1f, 2, 3, 4, 9, 9], Values(checkpoint, "a"));
    }

    [Fact]
    public void A_zip_file_gives_nested_names_numbers_and_text()
    {
        byte[] root = Dictionary(
            ("layer", Dictionary(("weight", Tensor("FloatStorage", "0", 2, 0, [2], [1])))),
            ("epoch", Int(12)), ("name", Unicode("résumé")), ("betas", Join(Ascii("("), Int(1), Int(2), Ascii("t"))));
        using Checkpoint checkpoint = Load("a.pt", PyTorchZip(root, ("0", Floats(1, 2))));
        Assert.Equal("PyTorch zip", checkpoint.Format);
        Assert.Equal(["layer.weight"], checkpoint.Tensors.Keys);
        Assert.Equal(new Dictionary<string, string> { ["epoch"] = "12", ["name"] = "résumé", ["betas"] = "[1, 2]" }, checkpoint.Metadata);
    }

    [Fact]
    public void A_training_checkpoint_is_unwrapped_and_says_so()
    {
        byte[] root = Dictionary(
            ("model", Dictionary(("module._orig_mod.w", Tensor("FloatStorage", "0", 1, 0, [1], [1])))),
            ("optimizer", Dictionary(("momentum", Tensor("FloatStorage", "1", 1, 0, [1], [1])))));
        byte[] bytes = PyTorchZip(root, ("0", Floats(1)), ("1", Floats(2)));
        using Checkpoint checkpoint = Load("a.pt", bytes);
        Assert.Equal("model", checkpoint.Wrapper);
        Assert.Equal("module._orig_mod.", checkpoint.Prefix);
        Assert.Equal(["w"], checkpoint.Tensors.Keys);
        Assert.Equal(["optimizer.momentum"], checkpoint.LeftOut);
        using Checkpoint whole = Checkpoint.Load(_folder.Write("b.pt", bytes), CheckpointOptions.Verbatim);
        Assert.Equal(["model.module._orig_mod.w", "optimizer.momentum"], whole.Tensors.Keys);
        Assert.Null(whole.Wrapper);
        Assert.Null(whole.Prefix);
    }

    [Fact]
    public void A_prefix_stays_where_one_name_lacks_it()
    {
        byte[] root = Dictionary(
            ("module.a", Tensor("FloatStorage", "0", 1, 0, [1], [1])), ("b", Tensor("FloatStorage", "0", 1, 0, [1], [1])));
        using Checkpoint checkpoint = Load("a.pt", PyTorchZip(root, ("0", Floats(1))));
        Assert.Null(checkpoint.Prefix);
        Assert.Equal(["module.a", "b"], checkpoint.Tensors.Keys);
    }

    [Fact]
    public void The_oldest_tar_form_gives_tensors_by_reference()
    {
        byte[] storages = Join(
            Pickle(Int(1)), Pickle(Join(Ascii("("), Int(101), Unicode("cpu"), Ascii("ctorch\nFloatStorage\nt"))), Longs(4), Floats(1, 2, 3, 4),
            Pickle(Join(Ascii("](("), Int(102), Int(101), Int(1), Int(2), Ascii("te"))));
        byte[] Described(int key, int storage, long size, long offset) => Join(
            Pickle(Join(Ascii("("), Int(key), Int(storage), Ascii("ctorch\nTensor\nt"))), BitConverter.GetBytes(1), new byte[4], Longs(size, 1, offset));
        byte[] tensors = Join(Pickle(Int(2)), Described(201, 101, 4, 0), Described(202, 102, 1, 1));
        byte[] pickle = Pickle(Dictionary(("all", Join(Int(201), Ascii("Q"))), ("part", Join(Int(202), Ascii("Q")))));
        using Checkpoint checkpoint = Load("old.pth", Tar(("sys_info", Pickle(Int(0))), ("storages", storages), ("tensors", tensors), ("pickle", pickle)));
        Assert.Equal("PyTorch tar", checkpoint.Format);
        Assert.Equal([1f, 2, 3, 4], Values(checkpoint, "all"));
        Assert.Equal([3f], Values(checkpoint, "part"));
    }

    [Fact]
    public void Numbers_of_NumPy_are_metadata()
    {
        // numpy.core.multiarray.scalar(dtype('f8', 0, 1) with state (3, '<', ...), latin-1 text of the bytes)
        byte[] half = BitConverter.GetBytes(0.5);
        byte[] scalar = Join(
            Ascii("cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n("), Unicode("f8"), Int(0), Int(1), Ascii("tR("), Int(3), Unicode("<"), Ascii("NNN"),
            Int(-1), Int(-1), Int(0),
            Ascii("tbc_codecs\nencode\n("), Unicode(string.Concat(half.Select(b => (char)b))), Unicode("latin1"), Ascii("tRtR"));
        using Checkpoint checkpoint = Load("a.pt",
            PyTorchZip(Dictionary(("best", scalar), ("w", Tensor("FloatStorage", "0", 1, 0, [1], [1]))), ("0", Floats(1))));
        Assert.Equal("0.5", checkpoint.Metadata["best"]);
    }

    [Fact]
    public void Each_operation_of_the_older_protocols_means_what_it_means_in_Python()
    {
        // {'s': 'a', 'i': -3, 'big': 2**70, 'yes': True, 'f': 1.5, 'l': [1, 'x'], 'w': tensor}, in protocol 0 with memo numbers
        byte[] root = Join(
            Ascii("(dp0\nS's'\np1\nS'a'\nsS'i'\nI-3\nsS'big'\nL1180591620717411303424L\nsS'yes'\nI01\nsS'f'\nF1.5\nsS'l'\n(lI1\naV"),
            Ascii("x\nasg1\ng1\nsS'w'\n"),
            Tensor("FloatStorage", "0", 1, 0, [1], [1]), Ascii("s"));
        using Checkpoint checkpoint = Load("a.pth", Legacy(root, ("0", 1, Floats(8))));
        Assert.Equal(
            new Dictionary<string, string> { ["s"] = "s", ["i"] = "-3", ["big"] = "1180591620717411303424", ["yes"] = "True", ["f"] = "1.5", ["l"] = "[1, x]" },
            checkpoint.Metadata);
        Assert.Equal([8f], Values(checkpoint, "w"));
    }

    [Theory]
    [InlineData("ctorch._utils\n_rebuild_qtensor\n", "quantised")]
    [InlineData("ctorch._utils\n_rebuild_sparse_tensor\n", "sparse")]
    [InlineData("ctorch\nQInt8Storage\n", "quantised")]
    [InlineData("ctorch\nUInt16Storage\n", "torch.UInt16Storage")]
    [InlineData("c__builtin__\neval\n", "__builtin__.eval")]
    [InlineData("cos\nsystem\n", "os.system")]
    [InlineData("ctorch\nload\n", "torch.load")]
    [InlineData("ctorch.storage\n_load_from_bytes\n", "torch.storage._load_from_bytes")]
    [InlineData("(S'x'\nios\nsystem\n", "os.system")]
    [InlineData("\u0082\u0001", "0x82")]
    public void What_is_not_data_is_refused_by_name(string pickle, string named)
    {
        Assert.Contains(named, Refusal("a.pt", PyTorchZip(Ascii(pickle))).Reason);
        Assert.Contains(named, Refusal("a.pth", Legacy(Ascii(pickle))).Reason);
        Assert.Contains(named, Refusal("a.pkl", Pickle(Ascii(pickle))).Reason);
    }

    [Fact]
    public void A_name_that_is_put_together_on_the_stack_is_refused_alike() =>
        Assert.Contains("os.system", Refusal("a.pt", PyTorchZip(Join(Unicode("os"), Unicode("system"), [0x93]))).Reason);

    [Theory]
    [InlineData(7, 0, new[] { 6 }, new[] { 1 }, "needs 7 elements")] // the storage is shorter than it claims
    [InlineData(6, 1, new[] { 6 }, new[] { 1 }, "reaches to element 7")]
    [InlineData(6, 0, new[] { 2, 3 }, new[] { 4, 1 }, "reaches to element 7")]
    [InlineData(6, -1, new[] { 2 }, new[] { 1 }, "negative offset")]
    [InlineData(6, 5, new[] { 2 }, new[] { -1 }, "negative stride")]
    [InlineData(6, 0, new[] { -2 }, new[] { 1 }, "negative size")]
    [InlineData(6, 0, new[] { 2, 2 }, new[] { 1 }, "strides")]
    [InlineData(6, 0, new[] { int.MaxValue, int.MaxValue, int.MaxValue }, new[] { 0, 0, 0 }, "overflows")]
    [InlineData(6, 0, new[] { int.MaxValue }, new[] { 0 }, "repeats")]
    public void A_tensor_outside_its_storage_is_refused(int count, int offset, int[] shape, int[] strides, string reason)
    {
        byte[] root = Dictionary(("w", Tensor("FloatStorage", "0", count, offset, shape, strides)));
        Assert.Contains(reason, Refusal("a.pt", PyTorchZip(root, ("0", Floats(1, 2, 3, 4, 5, 6)))).Reason);
    }

    [Fact]
    public void A_cut_file_is_refused_at_every_length()
    {
        byte[] root = Dictionary(("w", Tensor("FloatStorage", "0", 2, 0, [2], [1])));
        foreach (byte[] whole in new[] { Legacy(root, ("0", 2, Floats(1, 2))), PyTorchZip(root, ("0", Floats(1, 2))) })
            for (int length = 0; length < whole.Length; length++)
                Refusal("cut.pt", whole[..length]);
    }

    [Fact]
    public void A_lattice_of_references_and_a_cycle_are_refused_in_bounded_time()
    {
        // Each level holds the level below twice: 2^30 paths in a few hundred bytes.
        byte[] lattice = Join(Ascii("}q\0"), Join([.. Enumerable.Range(1, 30).Select(i => Join(
            Ascii("}("), Unicode("a"), [(byte)'h', (byte)(i - 1)], Unicode("b"), [(byte)'h', (byte)(i - 1)], Ascii("uq"), [(byte)i]))]));
        // Only the last value may stay on the stack.
        lattice = Join(Ascii("("), lattice, Ascii("l"));
        Assert.Contains("holds more than", Refusal("a.pt", PyTorchZip(lattice)).Reason);
        byte[] cycle = Join(Ascii("]q\0h\0a"));
        Assert.Contains("nests deeper", Refusal("a.pt", PyTorchZip(cycle)).Reason);
    }

    [Fact]
    public void A_short_pickle_cannot_ask_for_endless_work()
    {
        // One list of 50 000 pairs, made into a dictionary over and over.
        byte[] list = Join(Ascii("]q\0("), Join([.. Enumerable.Repeat(Ascii("NN\u0086"), 50_000)]), Ascii("e0"));
        byte[] again = Join([.. Enumerable.Repeat(Ascii("h\u0001h\0\u0085R0"), 50_000)]);
        byte[] root = Join(list, Ascii("ccollections\nOrderedDict\nq\u00010"), again, Ascii("N"));
        Assert.Contains("operations", Refusal("a.pt", PyTorchZip(root)).Reason);
    }

    [Fact]
    public void A_compression_bomb_is_refused_before_memory_is_taken()
    {
        byte[] root = Dictionary(("w", Tensor("FloatStorage", "0", 1 << 24, 0, [1 << 24], [1])));
        byte[] bytes = Zip(CompressionLevel.SmallestSize, ("a/data.pkl", Pickle(root)), ("a/data/0", new byte[1 << 26]));
        Assert.True(bytes.Length < 1 << 17);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refusal("bomb.pt", bytes);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void Entries_that_share_their_bytes_are_refused_before_memory_is_taken()
    {
        const int Copies = 2000, Bytes = 1 << 16;
        byte[] root = Dictionary([.. Enumerable.Range(0, Copies).Select(i => ($"t{i}", Tensor("ByteStorage", $"{i:d5}", Bytes, 0, [1], [1])))]);
        byte[] zip = Zip(CompressionLevel.NoCompression, ("a/data.pkl", Pickle(root)), ("a/data/00000", new byte[Bytes]));
        // The directory's record of the storage, once for each name; each is 46 bytes and the name.
        int end = zip.Length - 22, directory = BitConverter.ToInt32(zip, end + 16), record = end - 46 - "a/data/00000".Length;
        byte[] records = Join([.. Enumerable.Range(0, Copies).Select(i => Join(zip[record..(record + 46)], Ascii($"a/data/{i:d5}")))]);
        byte[] tail = zip[end..];
        BitConverter.GetBytes((ushort)(Copies + 1)).CopyTo(tail, 8);
        BitConverter.GetBytes((ushort)(Copies + 1)).CopyTo(tail, 10);
        BitConverter.GetBytes(record - directory + records.Length).CopyTo(tail, 12);
        Assert.Contains("out of proportion", Refusal("overlap.pt", Join(zip[..record], records, tail)).Reason);
    }

    [Fact]
    public void Two_entries_of_one_name_are_refused() =>
        Assert.Contains("two entries",
            Refusal("a.pt", Zip(CompressionLevel.NoCompression, ("a/data.pkl", Pickle(Ascii("}"))), ("a/data.pkl", Pickle(Ascii("}"))))).Reason);

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS")]
    [InlineData("<!DOCTYPE html><html></html>", "web page")]
    [InlineData("", "empty")]
    [InlineData("abc", "'abc'")]
    public void What_is_no_checkpoint_is_named_for_what_it_is(string content, string reason) =>
        Assert.Contains(reason, Refusal("x.pth", Ascii(content)).Reason);

    [Fact]
    public void A_missing_file_and_a_folder_are_named()
    {
        Assert.Contains("no such file", Assert.Throws<CheckpointException>(() => Checkpoint.Load(_folder.File("none.pt"))).Message);
        CheckpointException folder = Assert.Throws<CheckpointException>(() => Checkpoint.Load(_folder.Path));
        Assert.StartsWith(_folder.Path, folder.Message);
        Assert.Contains("folder", folder.Reason);
    }

    private static float[] Values(Checkpoint checkpoint, string name) => checkpoint.Tensors[name].contiguous().data<float>().ToArray();

    private Checkpoint Load(string name, byte[] bytes) => Checkpoint.Load(_folder.Write(name, bytes));

    private CheckpointException Refusal(string name, byte[] bytes)
    {
        string path = _folder.Write(name, bytes);
        CheckpointException refusal = Assert.Throws<CheckpointException>(() => Checkpoint.Load(path).Dispose());
        Assert.Equal(path, refusal.Path);
        return refusal;
    }
}
