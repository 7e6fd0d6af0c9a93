using Polder.Testing;
using static TorchSharp.torch;

namespace Polder.Checkpoints.Tests;

/// <summary>Every file of the corpus of foreign checkpoints is read with the right values or refused for the right reason.</summary>
public class CorpusTests
{
    public static IEnumerable<TheoryDataRow<string>> Formats => Corpus.Names("formats");

    public static IEnumerable<TheoryDataRow<string>> Hostile => Corpus.Names("hostile");

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_foreign_file_is_read_and_survives_both_formats_that_we_write(string name)
    {
        string path = Corpus.Require("formats", name);
        using TemporaryFolder folder = new();
        using Checkpoint original = Checkpoint.Load(path, CheckpointOptions.Verbatim);
        Assert.NotEmpty(original.Tensors);
        // What was read takes no more bytes than the file has: every view lies in the file's own data.
        PyTorchZip.Write(folder.File("a.pt"), original.Tensors.Select(t => (t.Key, t.Value)));
        Polder.Checkpoints.Safetensors.Write(folder.File("a.safetensors"), original.Tensors.Select(t => (t.Key, t.Value)));
        foreach (string copy in new[] { "a.pt", "a.safetensors" })
        {
            using Checkpoint again = Checkpoint.Load(folder.File(copy), CheckpointOptions.Verbatim);
            AssertSame(original, again);
        }
    }

    [Theory]
    [MemberData(nameof(Hostile))]
    public void A_hostile_file_is_refused(string name)
    {
        string path = Corpus.Require("hostile", name);
        long before = GC.GetAllocatedBytesForCurrentThread();
        CheckpointException refusal = Assert.Throws<CheckpointException>(() => Checkpoint.Load(path));
        Assert.StartsWith(path, refusal.Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
        Assert.Contains(
            name switch
            {
                "broken.pt" => "no known format",
                "calls-os-system.pkl" => "'posix.system'",
                "foreign-class-thinning.pth.tar" => "'distiller.thinning.ThinningRecipe'",
                "git-lfs-pointer.th" => "Git LFS pointer",
                "header-too-long.safetensors" => "header claims 1099511627776 bytes",
                "overlapping.safetensors" => "overlap",
                "shape-overflow.safetensors" => "overflows",
                _ => "",
            },
            refusal.Reason);
    }

    [Fact]
    public void A_pair_of_files_agrees_bit_for_bit()
    {
        using Checkpoint left = Checkpoint.Load(Corpus.Require("formats", "module-pairs/tensors.pth"));
        using Checkpoint right = Checkpoint.Load(Corpus.Require("formats", "module-pairs/tensors.safetensors"));
        AssertSame(left, right);
    }

    [Fact]
    public void Two_trainings_of_one_network_have_the_same_names_types_and_shapes()
    {
        // The second file was trained for twice as many batches, as its counters say, so that only the form can agree.
        using Checkpoint zip = Checkpoint.Load(Corpus.Require("formats", "zip-and-legacy/weights-mnist.pt"));
        using Checkpoint safe = Checkpoint.Load(Corpus.Require("formats", "zip-and-legacy/weights-mnist.safetensors"));
        Assert.Equal(Form(zip), Form(safe));
        Assert.Equal(3752, zip.Tensors["norm1.num_batches_tracked"].item<long>());
        Assert.Equal(7504, safe.Tensors["norm1.num_batches_tracked"].item<long>());

        static IEnumerable<string> Form(Checkpoint checkpoint) =>
            checkpoint.Tensors.Select(t => $"{t.Key} {t.Value.dtype} [{string.Join(",", t.Value.shape)}]").Order(StringComparer.Ordinal);
    }

    // The values were decoded from the files' bytes by an independent program.
    [Theory]
    [InlineData("reader-special_values.pt", "tensor", new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity, 0, 1 })]
    [InlineData("reader-extreme_values.pt", "tensor", new double[] { 1e-30f, 1e30f, -1e-30f, -1e30f })]
    [InlineData("reader-bfloat16.pt", "tensor", new[] { 1.5, -2.5, 3.5 })]
    [InlineData("reader-float16.pt", "tensor", new[] { 1.5, -2.25, 3.125 })]
    [InlineData("reader-float32.pt", "tensor", new double[] { 1, 2.5f, -3.7f, 0 })]
    [InlineData("reader-float64.pt", "tensor", new[] { 1.1, 2.2, 3.3 })]
    [InlineData("reader-int8.pt", "tensor", new double[] { 127, -128, 0, 50 })]
    [InlineData("reader-uint8.pt", "tensor", new double[] { 0, 128, 255, 42 })]
    [InlineData("reader-int16.pt", "tensor", new double[] { 1000, -2000, 3000 })]
    [InlineData("reader-int32.pt", "tensor", new double[] { 10, 20, -30 })]
    [InlineData("reader-int64.pt", "tensor", new double[] { 100, -200, 300, 0 })]
    [InlineData("reader-bool.pt", "tensor", new double[] { 1, 0, 1, 1, 0 })]
    [InlineData("reader-scalar.pt", "tensor", new double[] { 42 })]
    [InlineData("reader-legacy_uncloned_views.pt", "tensor1", new double[] { 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 })]
    [InlineData("reader-legacy_uncloned_views.pt", "tensor2", new double[] { 50, 51, 52, 53, 54, 55, 56, 57, 58, 59 })]
    [InlineData("tar_multi_dtype.tar", "float_tensor", new[] { 1.5, 2.5, 3.5 })]
    [InlineData("tar_multi_dtype.tar", "double_tensor", new[] { 1.111, 2.222 })]
    [InlineData("tar_multi_dtype.tar", "int_tensor", new double[] { 10, 20, 30, 40 })]
    [InlineData("tar_weight_bias.tar", "weight", new double[] { 0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f })]
    [InlineData("tar_weight_bias.tar", "bias", new double[] { 0.01f, 0.02f })]
    public void Values_are_those_of_the_file(string file, string name, double[] expected)
    {
        using Checkpoint checkpoint = Checkpoint.Load(Corpus.Require("formats", "zip-and-legacy/" + file));
        Assert.Equal(expected, checkpoint.Tensors[name].to(ScalarType.Float64).contiguous().data<double>().ToArray());
    }

