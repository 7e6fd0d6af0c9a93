namespace Polder.Checkpoints.Onnx;

/// <summary>What an ONNX file holds.</summary>
/// <param name="Graph">The graph.</param>
/// <param name="Opset">The version of the operators.</param>
/// <param name="IrVersion">The version of the file format.</param>
public sealed record OnnxModel(OnnxGraph Graph, int Opset, int IrVersion)
{
    /// <summary>The program that wrote it, and its version.</summary>
    public (string Name, string Version) Producer { get; init; } = ("", "");

    /// <summary>Text by name, for whoever uses the file.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}

/// <summary>A computation: nodes in an order in which each finds its inputs computed.</summary>
/// <param name="Name">Its name, for people.</param>
/// <param name="Inputs">What the caller gives.</param>
/// <param name="Outputs">What the caller gets.</param>
/// <param name="Nodes">The steps.</param>
/// <param name="Constants">The initializers: values that are given in the file, by name.</param>
public sealed record OnnxGraph(
    string Name, IReadOnlyList<OnnxValue> Inputs, IReadOnlyList<OnnxValue> Outputs, IReadOnlyList<OnnxNode> Nodes,
    IReadOnlyDictionary<string, OnnxTensor> Constants);

/// <summary>A value that crosses the graph's border.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Type of its elements.</param>
/// <param name="Shape">Its dimensions; null where the file gives none.</param>
public sealed record OnnxValue(string Name, OnnxType Type, IReadOnlyList<OnnxDimension>? Shape)
{
    /// <summary>The type's name for people and JSON: float32, uint8.</summary>
    public string TypeName => Type.Word();
}

/// <summary>A dimension: a number, or a name for one that the caller chooses.</summary>
/// <param name="Size">The number; null where it is open.</param>
/// <param name="Name">The name of an open one; may be empty.</param>
public readonly record struct OnnxDimension(long? Size, string Name = "")
{
    /// <summary>The number, or the name.</summary>
    public override string ToString() => Size is { } size ? FormattableString.Invariant($"{size}") : Name.Length > 0 ? Name : "?";
}

/// <summary>A step of a graph.</summary>
/// <param name="Operator">The operator: <c>Conv</c>.</param>
/// <param name="Name">The node's own name; may be empty.</param>
/// <param name="Inputs">Names of values; an empty one is an input that is left out.</param>
/// <param name="Outputs">Names of values.</param>
/// <param name="Attributes">
/// By name: <see cref="long"/>, <see cref="float"/>, <see cref="string"/>, lists of these as arrays, <see cref="OnnxTensor"/> or <see cref="OnnxGraph"/>.
/// </param>
public sealed record OnnxNode(
    string Operator, string Name, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, IReadOnlyDictionary<string, object> Attributes)
{
    /// <summary>Whose operator it is: empty for ONNX's own.</summary>
    public string Domain { get; init; } = "";

    /// <summary>Which of the file's functions of one name it calls (<see cref="OnnxFunction"/>); none is called after a file is read.</summary>
    internal string Overload { get; init; } = "";

    /// <summary>The operator with the node's name, for messages.</summary>
    public override string ToString() => $"node {(Name.Length > 0 ? Name : Outputs is [var output, ..] ? output : "")} ({Operator})";
}
