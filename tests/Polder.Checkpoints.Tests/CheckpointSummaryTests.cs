using Polder.Checkpoints.Onnx;
using static TorchSharp.torch;

namespace Polder.Checkpoints.Tests;

/// <summary>What is computed from a file's bytes is what is computed from its tensors, to the last bit.</summary>
public sealed class CheckpointSummaryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static IEnumerable<TheoryDataRow<string>> Formats => Corpus.Names("formats");

    public static TheoryData<ScalarType> Types => SafetensorsTests.Types;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_foreign_file(string name)
    {
        string path = Corpus.Require("formats", name);
        Check(path, new CheckpointOptions());
        Check(path, CheckpointOptions.Verbatim);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_type_in_both_formats_that_we_write_and_in_views(ScalarType type)
    {
        using var scope = NewDisposeScope();
        Tensor dense = (arange(-60, 60, ScalarType.Float32) * (type == ScalarType.Byte ? -1 : 1)).abs().to(type).reshape(4, 5, 6);
        (string, Tensor)[] tensors =
        [
            ("dense", dense), ("turned", dense.permute(2, 0, 1)), ("piece", dense[TensorIndex.Slice(1, 3), .., TensorIndex.Slice(0, 6, 2)]),
            ("row", dense[2]), ("one", dense[1, 2, 3]), ("empty", dense[TensorIndex.Slice(0, 0)]),
        ];
        PyTorchZip.Write(_folder.File("a.pt"), tensors);
        Check(_folder.File("a.pt"), new CheckpointOptions());
        if (type == ScalarType.ComplexFloat64)
            return; // safetensors has no such type
        Safetensors.Write(_folder.File("a.safetensors"), tensors.Select(t => (t.Item1, t.Item2.contiguous())));
        Check(_folder.File("a.safetensors"), new CheckpointOptions());
    }

    [Fact]
    public void Views_of_one_storage_with_gaps_repetitions_and_another_start()
    {
        byte[] floats = Fixtures.Floats([.. Enumerable.Range(0, 24).Select(i => MathF.Sin(i) * 10)]);
        byte[] root = Fixtures.Dictionary(
            ("turned", Fixtures.Tensor("FloatStorage", "0", 24, 0, [3, 2, 4], [1, 12, 3])),
            ("gaps", Fixtures.Tensor("FloatStorage", "0", 24, 1, [3, 2], [8, 2])),
            ("repeated", Fixtures.Tensor("FloatStorage", "0", 24, 5, [4, 3], [0, 1])),
            ("lone", Fixtures.Tensor("FloatStorage", "0", 24, 2, [1, 5, 1], [7, 1, 9])));
        Check(_folder.Write("zip.pt", Fixtures.PyTorchZip(root, ("0", floats))), new CheckpointOptions());
        Check(_folder.Write("legacy.pt", Fixtures.Legacy(root, ("0", 24, floats))), new CheckpointOptions());
    }

    [Fact]
    public void Elements_that_are_not_finite_and_foreign_bytes_of_booleans()
    {
        byte[] floats = Fixtures.Floats(1, float.NaN, float.NegativeInfinity, -3);
        byte[] root = Fixtures.Dictionary(
            ("f", Fixtures.Tensor("FloatStorage", "0", 4, 0, [4], [1])), ("b", Fixtures.Tensor("BoolStorage", "1", 3, 0, [3], [1])));
        string path = _folder.Write("a.pt", Fixtures.PyTorchZip(root, ("0", floats), ("1", [0, 255, 2])));
        Check(path, new CheckpointOptions());
        Assert.Equal([2, 0], CheckpointSummary.Of(path).Tensors.Select(t => t.Values.NonFinite));
        Assert.Equal(Math.Sqrt(2), CheckpointSummary.Of(path).Tensors[1].Values.Norm);
    }

    [Theory]
    [InlineData("<f4", false)]
    [InlineData(">f4", false)]
    [InlineData("<f4", true)]
    [InlineData(">f4", true)]
    public void Arrays_of_numpy_in_every_order(string type, bool fortran)
    {
        byte[] npy = Fixtures.Npy(type, fortran, "(2, 3, 4)", Fixtures.Floats([.. Enumerable.Range(0, 24).Select(i => MathF.Cos(i))]));
        Check(_folder.Write("a.npy", npy), new CheckpointOptions());
        Check(_folder.Write("a.npz", Fixtures.Zip(System.IO.Compression.CompressionLevel.Optimal, ("x.npy", npy), ("y.npy", npy))), new CheckpointOptions());
    }

    [Fact]
    public void A_tensor_of_many_pieces()
    {
        using Tensor large = rand(3, 500, 401);
        PyTorchZip.Write(_folder.File("a.pt"), [("turned", large.permute(2, 1, 0)), ("dense", large)]);
        Check(_folder.File("a.pt"), new CheckpointOptions());
    }

    [Fact]
    public void An_onnx_file_with_its_graph_in_words_and_weights_in_nodes_too()
    {
        using var scope = NewDisposeScope();
        OnnxTensor weight = OnnxTensor.Of("weight", arange(6, ScalarType.Float32).reshape(3, 2)), kept = OnnxTensor.Of("", tensor(new float[] { 5, -7 })),
            axes = OnnxTensor.Of("", tensor(new long[] { 1 }));
        static OnnxNode Constant(string name, OnnxTensor value) => new("Constant", "", [], [name], new Dictionary<string, object> { ["value"] = value });
        var graph = new OnnxGraph("g", [new("x", OnnxType.Float, [new(null, "N"), new(3)])], [new("y", OnnxType.Float, null)],
            [Constant("bias", kept), Constant("axes", axes), new("MatMul", "", ["x", "weight"], ["z"], new Dictionary<string, object>()),
                new("Add", "", ["z", "bias"], ["y"], new Dictionary<string, object>())],
            new Dictionary<string, OnnxTensor> { ["weight"] = weight });
        string path = _folder.File("a.onnx");
        OnnxFile.Write(path, new OnnxModel(graph, 17, 8) { Producer = ("someone", "2") });
        Check(path, new CheckpointOptions());
        CheckpointSummary found = CheckpointSummary.Of(path);
        Assert.Equal(["weight", "bias"], found.Tensors.Select(t => t.Tensor.Name));
        Assert.Equal(-7, found.Tensors[1].Values.Minimum);
        Assert.Equal(
            ["operators of version 17, format 8, by someone 2", "input x: float32 [N, 3]", "output y: float32", "4 nodes: 2 Constant, 1 Add, 1 MatMul"],
            found.Description);
    }

    private static void Check(string path, CheckpointOptions options)
    {
        CheckpointSummary found = CheckpointSummary.Of(path, options);
        using Checkpoint expected = Checkpoint.Load(path, options);
        Assert.Equal((expected.Path, expected.Format, expected.Wrapper, expected.Prefix), (found.Path, found.Format, found.Wrapper, found.Prefix));
        Assert.Equal(expected.Metadata, found.Metadata);
        Assert.Equal(expected.LeftOut, found.LeftOut);
        Assert.Equal(expected.Tensors.Select(t => $"{t.Key} {t.Value.dtype} [{string.Join(", ", t.Value.shape)}]"), found.Tensors.Select(t => $"{t.Tensor}"));
        Assert.Equal(expected.Tensors.Values.Select(TensorStatistics.Of), found.Tensors.Select(t => t.Values));
    }
}