    [Fact]
    public void Fortran_order_is_kept_as_strides()
    {
        using Checkpoint checkpoint = Checkpoint.Load(Corpus.Require("formats", "strided/fortran_tensor_3d.pth"));
        Tensor tensor = checkpoint.Tensors["tensor_fortran"];
        Assert.Equal([2L, 3, 4], tensor.shape);
        Assert.Equal([1L, 2, 6], tensor.stride());
        long[] inMemory = tensor.permute(2, 1, 0).contiguous().data<long>().ToArray();
        byte[] file = File.ReadAllBytes(checkpoint.Path);
        byte[] stored = [.. inMemory.SelectMany(BitConverter.GetBytes)];
        Assert.True(file.AsSpan().IndexOf(stored) > 0);
    }

    [Fact]
    public void Views_of_a_legacy_file_share_their_storage()
    {
        using Checkpoint checkpoint = Checkpoint.Load(Corpus.Require("formats", "zip-and-legacy/reader-legacy_uncloned_views.pt"));
        // Elements 10 to 19 and 50 to 59 of one storage of a hundred: each view reaches all of it.
        using Tensor whole = checkpoint.Tensors["tensor1"].as_strided([100], [1], 0);
        checkpoint.Tensors["tensor2"].fill_(-1);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => i is >= 50 and < 60 ? -1f : i), whole.data<float>().ToArray());
    }

    private static void AssertSame(Checkpoint expected, Checkpoint actual)
    {
        Assert.Equal(expected.Tensors.Keys.Order(StringComparer.Ordinal), actual.Tensors.Keys.Order(StringComparer.Ordinal));
        foreach ((string name, Tensor tensor) in expected.Tensors)
            SafetensorsTests.AssertSameBytes(tensor, actual.Tensors[name]);
    }
}

/// <summary>The corpus by relative names, so that a test's name says its file; one name that skips where there is no corpus.</summary>
internal static class Corpus
{
    public static IEnumerable<TheoryDataRow<string>> Names(string kind)
    {
        string folder = Folder(kind);
        if (!Directory.Exists(folder))
            return [new TheoryDataRow<string>("(absent)")];
        return Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(file => new TheoryDataRow<string>(Path.GetRelativePath(folder, file).Replace('\\', '/')));
    }

    public static string Require(string kind, string name) => SharedFiles.Require("checkpoints", kind, name);

    /// <summary>The small files of the corpus, where it is there.</summary>
    public static IEnumerable<byte[]> SmallFiles(int maximum) =>
        new[] { "formats", "hostile" }.Select(Folder).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)).Order(StringComparer.Ordinal)
            .Where(file => new FileInfo(file).Length <= maximum).Select(File.ReadAllBytes);

    private static string Folder(string kind) => Path.Combine(SharedFiles.Repository, "..", "shared", "checkpoints", kind);
}
