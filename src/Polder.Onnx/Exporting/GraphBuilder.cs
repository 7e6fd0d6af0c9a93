namespace Polder.Onnx.Exporting;

/// <summary>Collects the nodes and constants of a graph, layer by layer. Each method adds what one layer is and returns the name of its output.</summary>
/// <param name="names">The names of the network's layers, which become those of constants and nodes.</param>
/// <param name="options">How layers are written.</param>
internal sealed class GraphBuilder(IReadOnlyDictionary<nn.Module, string> names, ExportOptions options)
{
    /// <summary>What a name of an imported body gets that is taken.</summary>
    public const string BodyEnding = "_body";

    private readonly Dictionary<string, int> _counts = [];
    private readonly List<OnnxNode> _nodes = [];
    private readonly Dictionary<string, OnnxTensor> _constants = [];

    /// <summary>The graph of all that was added.</summary>
    public OnnxGraph Build(string name, OnnxValue input, IReadOnlyList<OnnxValue> outputs) => new(name, [input], outputs, _nodes, _constants);

    /// <summary>A node of one output.</summary>
    /// <param name="type">The operator.</param>
    /// <param name="inputs">Names of values.</param>
    /// <param name="attributes">Attributes.</param>
    /// <param name="name">The node's name; null: the operator's with a number.</param>
    /// <param name="output">The output's name; null: the node's with an ending.</param>
    public string Add(string type, string[] inputs, Dictionary<string, object>? attributes = null, string? name = null, string? output = null)
    {
        int count = _counts[type] = _counts.GetValueOrDefault(type) + 1;
        name ??= $"{type}_{count}";
        output ??= $"{name}_output";
        _nodes.Add(new OnnxNode(type, name, inputs, [output], attributes ?? []));
        return output;
    }

    /// <summary>A constant, in the precision of the computation where it is one of floats.</summary>
    public string Constant(string name, Tensor value)
    {
        using Tensor rounded = options.Half && value.is_floating_point() ? value.to(ScalarType.Float16) : value.alias();
        _constants.Add(name, OnnxTensor.Of(name, rounded));
        return name;
    }

    /// <summary>A constant of 32-bit floats, one a channel.</summary>
    public string Channels(string name, IEnumerable<float> values)
    {
        using Tensor value = tensor([.. values]);
        using Tensor shaped = value.view(1, -1, 1, 1);
        _constants.Add(name, OnnxTensor.Of(name, shaped));
        return name;
    }

    /// <summary>A constant of whole numbers.</summary>
    public string Longs(string name, params long[] values)
    {
        using Tensor value = tensor(values);
        return Constant(name, value);
    }

    /// <summary>A convolution and the BatchNorm behind it, as two nodes or folded into one.</summary>
    public string ConvolutionNorm(Conv2d convolution, BatchNorm2d norm, string input)
    {
        string at = names[convolution], normAt = names[norm];
        if (options.Fold)
            return Folded(convolution, norm, input);
        string output = Convolution(convolution, [input, Constant($"{at}.weight", convolution.weight)]);
        return Add(
            "BatchNormalization",
            [
                output, Constant($"{normAt}.weight", norm.weight!), Constant($"{normAt}.bias", norm.bias!),
                Constant($"{normAt}.running_mean", norm.running_mean!), Constant($"{normAt}.running_var", norm.running_var!),
            ],
            // ONNX weighs the old statistics, torch the new ones.
            new() { ["epsilon"] = (float)norm.eps, ["momentum"] = (float)(1 - (norm.momentum ?? 0.1)) },
            NodeName(normAt));
    }

    /// <summary>The body of a network that came from a file: its nodes with the weights of today.</summary>
    public string Body(OnnxClassifier network, string image)
    {
        BodyGraph body = network.Body;
        // Names of ours may be the file's, too.
        HashSet<string> own = [image, "input", "logits", "probabilities", .. _constants.Keys, .. _nodes.SelectMany(n => n.Outputs), .. names.Values.Where(
            n => n == network.HeadName).SelectMany(n => new[] { $"{n}.weight", $"{n}.bias" })];
        string Named(string name)
        {
            if (name.Length == 0 || name == body.Input)
                return name.Length == 0 ? name : image;
            while (own.Contains(name))
                name += BodyEnding;
            return name;
        }
        using DisposeScope scope = NewDisposeScope();
        var written = new ImportedBody(network, options);
        foreach ((string name, Tensor value) in written.Constants)
            _constants.Add(Named(name), OnnxTensor.Of(Named(name), value));
        foreach (OnnxNode node in written.Nodes)
            _nodes.Add(node with { Inputs = [.. node.Inputs.Select(Named)], Outputs = [.. node.Outputs.Select(Named)] });
        return Named(body.Output);
    }

    /// <summary>A linear layer.</summary>
    public string Linear(Linear layer, string input, string? output)
    {
        string at = names[layer];
        string[] inputs = [input, Constant($"{at}.weight", layer.weight!), Constant($"{at}.bias", layer.bias!)];
        return Add("Gemm", inputs, new() { ["transB"] = 1L }, NodeName(at), output);
    }

    private string Folded(Conv2d convolution, BatchNorm2d norm, string input)
    {
        using DisposeScope scope = NewDisposeScope();
        string at = names[convolution];
        (Tensor weight, Tensor bias) = FoldedNorm.Of(
            convolution.weight, null, norm.weight!, norm.bias!, norm.running_mean!, norm.running_var!, norm.eps);
        return Convolution(convolution, [input, Constant($"{at}.weight", weight), Constant($"{at}.bias", bias)]);
    }

    private string Convolution(Conv2d layer, string[] inputs)
    {
        long[] pads = Two(layer.padding ?? [0]);
        return Add("Conv", inputs, new()
        {
            ["kernel_shape"] = layer.weight.shape[2..],
            ["strides"] = Two(layer.stride),
            ["dilations"] = Two(layer.dilation),
            ["group"] = layer.groups,
            ["pads"] = (long[])[.. pads, .. pads],
        }, NodeName(names[layer]));
    }

    private static string NodeName(string layer) => $"/{layer.Replace('.', '/')}";

    private static long[] Two(long[] values) => values.Length > 1 ? values : [values[0], values[0]];
}
