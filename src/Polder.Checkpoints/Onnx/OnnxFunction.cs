namespace Polder.Checkpoints.Onnx;

/// <summary>A function that a file defines for itself: where a node names it, its nodes are meant (<see cref="FunctionCalls"/>).</summary>
/// <param name="Key">What a node calls it by.</param>
/// <param name="Inputs">The names that its nodes have for what the caller gives.</param>
/// <param name="Outputs">The names of what the caller gets.</param>
/// <param name="Nodes">The steps; attributes may be an <see cref="AttributeReference"/>.</param>
internal sealed record OnnxFunction(FunctionKey Key, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, IReadOnlyList<OnnxNode> Nodes)
{
    /// <summary>The attributes that a caller may give, without those that have a default.</summary>
    public IReadOnlySet<string> Attributes { get; init; } = new HashSet<string>();

    /// <summary>Attributes that a caller may give, with what they are otherwise.</summary>
    public IReadOnlyDictionary<string, object> Defaults { get; init; } = new Dictionary<string, object>();

    /// <summary>The version of ONNX's own operators inside; null: they are those of the file.</summary>
    public long? Opset { get; init; }
}

/// <summary>What tells a file's functions apart.</summary>
/// <param name="Domain">The domain of the operator.</param>
/// <param name="Name">The operator.</param>
/// <param name="Overload">Which of them, where several have that name.</param>
internal readonly record struct FunctionKey(string Domain, string Name, string Overload)
{
    /// <summary>For messages.</summary>
    public override string ToString() => $"{(Domain.Length > 0 ? Domain + "." : "")}{Name}{(Overload.Length > 0 ? $" ({Overload})" : "")}";
}

/// <summary>An attribute of a node in a function that has the value of one of the function's.</summary>
/// <param name="Name">The function's attribute.</param>
internal sealed record AttributeReference(string Name);
