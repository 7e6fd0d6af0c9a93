namespace Polder.Checkpoints.Onnx;

/// <summary>
/// Puts nodes into an order in which each finds its inputs computed: files must have one, but older writers do not keep it. On the way it finds
/// what no order can mend: a value that is written twice, that nothing writes, or that needs itself.
/// </summary>
internal static class GraphOrder
{
    /// <summary>The graph in order.</summary>
    /// <param name="graph">A graph as it stands in a file.</param>
    /// <param name="isInner">Whether it lies inside a node, and so may read what is written around it.</param>
    /// <param name="refuse">Makes the exception of a reason.</param>
    public static OnnxGraph Of(OnnxGraph graph, bool isInner, Func<string, Exception> refuse)
    {
        HashSet<string> given = [.. graph.Constants.Keys];
        foreach (OnnxValue input in graph.Inputs)
        {
            if (!given.Add(input.Name))
                throw refuse($"the value '{input.Name}' is given twice");
        }
        var writer = new Dictionary<string, int>();
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            foreach (string output in graph.Nodes[i].Outputs.Where(o => o.Length > 0))
            {
                if (given.Contains(output) || !writer.TryAdd(output, i))
                    throw refuse($"{graph.Nodes[i]}: the value '{output}' is written twice");
            }
        }
        if (!isInner && graph.Outputs.FirstOrDefault(o => !given.Contains(o.Name) && !writer.ContainsKey(o.Name)) is { } orphan)
            throw refuse($"nothing writes the output '{orphan.Name}'");
        return graph with { Nodes = InOrder(graph.Nodes, given, writer, isInner, refuse) };
    }

    // Kahn's algorithm; of those that are ready the first in the file comes first, so that a file in order stays as it is.
    private static List<OnnxNode> InOrder(
        IReadOnlyList<OnnxNode> nodes, HashSet<string> given, Dictionary<string, int> writer, bool isInner, Func<string, Exception> refuse)
    {
        var waitsFor = new int[nodes.Count];
        var readers = new List<int>?[nodes.Count];
        for (int i = 0; i < nodes.Count; i++)
        {
            foreach (string input in Reads(nodes[i]).Distinct().Where(v => v.Length > 0 && !given.Contains(v)))
            {
                if (!writer.TryGetValue(input, out int from))
                {
                    if (isInner)
                        continue;
                    throw refuse($"{nodes[i]}: nothing writes its input '{input}'");
                }
                waitsFor[i]++;
                (readers[from] ??= []).Add(i);
            }
        }
        var ready = new PriorityQueue<int, int>(Enumerable.Range(0, nodes.Count).Where(i => waitsFor[i] == 0).Select(i => (i, i)));
        var order = new List<OnnxNode>(nodes.Count);
        while (ready.TryDequeue(out int node, out _))
        {
            order.Add(nodes[node]);
            foreach (int reader in readers[node] ?? [])
            {
                if (--waitsFor[reader] == 0)
                    ready.Enqueue(reader, reader);
            }
        }
        return order.Count == nodes.Count ? order
            : throw refuse($"{nodes[Array.FindIndex(waitsFor, w => w > 0)]}: it needs its own output");
    }

    // Its inputs, and what graphs inside it take from around them.
    private static IEnumerable<string> Reads(OnnxNode node) => node.Inputs.Concat(node.Attributes.Values.OfType<OnnxGraph>().SelectMany(Free));

    private static IEnumerable<string> Free(OnnxGraph graph) => graph.Nodes.SelectMany(Reads).Concat(graph.Outputs.Select(o => o.Name))
        .Except(graph.Nodes.SelectMany(n => n.Outputs)).Except(graph.Inputs.Select(i => i.Name)).Except(graph.Constants.Keys);
}
