namespace Polder.Checkpoints.Onnx.Wire;

/// <summary>Reads a model out of its messages (onnx.proto).</summary>
internal sealed class ModelReader(TensorReader tensors)
{
    private readonly GraphReader _graphs = new(tensors);

    /// <summary>Reads a whole file.</summary>
    public OnnxModel Read(WireReader file)
    {
        OnnxGraph? graph = null;
        long opset = 0, version = 0;
        string producer = "", producerVersion = "";
        var metadata = new Dictionary<string, string>();
        List<OnnxFunction> functions = [];
        while (file.Next())
        {
            switch (file.Field)
            {
                case 1:
                    version = file.Long();
                    break;
                case 2:
                    producer = file.Text();
                    break;
                case 3:
                    producerVersion = file.Text();
                    break;
                case 7:
                    graph = graph is null ? _graphs.Graph(file.Message("graph")) : throw file.Error("has two graphs");
                    break;
                case 8:
                    (string domain, long number) = Opset(file.Message("opset"));
                    opset = domain is "" or "ai.onnx" ? number : opset;
                    break;
                case 14:
                    (string key, string value) = Entry(file.Message("metadata"));
                    metadata[key] = value;
                    break;
                case 25:
                    functions.Add(Function(file.Message($"function {functions.Count}")));
                    break;
            }
        }
        if (graph is null)
            throw file.Error("has no graph, so it is no ONNX file");
        if (opset is < 1 or > 1000 || version is < 1 or > 1000)
            throw file.Error($"says opset {opset} and format {version}, allowed: 1 and more of both");
        graph = FunctionCalls.Inlined(graph, functions, (int)opset, reason => file.Error(reason));
        return new OnnxModel(graph, (int)opset, (int)version)
        {
            Producer = (producer, producerVersion),
            Metadata = metadata,
        };
    }

    /// <summary>An entry of two texts.</summary>
    internal static (string Key, string Value) Entry(WireReader entry)
    {
        string key = "", value = "";
        while (entry.Next())
        {
            if (entry.Field == 1)
                key = entry.Text();
            else if (entry.Field == 2)
                value = entry.Text();
        }
        return (key, value);
    }

    private static (string Domain, long Version) Opset(WireReader opset)
    {
        string domain = "";
        long version = 0;
        while (opset.Next())
        {
            if (opset.Field == 1)
                domain = opset.Text();
            else if (opset.Field == 2)
                version = opset.Long();
        }
        return (domain, version);
    }

    private OnnxFunction Function(WireReader function)
    {
        string name = "", domain = "", overload = "";
        List<string> inputs = [], outputs = [];
        HashSet<string> attributes = [];
        var defaults = new Dictionary<string, object>();
        List<OnnxNode> nodes = [];
        long? opset = null;
        while (function.Next())
        {
            switch (function.Field)
            {
                case 1:
                    name = function.Text();
                    break;
                case 4:
                    inputs.Add(function.Text());
                    break;
                case 5:
                    outputs.Add(function.Text());
                    break;
                case 6:
                    attributes.Add(function.Text());
                    break;
                case 7:
                    nodes.Add(_graphs.Node(function.Message($"node {nodes.Count} of function {name}")));
                    break;
                case 9:
                    opset = Opset(function.Message("opset")) is ("" or "ai.onnx", var version) ? version : opset;
                    break;
                case 10:
                    domain = function.Text();
                    break;
                case 11:
                    (string key, object value) = _graphs.Attribute(function.Message($"attribute of function {name}"));
                    defaults[key] = value;
                    break;
                case 13:
                    overload = function.Text();
                    break;
            }
        }
        return new OnnxFunction(new(GraphReader.Known(domain), name, overload), inputs, outputs, nodes)
        {
            Attributes = attributes,
            Defaults = defaults,
            Opset = opset,
        };
    }
}
