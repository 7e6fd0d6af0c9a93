namespace Polder.Checkpoints.Onnx.Wire;

/// <summary>
/// Reads graphs out of their messages (onnx.proto). Only graphs inside nodes (loops, branches) make messages nest, and they may do so so far.
/// </summary>
internal sealed class GraphReader(TensorReader tensors)
{
    private const int IntType = 2, FloatType = 1, StringType = 3, TensorType = 4, GraphType = 5, FloatsType = 6, IntsType = 7, StringsType = 8;
    private const int Deepest = 8;

    /// <summary>A graph, its nodes in order.</summary>
    public OnnxGraph Graph(WireReader graph, int depth = 0)
    {
        if (depth > Deepest)
            throw graph.Error($"is a graph inside a graph, {depth} deep, allowed: {Deepest}");
        string name = "";
        List<OnnxNode> nodes = [];
        List<OnnxValue> inputs = [], outputs = [];
        var constants = new Dictionary<string, OnnxTensor>();
        while (graph.Next())
        {
            switch (graph.Field)
            {
                case 1:
                    nodes.Add(Node(graph.Message($"node {nodes.Count}"), depth));
                    break;
                case 2:
                    name = graph.Text();
                    break;
                case 5:
                    OnnxTensor constant = tensors.Read(graph.Message($"initializer {constants.Count}"));
                    if (!constants.TryAdd(constant.Name, constant))
                        throw graph.Error($"the initializer '{constant.Name}' is given twice");
                    break;
                case 11:
                    inputs.Add(Value(graph.Message($"input {inputs.Count}"), depth > 0));
                    break;
                case 12:
                    outputs.Add(Value(graph.Message($"output {outputs.Count}"), depth > 0));
                    break;
                case 15:
                    throw graph.Error("has sparse initializers, which are not supported");
            }
        }
        if ((nodes.Count == 0 && depth == 0) || outputs.Count == 0)
            throw graph.Error($"has {nodes.Count} nodes and {outputs.Count} outputs, allowed: 1 or more of both");
        // Files of the first format list constants among the inputs.
        var whole = new OnnxGraph(name, [.. inputs.Where(i => !constants.ContainsKey(i.Name))], outputs, nodes, constants);
        return GraphOrder.Of(whole, isInner: depth > 0, reason => graph.Error(reason));
    }

    /// <summary>A node.</summary>
    public OnnxNode Node(WireReader node, int depth = 0)
    {
        string name = "", type = "", domain = "", overload = "";
        List<string> inputs = [], outputs = [];
        var attributes = new Dictionary<string, object>();
        while (node.Next())
        {
            switch (node.Field)
            {
                case 1:
                    inputs.Add(node.Text());
                    break;
                case 2:
                    outputs.Add(node.Text());
                    break;
                case 3:
                    name = node.Text();
                    break;
                case 4:
                    type = node.Text();
                    break;
                case 5:
                    (string key, object value) = Attribute(node.Message($"attribute {attributes.Count} of node {name} ({type})"), depth);
                    if (!attributes.TryAdd(key, value))
                        throw node.Error($"has the attribute '{key}' twice");
                    break;
                case 7:
                    domain = node.Text();
                    break;
                case 8:
                    overload = node.Text();
                    break;
            }
        }
        return new OnnxNode(type, name, inputs, outputs, attributes) { Domain = Known(domain), Overload = overload };
    }

    /// <summary>An attribute with its value, which inside a function may be that of an attribute of the function.</summary>
    public (string Name, object Value) Attribute(WireReader attribute, int depth = 0)
    {
        string name = "", text = "", reference = "";
        long type = 0, number = 0;
        float real = 0;
        OnnxTensor? tensor = null;
        OnnxGraph? graph = null;
        List<long> longs = [];
        List<ReadOnlyMemory<byte>> floats = [];
        List<string> texts = [];
        while (attribute.Next())
        {
            switch (attribute.Field)
            {
                case 1:
                    name = attribute.Text();
                    break;
                case 2:
                    real = attribute.Float();
                    break;
                case 3:
                    number = attribute.Long();
                    break;
                case 4:
                    text = attribute.Text();
                    break;
                case 5:
                    tensor = tensors.Read(attribute.Message($"attribute {name}"));
                    break;
                case 6:
                    graph = Graph(attribute.Message($"graph in {name}"), depth + 1);
                    break;
                case 7:
                    attribute.AddFixed(floats, 4);
                    break;
                case 8:
                    attribute.AddLongs(longs);
                    break;
                case 9:
                    texts.Add(attribute.Text());
                    break;
                case 20:
                    type = attribute.Long();
                    break;
                case 21:
                    reference = attribute.Text();
                    break;
            }
        }
        if (reference.Length > 0)
            return (name, new AttributeReference(reference));
        return (name, type switch
        {
            FloatType => real,
            IntType => number,
            StringType => text,
            TensorType when tensor is not null => tensor,
            GraphType when graph is not null => graph,
            FloatsType => TensorReader.FloatsOf(floats),
            IntsType => longs.ToArray(),
            StringsType => texts.ToArray(),
            _ => throw attribute.Error($"'{name}' is of type {type}, which is not supported"),
        });
    }

    private static OnnxValue Value(WireReader value, bool mayBeUntyped)
    {
        string name = "";
        long type = 0;
        List<OnnxDimension>? shape = null;
        while (value.Next())
        {
            if (value.Field == 1)
                name = value.Text();
            if (value.Field != 2)
                continue;
            WireReader kind = value.Message($"type of '{name}'");
            while (kind.Next())
            {
                if (kind.Field != 1)
                    continue;
                WireReader tensor = kind.Message($"type of '{name}'");
                while (tensor.Next())
                {
                    if (tensor.Field == 1)
                        type = tensor.Long();
                    else if (tensor.Field == 2)
                        shape = Shape(tensor.Message($"shape of '{name}'"));
                }
            }
        }
        OnnxType? known = type == 0 && mayBeUntyped ? OnnxType.Undefined : TensorReader.TypeOf(type);
        return new OnnxValue(name, known ?? throw value.Error($"'{name}' has elements of type {type}, which is not supported"), shape);
    }

    private static List<OnnxDimension> Shape(WireReader shape)
    {
        List<OnnxDimension> dimensions = [];
        while (shape.Next())
        {
            if (shape.Field != 1)
                continue;
            WireReader dimension = shape.Message("a dimension");
            long? size = null;
            string name = "";
            while (dimension.Next())
            {
                // Some writers say -1 or 0 of what is open.
                if (dimension.Field == 1)
                    size = dimension.Long() is > 0 and var given ? given : null;
                else if (dimension.Field == 2)
                    name = dimension.Text();
            }
            dimensions.Add(new OnnxDimension(size, name));
        }
        return dimensions;
    }

    /// <summary>ONNX's own domain has two names.</summary>
    public static string Known(string domain) => domain == "ai.onnx" ? "" : domain;
}
