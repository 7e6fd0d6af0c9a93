using TorchSharp;

namespace Polder.Onnx.Tests;

/// <summary>Operators that ONNX's own tests of Debian 12 do not know yet, or know too little of, against ONNX Runtime.</summary>
public sealed class OperatorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-operators-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("alone")]
    [InlineData("scale")]
    [InlineData("causal")]
    [InlineData("mask of numbers")]
    [InlineData("mask of truths")]
    [InlineData("softcap")]
    [InlineData("fewer keys")]
    [InlineData("three dimensions")]
    public void Attention_is_that_of_onnx_runtime(string kind)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(11);
        bool flat = kind == "three dimensions";
        long groups = kind == "fewer keys" || flat ? 2 : 4;
        long[] queries = flat ? [2, 5, 4 * 6] : [2, 4, 5, 6];
        long[] keys = flat ? [2, 7, groups * 6] : [2, groups, 7, 6], values = flat ? [2, 7, groups * 3] : [2, groups, 7, 3];
        Tensor? mask = kind switch
        {
            "mask of numbers" => randn([5, 7], generator: generator),
            "mask of truths" => rand([2, 1, 5, 7], generator: generator).gt(0.4).logical_or(eye(5, 7).gt(0)),
            _ => null,
        };
        Dictionary<string, object> attributes = kind switch
        {
            "scale" => new() { ["scale"] = 0.7f },
            "causal" => new() { ["is_causal"] = 1L },
            "softcap" => new() { ["softcap"] = 1.5f },
            "three dimensions" => new() { ["q_num_heads"] = 4L, ["kv_num_heads"] = groups },
            _ => [],
        };
        Tensor k = randn(keys, generator: generator), v = randn(values, generator: generator);
        Compare("Attention", attributes, 23, randn(queries, generator: generator), [k, v, mask]);
    }

    [Fact]
    public void Norms_and_activations_of_today_are_those_of_onnx_runtime()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(12);
        Tensor x = randn([2, 3, 4, 5], generator: generator);
        Compare("RMSNormalization", new() { ["axis"] = -2L, ["epsilon"] = 0.01f }, 23, x, [randn([4, 5], generator: generator)]);
        Compare("LpNormalization", new() { ["axis"] = 1L, ["p"] = 2L }, 22, x, []);
        // A row of zeros stays that.
        Compare("LpNormalization", new() { ["axis"] = 1L, ["p"] = 2L }, 22, x * tensor((float[])[0, 1, 1, 0, 1]), []);
        Compare("LpNormalization", new() { ["axis"] = 3L, ["p"] = 1L }, 22, x, []);
        Compare("Trilu", new() { ["upper"] = 0L }, 17, x, [tensor(1L)]);
    }

    // Windows that would begin behind the input are none, also where the pads are wide or uneven.
    [Theory]
    [InlineData(2, 3, 3, 1, 1)]
    [InlineData(5, 2, 2, 0, 1)]
    [InlineData(5, 3, 2, 1, 2)]
    [InlineData(6, 4, 3, 3, 3)]
    [InlineData(7, 3, 3, 0, 0)]
    public void Pools_that_round_up_are_those_of_onnx_runtime(int side, long kernel, long stride, long before, long after)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = randn([1, 2, side, side + 1], generator: new Generator(13));
        Dictionary<string, object> attributes = new()
        {
            ["kernel_shape"] = (long[])[kernel, kernel],
            ["strides"] = (long[])[stride, stride],
            ["pads"] = (long[])[before, before, after, after],
            ["ceil_mode"] = 1L,
        };
        Compare("MaxPool", attributes, 22, x, []);
        Compare("AveragePool", attributes, 22, x, []);
    }

    private void Compare(string type, Dictionary<string, object> attributes, int version, Tensor input, Tensor?[] others)
    {
        string path = Path.Combine(_folder, $"{type}.onnx");
        var constants = new Dictionary<string, OnnxTensor>();
        string[] names = [.. others.Select((other, i) => other is null ? "" : Keep($"c{i}", other))];
        var graph = new OnnxGraph("one", [new OnnxValue("x", OnnxType.Float, [.. input.shape.Select(d => new OnnxDimension(d))])],
            [new OnnxValue("y", OnnxType.Float, null)], [new OnnxNode(type, "", ["x", .. names], ["y"], attributes)], constants);
        OnnxFile.Write(path, new OnnxModel(graph, version, version >= 23 ? 11 : 10));
        float[] expected = Runtime.First(path, input.data<float>().ToArray(), input.shape);
        using OnnxFile file = OnnxFile.Open(path);
        Tensor found = GraphEvaluator.Run(path, file.Model.Graph, version, new Dictionary<string, Tensor> { ["x"] = input })["y"];
        Assert.Equal(expected.Length, found.numel());
        Assert.All(expected.Zip(found.contiguous().data<float>().ToArray()), p => Assert.InRange(p.First - p.Second, -2e-6, 2e-6));

        string Keep(string name, Tensor value)
        {
            constants[name] = OnnxTensor.Of(name, value);
            return name;
        }
    }
}
