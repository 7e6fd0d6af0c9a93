namespace Polder.Onnx.Importing;

/// <summary>Names: those of a file's constants become the names of parameters, so they must be the same whenever the network is built anew.</summary>
internal static class Naming
{
    private const int Longest = 120;

    /// <summary>A graph in which every constant has the name of what it is a form of, as far as that is its own.</summary>
    public static ImportedGraph Named(this ImportedGraph graph)
    {
        BodyGraph body = graph.Body;
        Dictionary<string, Constant> used = BodyGraph.Used(body.Nodes, graph.Constants);
        HashSet<string> taken = [.. body.Nodes.SelectMany(n => n.Outputs), body.Input, .. used.Keys];
        Dictionary<string, string> names = [];
        foreach ((string name, Constant constant) in used)
        {
            string origin = constant.Origin;
            names[name] = origin != name && used.Values.Count(c => c.Origin == origin) == 1 && taken.Add(origin) ? origin : name;
        }
        OnnxNode[] nodes = [.. body.Nodes.Select(n => n with { Inputs = [.. n.Inputs.Select(i => names.GetValueOrDefault(i, i))] })];
        string head = graph.Head?.Weight is { } weight && graph.Constants[weight].Origin.Split('.') is [{ Length: > 0 } first, "weight"]
            && first.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') && !names.Values.Any(n => n.StartsWith(first + ".", StringComparison.Ordinal))
            ? first : body.HeadName;
        return graph with
        {
            Body = body with
            {
                Nodes = nodes,
                HeadName = head,
                Constants = used.ToDictionary(p => names[p.Key], p => p.Value with { Origin = names[p.Key] }),
            },
        };
    }

    /// <summary>The path of a layer, its parts with dots between them: of its weights where they have a name, else of its node.</summary>
    /// <param name="node">The node.</param>
    /// <param name="weight">The name of its weights; null: none.</param>
    /// <param name="otherwise">The path where neither says one.</param>
    public static string PathOf(OnnxNode node, string? weight, string otherwise)
    {
        if (weight is not null && weight.EndsWith(".weight", StringComparison.Ordinal) && weight.Length > 7)
            return Clean(weight[..^7]);
        // As PyTorch's exporter names nodes: /layer1/layer1.0/conv1/Conv.
        List<string> parts = [];
        foreach (string part in node.Name.StartsWith('/') ? node.Name.Split('/', StringSplitOptions.RemoveEmptyEntries)[..^1] : [])
        {
            if (parts.Count > 0 && part.StartsWith(parts[^1] + ".", StringComparison.Ordinal))
                parts[^1] = part;
            else
                parts.Add(part);
        }
        return parts.Count > 0 ? Clean(string.Join('.', parts)) : weight is { Length: > 0 } && !weight.Contains("::", StringComparison.Ordinal)
            && !char.IsAsciiDigit(weight[0]) ? Clean(weight.Replace('.', '_')) : otherwise;
    }

    /// <summary>A path of letters, digits and dots.</summary>
    public static string Clean(string path)
    {
        string clean = string.Concat(path.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' ? c : '_'));
        string[] parts = (clean.Length > Longest ? clean[^Longest..] : clean).Split('.', StringSplitOptions.RemoveEmptyEntries);
        return parts.Length > 0 ? string.Join('.', parts) : "layer";
    }
}
