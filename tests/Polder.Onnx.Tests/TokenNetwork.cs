namespace Polder.Onnx.Tests;

/// <summary>
/// A small transformer of images as exporters write it: a class token that is repeated for each image, attention of two heads, one normalization that
/// two places share, a scale of the branch, a gelu of single operators.
/// </summary>
internal static class TokenNetwork
{
    public const int Side = 16, Parameters = 16;

    /// <summary>Writes it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="batch">
    /// The number of images; null: any. Where it is given, attention has tokens before images, as PyTorch's has, and the number is in its reshapes.
    /// </param>
    /// <param name="metadata">What it says beside the graph.</param>
    /// <param name="version">
    /// The version of the operators: from 23 on attention and gelu are operators, and shapes are put together, as PyTorch's exporter of today has it.
    /// </param>
    public static void Write(string path, long? batch = null, Dictionary<string, string>? metadata = null, int version = 17)
    {
        using TorchSharp.DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(5);
        var constants = new Dictionary<string, OnnxTensor>();
        List<OnnxNode> nodes = [];
        string patches = Add("Conv", ["input", Real("patch.weight", 8, 3, 4, 4), Real("patch.bias", 8)],
            new() { ["strides"] = (long[])[4, 4], ["kernel_shape"] = (long[])[4, 4] });
        string tokens = Add("Transpose", [Add("Reshape", [patches, Longs("flat", 0, 8, 16)])], new() { ["perm"] = (long[])[0, 2, 1] });
        bool modern = version >= 23;
        string count = modern ? Add("Shape", [tokens], new() { ["start"] = 0L, ["end"] = 1L })
            : Add("Slice", [Add("Shape", [tokens]), Longs("zero", 0), Longs("one", 1)]);
        string classToken = Real("class_token", 1, 1, 8);
        if (batch is not 1)
            classToken = Add("Expand", [classToken, modern ? Sizes(1, 8) : Shape(count)]);
        string all = Add("Add", [Add("Concat", [classToken, tokens], new() { ["axis"] = 1L }), Real("pos_embedding", 1, 17, 8)]);
        Real("norm.weight", 8);
        Real("norm.bias", 8);
        string normed = Norm(all);
        string mixed = Add("Add", [Add("MatMul", [batch is null ? normed : Turned(normed), Real("qkv.weight", 8, 24)]), Real("qkv.bias", 24)]);
        nodes.Add(new OnnxNode("Split", "", [mixed], ["q", "k", "v"], modern ? new Dictionary<string, object> { ["axis"] = 2L, ["num_outputs"] = 3L }
            : new Dictionary<string, object> { ["axis"] = 2L }));
        string joined = modern ? Attention() : Products();
        string branch = Add("Add", [Add("MatMul", [joined, Real("out.weight", 8, 8)]), Real("out.bias", 8)]);
        if (batch is { } images)
            branch = Turned(Add("Reshape", [branch, Longs("apart", 17, images, 8)]));
        string after = Add("Add", [all, Add("Mul", [branch, Real("gamma", 8)])]);
        string hidden = Add("Add", [Add("MatMul", [Norm(after), Real("mlp.weight", 8, 16)]), Real("mlp.bias", 16)]);
        string gelu = modern ? Add("Gelu", [hidden])
            : Add("Mul", [Add("Mul", [hidden, Add("Add", [Add("Erf", [Add("Div", [hidden, Number("root", 1.4142135f)])]), Number("unit", 1)])]), "half"]);
        string last = Add("Add", [after, Add("MatMul", [gelu, Real("down.weight", 16, 8)])]);
        string first = Add("Gather", [last, Index("index")], new() { ["axis"] = 1L });
        string logits = Add("Gemm", [first, Real("head.weight", 3, 8), Real("head.bias", 3)], new() { ["transB"] = 1L });
        Add("Softmax", [logits], new() { ["axis"] = 1L }, "probabilities");
        OnnxDimension rows = batch is null ? new(null, "batch") : new(batch);
        OnnxFile.Write(path, new OnnxModel(new OnnxGraph("tokens",
            [new OnnxValue("input", OnnxType.Float, [rows, new(3), new(Side), new(Side)])],
            [new OnnxValue("probabilities", OnnxType.Float, [rows, new(3)])], nodes, constants), version, version >= 23 ? 11 : 8)
        { Metadata = metadata ?? [] });

        string Add(string type, string[] inputs, Dictionary<string, object>? attributes = null, string? output = null)
        {
            output ??= $"{type}_{nodes.Count}";
            nodes.Add(new OnnxNode(type, "", inputs, [output], attributes ?? []));
            return output;
        }

        string Products()
        {
            string q = batch is null ? Heads("q", 0, 2, 1, 3) : Rows("q", 1, 0, 2), k = batch is null ? Heads("k", 0, 2, 3, 1) : Rows("k", 1, 2, 0);
            string v = batch is null ? Heads("v", 0, 2, 1, 3) : Rows("v", 1, 0, 2);
            string weights = Add("Softmax", [Add("Mul", [Add("MatMul", [q, k]), Number("half", 0.5f)])], new() { ["axis"] = -1L });
            string seen = Add("MatMul", [weights, v]);
            return batch is { } n ? Add("Reshape", [Turned(seen), Longs("join", 17 * n, 8)])
                : Add("Reshape", [Add("Transpose", [seen], new() { ["perm"] = (long[])[0, 2, 1, 3] }), Longs("join", 0, 17, 8)]);
        }

        string Attention()
        {
            string[] parts = [.. ((string[])["q", "k", "v"]).Select(part => Add("Transpose",
                [Add("Reshape", [part, Sizes(17, 2, 4)], new() { ["allowzero"] = 1L })], new() { ["perm"] = (long[])[0, 2, 1, 3] }))];
            string seen = Add("Transpose", [Add("Attention", parts, new() { ["scale"] = 0.5f })], new() { ["perm"] = (long[])[0, 2, 1, 3] });
            return Add("Reshape", [seen, Sizes(17, 8)], new() { ["allowzero"] = 1L });
        }

        string Sizes(params long[] rest) => Add("Concat", [count, Longs(string.Join('x', rest), rest)], new() { ["axis"] = 0L });

        // PyTorch's expand(n, -1, -1): where -1 is asked for, 1 is taken, which leaves a dimension as it is.
        string Shape(string images)
        {
            string asked = Add("Concat", [images, Longs("rest", -1, -1)], new() { ["axis"] = 0L });
            string ones = Add("ConstantOfShape", [Add("Shape", [asked])], new() { ["value"] = OnnxTensor.Of("", tensor((long[])[1])) });
            return Add("Where", [Add("Equal", [asked, Add("Mul", [ones, Longs("minus", -1)])]), ones, asked]);
        }

        string Norm(string value) => Add("LayerNormalization", [value, "norm.weight", "norm.bias"], new() { ["axis"] = -1L });

        string Heads(string value, params long[] order) =>
            Add("Transpose", [Add("Reshape", [value, Longs($"{value}.heads", 0, 17, 2, 4)])], new() { ["perm"] = order });

        string Turned(string value) => Add("Transpose", [value], new() { ["perm"] = (long[])[1, 0, 2] });

        // Images and their heads in one dimension.
        string Rows(string value, params long[] order) =>
            Add("Transpose", [Add("Reshape", [value, Longs($"{value}.rows", 17, 2 * batch!.Value, 4)])], new() { ["perm"] = order });

        string Real(string name, params long[] size) =>
            Keep(name, randn(size, generator: generator).mul(0.3).add(name.EndsWith("norm.weight", StringComparison.Ordinal) ? 1 : 0));

        string Longs(string name, params long[] values) => Keep(name, tensor(values));

        string Number(string name, float value) => Keep(name, tensor(value));

        string Index(string name) => Keep(name, tensor(0L));

        string Keep(string name, Tensor value)
        {
            constants[name] = OnnxTensor.Of(name, value);
            return name;
        }
    }
}
