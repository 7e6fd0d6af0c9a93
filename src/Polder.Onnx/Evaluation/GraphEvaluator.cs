using System.Runtime.InteropServices;

namespace Polder.Onnx.Evaluation;

/// <summary>
/// Computes a graph with the tensor library: the check of an exported file, and the first look at one that is imported. Whatever a file says, no
/// value becomes larger than allowed, nor all together, and what libtorch refuses is an <see cref="OnnxException"/> that names the node.
/// </summary>
internal static class GraphEvaluator
{
    /// <summary>Elements of the largest value, and of all that live at once, where nobody says otherwise: 268 MB of floats.</summary>
    public const long DefaultLimit = 1 << 26;

    /// <summary>Runs a graph of one input.</summary>
    /// <param name="file">The file.</param>
    /// <param name="input">The input; where the file fixes the batch, another one is taken, too.</param>
    /// <param name="limit">Elements of the largest value that may arise.</param>
    /// <returns>The outputs by name, owned by the caller's dispose scope. Floats of 16 bits are computed in 32 and rounded by casts.</returns>
    /// <exception cref="OnnxException">An operator is not supported, or a node cannot be computed.</exception>
    public static IReadOnlyDictionary<string, Tensor> Run(OnnxFile file, Tensor input, long limit = DefaultLimit)
    {
        OnnxValue declared = InputOf(file.Path, file.Model.Graph, limit);
        if (declared.Shape is { } shape
            && (input.dim() != shape.Count || shape.Skip(1).Zip(input.shape.Skip(1)).Any(p => p.First.Size is { } size && size != p.Second)))
            throw new OnnxException(file.Path, $"input '{declared.Name}' is [{string.Join(", ", shape)}], found [{string.Join(", ", input.shape)}]");
        return Run(file.Path, file.Model.Graph, file.Model.Opset, new Dictionary<string, Tensor> { [declared.Name] = input }, limit);
    }

    /// <summary>Runs a graph of any inputs.</summary>
    public static IReadOnlyDictionary<string, Tensor> Run(
        string path, OnnxGraph graph, int opset, IReadOnlyDictionary<string, Tensor> inputs, long limit = DefaultLimit) => Run(
        path, graph.Nodes, opset, inputs, name => graph.Constants.TryGetValue(name, out OnnxTensor? constant) ? Widened(constant.ToTensor()) : null,
        [.. graph.Outputs.Select(o => o.Name)], limit);

    /// <summary>Runs nodes.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="nodes">The nodes, in order.</param>
    /// <param name="opset">The version of the operators.</param>
    /// <param name="inputs">What they are given, by name.</param>
    /// <param name="constants">What is known, by name: a tensor of the caller's scope; null where there is none of the name.</param>
    /// <param name="outputs">The values that are asked for.</param>
    /// <param name="limit">Elements of the largest value that may arise, and of all at once.</param>
    /// <param name="seen">Told of every value that a node makes.</param>
    /// <param name="replace">What is computed in a node's place, of the node and the values so far; null: the node.</param>
    /// <inheritdoc cref="Run(OnnxFile, Tensor, long)" path="/returns|/exception"/>
    public static IReadOnlyDictionary<string, Tensor> Run(string path, IReadOnlyList<OnnxNode> nodes, int opset, IReadOnlyDictionary<string, Tensor> inputs,
        Func<string, Tensor?> constants, IReadOnlyList<string> outputs, long limit = DefaultLimit, Action<string, Tensor>? seen = null,
        Func<OnnxNode, IReadOnlyDictionary<string, Tensor>, IReadOnlyList<OnnxNode>>? replace = null)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Dictionary<string, Tensor> values = inputs.ToDictionary(p => p.Key, p => p.Value.alias());
        Dictionary<string, int> reads = nodes.SelectMany(n => n.Inputs).Concat(outputs).CountBy(name => name).ToDictionary();
        // Constants are in the file already.
        HashSet<string> given = [];
        long living = inputs.Values.Sum(v => v.numel());
        foreach (OnnxNode node in nodes)
        {
            IReadOnlyList<OnnxNode> computed = replace?.Invoke(node, values) ?? [node];
            foreach (string name in computed.SelectMany(n => n.Inputs))
                reads[name] = reads.GetValueOrDefault(name) + 1;
            foreach (string name in node.Inputs)
                reads[name]--;
            foreach (OnnxNode one in computed)
                Compute(one);
        }
        return outputs.Distinct().ToDictionary(name => name, name => Value(name).MoveToOuterDisposeScope());

        void Compute(OnnxNode node)
        {
            Tensor?[] read = [.. node.Inputs.Select(name => name.Length == 0 ? null : Value(name))];
            // Outputs that nobody reads, such as the statistics of a training, need not be there.
            OnnxNode asked = node.Outputs.All(reads.ContainsKey) ? node : node with { Outputs = [.. node.Outputs.Select(o => reads.ContainsKey(o) ? o : "")] };
            IReadOnlyList<Tensor> results = Operators.Of(new NodeCall(path, asked, opset, read, limit - living));
            for (int i = 0; i < asked.Outputs.Count; i++)
            {
                if (asked.Outputs[i].Length == 0)
                    continue;
                values[asked.Outputs[i]] = results[i];
                living += results[i].numel();
                seen?.Invoke(asked.Outputs[i], results[i]);
            }
            foreach (string name in node.Inputs.Where(n => n.Length > 0 && --CollectionsMarshal.GetValueRefOrNullRef(reads, n) == 0))
            {
                if (!given.Contains(name))
                    living -= values[name].numel();
                values[name].Dispose();
                values.Remove(name);
            }
        }

        Tensor Value(string name)
        {
            if (values.TryGetValue(name, out Tensor? known))
                return known;
            given.Add(name);
            return values[name] = constants(name) ?? throw new OnnxException(path, $"nothing writes '{name}'");
        }
    }

    /// <summary>The one input of a graph.</summary>
    /// <exception cref="OnnxException">There are others, or it is too large.</exception>
    public static OnnxValue InputOf(string path, OnnxGraph graph, long limit)
    {
        if (graph.Inputs is not [{ } only])
            throw new OnnxException(path, $"has {graph.Inputs.Count} inputs, allowed: 1");
        if (only.Shape?.Aggregate(1d, (product, d) => product * (d.Size ?? 1)) > limit)
            throw new OnnxException(path, $"input '{only.Name}' is [{string.Join(", ", only.Shape)}], allowed: up to {limit} elements");
        return only;
    }

    /// <summary>Floats of 16 bits in 32.</summary>
    internal static Tensor Widened(Tensor value) => value.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? value.to(ScalarType.Float32) : value;
}
