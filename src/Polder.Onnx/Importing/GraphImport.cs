namespace Polder.Onnx.Importing;

/// <summary>What is known of a file's images and head beside the file.</summary>
/// <param name="ImageSize">The side of the images; null: as the file says.</param>
/// <param name="IsBgr">Whether the network takes blue first.</param>
/// <param name="HeadOutput">The value of the logits; null: found out.</param>
/// <param name="Features">The value of the features, behind which a new head comes; null: found out.</param>
/// <param name="Classes">How many classes the file names; null where it names none.</param>
internal sealed record ImportOptions(int? ImageSize, bool IsBgr, string? HeadOutput, string? Features, int? Classes);

/// <summary>A file as body and head.</summary>
/// <param name="Body">From images to features.</param>
/// <param name="Head">The head; null where it has none.</param>
/// <param name="ImageSize">The side of the images.</param>
internal sealed record ImportedGraph(BodyGraph Body, HeadPlace? Head, int ImageSize)
{
    /// <summary>The constants of the whole file, for the head's.</summary>
    public required IReadOnlyDictionary<string, Constant> Constants { get; init; }

    /// <summary>The number of classes of the head; null where it has none.</summary>
    public int? Classes => Head is null ? null : Head.IsLogits ? Body.Features
        : (int)(Head.IsTransposed ? Constants[Head.Weight!].Shape[1] : Constants[Head.Weight!].Shape[0]);
}

/// <summary>Brings a file's graph into the form that a network is built from: constants folded, the head off, any number of images, channels first.</summary>
internal sealed class GraphImport
{
    private const int UsualSize = 224;

    private readonly string _path;
    private readonly int _opset;
    private readonly Dictionary<string, Constant> _constants;
    private readonly Dictionary<string, long[]> _shapes = [];
    private readonly ImportOptions _options;
    private readonly long[] _shape;
    private readonly long? _batch;
    private List<OnnxNode> _nodes;
    private readonly string _input;

    private GraphImport(OnnxFile file, ImportOptions options)
    {
        OnnxGraph graph = file.Model.Graph;
        (_path, _opset, _options) = (file.Path, file.Model.Opset, options);
        _constants = graph.Constants.Values.ToDictionary(c => c.Name, Constant.Of);
        OnnxValue input = GraphEvaluator.InputOf(file.Path, graph, GraphEvaluator.DefaultLimit);
        _nodes = ConstantFolding.Of(file.Path, graph, _opset, _constants);
        if (_nodes.Find(n => !Operators.Knows(n)) is { } stranger)
            throw Error($"{stranger} is an operator{(stranger.Domain.Length > 0 ? $" of {stranger.Domain}" : "")} that is not supported");
        (_input, _shape, _batch) = Front(input);
    }

    /// <summary>Imports a file.</summary>
    /// <exception cref="OnnxException">It is no network that turns images into features, or has what is not supported.</exception>
    public static ImportedGraph Of(OnnxFile file, ImportOptions options) => new GraphImport(file, options).Import(file.Model.Graph);

    private ImportedGraph Import(OnnxGraph graph)
    {
        using DisposeScope scope = NewDisposeScope();
        string output = _options.Features ?? _options.HeadOutput ?? graph.Outputs[0].Name;
        if (!_nodes.Any(n => n.Outputs.Contains(output)))
            throw Error($"nothing that depends on the image writes '{output}', allowed: an output of a node, such as {_nodes.LastOrDefault()?.Outputs[0]}");
        _nodes = BodyGraph.Needed(_nodes, output);
        Observe(output);
        if (_batch is not null)
            _nodes = BatchFreeing.Free(_path, _opset, _nodes, _constants, _shapes, _input, output);
        HeadPlace? head = _options.Features is not null ? null
            : HeadFinder.Find(_nodes, _constants, _shapes, output, _options.HeadOutput is not null || _options.Classes == ClassesOf(output));
        if (head is { Weight: null, IsLogits: false })
            head = null;
        string feature = head?.Feature ?? output;
        _nodes = BodyGraph.Needed(_nodes, feature);
        (string end, long features) = Flat(feature);
        if (features is < 1 or > int.MaxValue)
            throw Error($"the features '{feature}' are [{string.Join(", ", _shapes[feature])}], allowed: one image a row");
        if (_batch is not null)
            BatchFreeing.Require(_path, _opset, _nodes, _constants, _input, end, _shape);
        var body = new BodyGraph(_path, _opset, _input, end, BodyGraph.Detached(_nodes), _constants, (int)_shape[1], (int)features, "head");
        ImportedGraph imported = new(body, head, (int)_shape[2])
        {
            Constants = _constants,
        };
        return imported.Classes is 1 ? (imported with { Head = null }).Named() : imported.Named();
    }

