namespace Polder.Onnx.Importing;

/// <summary>The part of a file that turns images into features: nodes in order, all that does not depend on the image folded into constants.</summary>
/// <param name="Path">The file, for messages.</param>
/// <param name="Opset">The version of the operators.</param>
/// <param name="Input">The value of the image: N x channels x height x width.</param>
/// <param name="Output">The value of the features, N x <paramref name="Features"/>.</param>
/// <param name="Nodes">The steps.</param>
/// <param name="Constants">What they read beside the image, by name.</param>
/// <param name="Channels">Channels of the image.</param>
/// <param name="Features">Length of the features.</param>
/// <param name="HeadName">What the head behind it is called.</param>
internal sealed record BodyGraph(
    string Path, int Opset, string Input, string Output, IReadOnlyList<OnnxNode> Nodes, IReadOnlyDictionary<string, Constant> Constants,
    int Channels, int Features, string HeadName)
{
    /// <summary>The nodes that a value needs.</summary>
    public static List<OnnxNode> Needed(IReadOnlyList<OnnxNode> nodes, params IEnumerable<string> values)
    {
        HashSet<string> wanted = [.. values];
        List<OnnxNode> kept = [];
        foreach (OnnxNode node in nodes.Reverse())
        {
            if (!node.Outputs.Any(wanted.Contains))
                continue;
            // Outputs that nobody reads, such as the statistics of a training, are left out.
            kept.Add(node.Outputs.All(wanted.Contains) ? node : node with { Outputs = [.. node.Outputs.Select(o => wanted.Contains(o) ? o : "")] });
            wanted.UnionWith(node.Inputs);
        }
        kept.Reverse();
        return kept;
    }

    /// <summary>
    /// The nodes with copies of the tensors among their attributes. Those of a file end with it, but what depends on the number of images, such as the shape
    /// that a class token is repeated to, is computed at every call.
    /// </summary>
    public static List<OnnxNode> Detached(IEnumerable<OnnxNode> nodes)
    {
        using DisposeScope scope = NewDisposeScope();
        return
        [
            .. nodes.Select(node => !node.Attributes.Values.Any(value => value is OnnxTensor) ? node : node with
            {
                Attributes = node.Attributes.ToDictionary(
                    a => a.Key, a => a.Value is OnnxTensor given ? OnnxTensor.Of(given.Name, given.ToTensor()) : a.Value),
            }),
        ];
    }

    /// <summary>The constants that nodes read.</summary>
    public static Dictionary<string, Constant> Used(IEnumerable<OnnxNode> nodes, IReadOnlyDictionary<string, Constant> constants) =>
        nodes.SelectMany(n => n.Inputs).Distinct().Where(constants.ContainsKey).ToDictionary(name => name, name => constants[name]);
}
