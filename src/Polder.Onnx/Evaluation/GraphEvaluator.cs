using System.Runtime.InteropServices;

namespace Polder.Onnx.Evaluation;

/// <summary>
/// Computes a graph of the operators that Polder writes, with the tensor library: the check of an exported file. Whatever a file says, no value
/// becomes larger than allowed, and what libtorch refuses is an <see cref="OnnxException"/> that names the node.
/// </summary>
internal static class GraphEvaluator
{
    /// <summary>Elements of the largest value, where nobody says otherwise: 268 MB of floats.</summary>
    public const long DefaultLimit = 1 << 26;

    /// <summary>Runs a graph of one input.</summary>
    /// <param name="file">The file.</param>
    /// <param name="input">The input; where the file fixes the batch, another one is taken, too.</param>
    /// <param name="limit">Elements of the largest value that may arise.</param>
    /// <returns>The outputs by name, owned by the caller's dispose scope. Floats of 16 bits are computed in 32 and rounded by casts.</returns>
    /// <exception cref="OnnxException">An operator is not supported, or a node cannot be computed.</exception>
    public static IReadOnlyDictionary<string, Tensor> Run(OnnxFile file, Tensor input, long limit = DefaultLimit)
    {
        OnnxGraph graph = file.Model.Graph;
        OnnxValue declared = Input(file, limit);
        if (declared.Shape is { } shape
            && (input.dim() != shape.Count || shape.Skip(1).Zip(input.shape.Skip(1)).Any(p => p.First.Size is { } size && size != p.Second)))
            throw new OnnxException(file.Path, $"input '{declared.Name}' is [{string.Join(", ", shape)}], found [{string.Join(", ", input.shape)}]");
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        var values = new Dictionary<string, Tensor> { [declared.Name] = input.alias() };
        Dictionary<string, int> reads = graph.Nodes.SelectMany(n => n.Inputs).Concat(graph.Outputs.Select(o => o.Name)).CountBy(name => name).ToDictionary();
        foreach (OnnxNode node in graph.Nodes)
        {
            Tensor?[] inputs = [.. node.Inputs.Select(name => name.Length == 0 ? null : Value(name))];
            Tensor output = Compute(new NodeCall(file.Path, node, inputs, limit));
            foreach (string name in node.Inputs.Where(n => n.Length > 0 && --CollectionsMarshal.GetValueRefOrNullRef(reads, n) == 0))
            {
                values[name].Dispose();
                values.Remove(name);
            }
            values[node.Outputs[0]] = output;
        }
        return graph.Outputs.ToDictionary(o => o.Name, o => Value(o.Name).MoveToOuterDisposeScope());

        Tensor Value(string name)
        {
            if (values.TryGetValue(name, out Tensor? known))
                return known;
            Tensor constant = graph.Constants[name].ToTensor();
            return values[name] = constant.dtype == ScalarType.Float16 ? constant.to(ScalarType.Float32) : constant;
        }
    }

    private static OnnxValue Input(OnnxFile file, long limit)
    {
        IReadOnlyList<OnnxValue> inputs = file.Model.Graph.Inputs;
        if (inputs is not [{ } only])
            throw new OnnxException(file.Path, $"has {inputs.Count} inputs, allowed: 1");
        if (only.Shape?.Aggregate(1d, (product, d) => product * (d.Size ?? 1)) > limit)
            throw new OnnxException(file.Path, $"input '{only.Name}' is [{string.Join(", ", only.Shape)}], allowed: up to {limit} elements");
        return only;
    }

    private static Tensor Compute(NodeCall call)
    {
        try
        {
            return Operators.Of(call);
        }
        catch (Exception e) when (e is ExternalException or ArgumentException or InvalidOperationException)
        {
            throw call.Error($"cannot be computed: {e.Message.Split('\n')[0]}", e);
        }
    }
}
