namespace Polder.Checkpoints.Onnx.Wire;

/// <summary>Writes a model as its messages (onnx.proto).</summary>
internal static class ModelWriter
{
    /// <summary>The whole file.</summary>
    public static WireWriter Of(OnnxModel model)
    {
        var file = new WireWriter();
        file.Long(1, model.IrVersion);
        file.Text(2, model.Producer.Name);
        file.Text(3, model.Producer.Version);
        file.Message(7, graph => Graph(graph, model.Graph));
        file.Message(8, opset =>
        {
            opset.Text(1, "");
            opset.Long(2, model.Opset);
        });
        foreach ((string key, string value) in model.Metadata)
        {
            file.Message(14, entry =>
            {
                entry.Text(1, key);
                entry.Text(2, value);
            });
        }
        return file;
    }

    /// <summary>The messages of a graph.</summary>
    internal static void Graph(WireWriter to, OnnxGraph graph)
    {
        foreach (OnnxNode node in graph.Nodes)
            to.Message(1, message => Node(message, node));
        to.Text(2, graph.Name);
        foreach (OnnxTensor constant in graph.Constants.Values)
            to.Message(5, message => Tensor(message, constant));
        foreach (OnnxValue input in graph.Inputs)
            to.Message(11, message => Value(message, input));
        foreach (OnnxValue output in graph.Outputs)
            to.Message(12, message => Value(message, output));
    }

    /// <summary>The message of a node.</summary>
    internal static void Node(WireWriter to, OnnxNode node)
    {
        foreach (string input in node.Inputs)
            to.Text(1, input);
        foreach (string output in node.Outputs)
            to.Text(2, output);
        to.Text(3, node.Name);
        to.Text(4, node.Operator);
        foreach ((string name, object value) in node.Attributes)
            to.Message(5, message => Attribute(message, name, value));
        if (node.Domain.Length > 0)
            to.Text(7, node.Domain);
    }

    /// <summary>The message of an attribute.</summary>
    internal static void Attribute(WireWriter to, string name, object value)
    {
        to.Text(1, name);
        int type = Content(to, value);
        to.Long(20, type);
    }

    // Returns the number of the attribute's type.
    private static int Content(WireWriter to, object value)
    {
        switch (value)
        {
            case float real:
                to.Float(2, real);
                return 1;
            case long number:
                to.Long(3, number);
                return 2;
            case string text:
                to.Text(4, text);
                return 3;
            case OnnxTensor tensor:
                to.Message(5, message => Tensor(message, tensor));
                return 4;
            case OnnxGraph graph:
                to.Message(6, message => Graph(message, graph));
                return 5;
            case float[] reals:
                foreach (float real in reals)
                    to.Float(7, real);
                return 6;
            case long[] numbers:
                to.Longs(8, numbers);
                return 7;
            case string[] texts:
                foreach (string text in texts)
                    to.Text(9, text);
                return 8;
            default:
                throw new ArgumentException($"an attribute of {value.GetType()}", nameof(value));
        }
    }

    private static void Tensor(WireWriter to, OnnxTensor tensor)
    {
        to.Longs(1, tensor.Shape);
        to.Long(2, (long)tensor.Type);
        to.Text(8, tensor.Name);
        to.Data(9, tensor.Data);
    }

    private static void Value(WireWriter to, OnnxValue value)
    {
        to.Text(1, value.Name);
        to.Message(2, kind => kind.Message(1, tensor =>
        {
            tensor.Long(1, (long)value.Type);
            if (value.Shape is { } shape)
                tensor.Message(2, message => Shape(message, shape));
        }));
    }

    private static void Shape(WireWriter to, IReadOnlyList<OnnxDimension> shape)
    {
        foreach (OnnxDimension dimension in shape)
        {
            to.Message(1, message =>
            {
                if (dimension.Size is { } size)
                    message.Long(1, size);
                else
                    message.Text(2, dimension.Name);
            });
        }
    }
}
