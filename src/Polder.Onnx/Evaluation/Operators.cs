namespace Polder.Onnx.Evaluation;

/// <summary>An operator: what it computes, and the attributes that it reads. One that is not named is refused.</summary>
internal sealed record Operator(Func<NodeCall, IReadOnlyList<Tensor>> Compute, string[] Attributes)
{
    /// <summary>One of a single output.</summary>
    public static Operator Of(Func<NodeCall, Tensor> compute, params string[] attributes) => new(call => [compute(call)], attributes);
}

/// <summary>The operators by name, a file a family: those of networks that classify images.</summary>
internal static class Operators
{
    private static readonly Dictionary<string, Operator> All = new Dictionary<string, Operator>[]
    {
        Arithmetic.All, Activations.All, Windows.All, Normalizations.All, Products.All, Attentions.All, Reductions.All, ShapeOperators.All, Indexing.All,
        Values.All,
    }.SelectMany(family => family).ToDictionary();

    /// <summary>Whether a node is of an operator that there is.</summary>
    public static bool Knows(OnnxNode node) => Find(node) is not null;

    /// <summary>Computes a node; the results are tensors of the caller's scope, one an output.</summary>
    /// <exception cref="OnnxException">The operator is not there, or the node is not as it must be, or it cannot be computed.</exception>
    public static IReadOnlyList<Tensor> Of(NodeCall call)
    {
        OnnxNode node = call.Node;
        Operator known = Find(node) ?? throw call.Error(
            $"is an operator{(node.Domain.Length > 0 ? $" of {node.Domain}" : "")} that is not supported");
        if (node.Attributes.Keys.Except(known.Attributes).FirstOrDefault() is { } attribute)
            throw call.Error($"the attribute {attribute} is not supported");
        IReadOnlyList<Tensor> results;
        try
        {
            // A value that is handed on is another wrapper: each has its own end.
            results = [.. known.Compute(call).Select(r => call.Inputs.Any(i => ReferenceEquals(i, r)) ? r.alias() : r)];
        }
        catch (Exception e) when (e is System.Runtime.InteropServices.ExternalException or ArgumentException or InvalidOperationException
            or OverflowException or IndexOutOfRangeException or NotImplementedException)
        {
            throw call.Error($"cannot be computed: {e.Message.Split('\n')[0]}", e);
        }
        int last = node.Outputs.Count - 1;
        while (last >= 0 && node.Outputs[last].Length == 0)
            last--;
        return last < results.Count ? results
            : throw call.Error($"has {node.Outputs.Count} outputs, allowed: {results.Count}");
    }

    private static Operator? Find(OnnxNode node) =>
        node.Domain is "" or "ai.onnx" || (node.Domain == "com.microsoft" && node.Operator == "Gelu") ? All.GetValueOrDefault(node.Operator) : null;
}