    // Where the image comes in: channels first, red first, as everything else here has them.
    private (string Input, long[] Shape, long? Batch) Front(OnnxValue input)
    {
        if (input.Type is not (OnnxType.Float or OnnxType.Float16 or OnnxType.BFloat16 or OnnxType.Double or OnnxType.UInt8))
            throw Error($"input '{input.Name}' is of {input.TypeName}, allowed: floats or bytes");
        if (input.Shape is { } declared && declared.Count != 4)
            throw Error($"input '{input.Name}' has {declared.Count} dimensions, allowed: 4, of images");
        long?[] sizes = [.. input.Shape?.Select(d => d.Size) ?? new long?[4]];
        bool last = sizes[1] is not (1 or 3) && sizes[3] is 1 or 3;
        long? height = sizes[last ? 1 : 2], width = sizes[last ? 2 : 3];
        long channels = sizes[last ? 3 : 1] ?? FirstChannels() ?? 3;
        if (channels is not (1 or 3))
            throw Error($"input '{input.Name}' has {channels} channels, allowed: 1 and 3");
        if (_options.ImageSize is null && height is not null && width is not null && height != width)
            throw Error($"takes images of {width} x {height} pixels, allowed: squares (an image size may be given where the network takes any)");
        long size = _options.ImageSize ?? height ?? width ?? UsualSize;
        if (size is < 1 or > 4096)
            throw Error($"takes images of {size} pixels, allowed: 1 to 4096");
        string name = input.Name;
        List<OnnxNode> front = [];
        if (last)
            Before("Transpose", [], new() { ["perm"] = (long[])[0, 2, 3, 1] });
        if (_options.IsBgr && channels == 3)
        {
            string order = Fresh("polder.order");
            Tensor indices = tensor((long[])[2, 1, 0]).DetachFromDisposeScope();
            _constants[order] = Constant.Of(order, indices);
            Before("Gather", [order], new() { ["axis"] = 1L });
        }
        _nodes.InsertRange(0, front);
        return (name, [sizes[0] ?? 1, channels, size, size], sizes[0]);

        void Before(string type, string[] more, Dictionary<string, object> attributes)
        {
            string image = Fresh("polder.image");
            front.Insert(0, new OnnxNode(type, "", [image, .. more], [name], attributes));
            name = image;
        }
    }

    private long? FirstChannels() => _nodes.FirstOrDefault(n => n.Operator == "Conv" && _constants.ContainsKey(n.Inputs[1])) is { } first
        && _constants[first.Inputs[1]].Shape is [_, var part, ..] ? part * (first.Attributes.GetValueOrDefault("group") as long? ?? 1) : null;

    // The shapes of all values, of one image or as many as the file wants.
    private void Observe(string output)
    {
        using DisposeScope scope = NewDisposeScope();
        _shapes[_input] = _shape;
        GraphEvaluator.Run(_path, _nodes, _opset, new Dictionary<string, Tensor> { [_input] = zeros(_shape) },
            name => _constants.TryGetValue(name, out Constant? constant) ? constant.Read() : null, [output],
            seen: (name, value) => _shapes[name] = value.shape);
    }

    // Features are a row an image: pictures are averaged, and so are rows of tokens.
    private (string Name, long Count) Flat(string feature)
    {
        long[] shape = _shapes[feature];
        string value = feature;
        if (shape.Length == 4 && shape[2] * shape[3] > 1)
            value = Then("GlobalAveragePool", value);
        if (shape.Length == 3)
        {
            long[] axes = [1];
            value = _opset < 18 ? Then("ReduceMean", value, new() { ["axes"] = axes, ["keepdims"] = 0L })
                : Then("ReduceMean", value, new() { ["keepdims"] = 0L }, tensor(axes));
        }
        if (shape.Length is 4 or > 4)
            value = Then("Flatten", value, new() { ["axis"] = 1L });
        if (value == feature && !_nodes.Any(n => n.Outputs.Contains(feature)))
            value = Then("Flatten", value, new() { ["axis"] = 1L });
        return (value, shape.Length switch
        {
            2 or 4 => shape[1],
            3 => shape[2],
            < 2 => 0,
            _ => shape.Skip(1).Aggregate(1L, (a, b) => a * b),
        });
    }

    private string Then(string type, string value, Dictionary<string, object>? attributes = null, Tensor? second = null)
    {
        string output = Fresh("polder.features");
        List<string> inputs = [value];
        if (second is not null)
        {
            inputs.Add(Fresh("polder.axes"));
            _constants[inputs[1]] = Constant.Of(inputs[1], second.DetachFromDisposeScope());
        }
        _nodes.Add(new OnnxNode(type, "", inputs, [output], attributes ?? []));
        return output;
    }

    private long? ClassesOf(string output) => _shapes[output] is [_, var count, ..] ? count : null;

    private string Fresh(string name)
    {
        string fresh = name;
        for (int i = 2; _constants.ContainsKey(fresh) || _nodes.Any(n => n.Inputs.Contains(fresh) || n.Outputs.Contains(fresh)); i++)
            fresh = $"{name}{i}";
        return fresh;
    }

    private OnnxException Error(string reason) => new(_path, reason);
}
