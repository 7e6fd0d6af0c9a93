namespace Polder.Onnx.Importing;

/// <summary>Where a graph's features end, and what turns them into logits.</summary>
/// <param name="Feature">The value of the features.</param>
/// <param name="Weight">The name of the head's weights; null where it has none that is linear.</param>
/// <param name="IsTransposed">Whether these are features x classes.</param>
/// <param name="Bias">The name of its biases; null: none.</param>
/// <param name="Scale">What weights and biases are multiplied by.</param>
/// <param name="IsLogits">Whether the features are the logits themselves: a head that is not linear stays in the body.</param>
internal sealed record HeadPlace(string Feature, string? Weight, bool IsTransposed, string? Bias, (float Weight, float Bias) Scale, bool IsLogits);

/// <summary>
/// Finds the head of a graph: from its output back through what does not mix the features. A linear layer is the head. A convolution of 1 x 1 and
/// the pool behind it are one, too, since pool and layer can be exchanged. Whatever else ends in probabilities keeps its logits as features.
/// </summary>
internal static class HeadFinder
{
    private static readonly string[] Passing = ["Identity", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Dropout"];

    /// <summary>Finds it.</summary>
    /// <param name="nodes">The nodes that are left after folding.</param>
    /// <param name="constants">The constants.</param>
    /// <param name="shapes">The shapes of the values, for one image.</param>
    /// <param name="output">The value that is looked back from.</param>
    /// <param name="isClassifier">Whether it is known that the output is of classes.</param>
    public static HeadPlace Find(
        IReadOnlyList<OnnxNode> nodes, IReadOnlyDictionary<string, Constant> constants, IReadOnlyDictionary<string, long[]> shapes, string output,
        bool isClassifier)
    {
        Dictionary<string, OnnxNode> writers = nodes.SelectMany(n => n.Outputs.Select(o => (o, n))).Where(p => p.o.Length > 0).ToDictionary();
        string value = output, logits = output;
        bool pooled = false, mixed = false;
        while (writers.TryGetValue(value, out OnnxNode? node))
        {
            string data = node.Inputs.Count > 0 ? node.Inputs[0] : "";
            if (node.Operator is "Softmax" or "LogSoftmax" && !pooled && !mixed)
                (isClassifier, logits, value) = (true, data, data);
            else if (node.Operator == "Sigmoid" && !pooled && !mixed)
                (logits, value) = (data, data);
            else if (Passing.Contains(node.Operator) && shapes.ContainsKey(data) && KeepsBatch(shapes[data], shapes[value]))
                value = data;
            else if (node.Operator is "GlobalAveragePool" or "AveragePool" or "ReduceMean" && !pooled && shapes[value].Skip(2).All(s => s == 1))
                (pooled, value) = (true, data);
            else if (node.Operator is "Relu" or "Clip" && pooled && !mixed)
                (mixed, value) = (true, data);
            else
                return Layer(node, value) ?? Rest();
        }
        return Rest();

        HeadPlace? Layer(OnnxNode node, string at)
        {
            if (mixed)
                return null;
            switch (node.Operator)
            {
                case "Gemm" when !pooled && IsMatrix(node.Inputs[1]) && !Flag(node, "transA") && (node.Inputs.Count < 3 || IsRow(node.Inputs[2])):
                    return new HeadPlace(node.Inputs[0], node.Inputs[1], !Flag(node, "transB"), node.Inputs.ElementAtOrDefault(2),
                        (Real(node, "alpha"), Real(node, "beta")), false);
                case "MatMul" when !pooled && IsMatrix(node.Inputs[1]) && shapes[node.Inputs[0]].Length == 2:
                    return new HeadPlace(node.Inputs[0], node.Inputs[1], true, null, (1, 1), false);
                case "Add" when !pooled && node.Inputs.FirstOrDefault(IsRow) is { } bias && node.Inputs.FirstOrDefault(i => i != bias) is { } product
                    && writers.GetValueOrDefault(product) is { Operator: "MatMul" } matrices && Layer(matrices, product) is { } layer:
                    return layer with { Bias = bias };
                case "Conv" when constants.TryGetValue(node.Inputs[1], out Constant? weight) && weight.Shape is [_, _, ..] && !Flag(node, "group", 2)
                    && weight.Shape.Skip(2).All(s => s == 1) && (pooled || shapes[at].Skip(2).All(s => s == 1)) && HasNoWindow(node):
                    return new HeadPlace(node.Inputs[0], node.Inputs[1], false, node.Inputs.ElementAtOrDefault(2), (1, 1), false);
                default:
                    return null;
            }
        }

        // Numbers of classes stay; anything else is features.
        HeadPlace Rest() => isClassifier && shapes[logits].Skip(2).All(s => s == 1) && shapes[logits] is [_, >= 2, ..]
            ? new HeadPlace(logits, null, false, null, (1, 1), true) : new HeadPlace(output, null, false, null, (1, 1), false);

        bool IsMatrix(string name) => constants.TryGetValue(name, out Constant? c) && c.IsReal && c.Shape.Length == 2;
        bool IsRow(string name) => constants.TryGetValue(name, out Constant? c) && c.IsReal && c.Shape.Length > 0 && c.Count == c.Shape[^1];
    }

    private static bool KeepsBatch(long[] from, long[] to) => from.Length > 0 && to.Length > 0 && from[0] == to[0];

    private static bool Flag(OnnxNode node, string name, long least = 1) => node.Attributes.GetValueOrDefault(name) is long value && value >= least;

    private static float Real(OnnxNode node, string name) => node.Attributes.GetValueOrDefault(name) as float? ?? 1;

    private static bool HasNoWindow(OnnxNode node) => new[] { ("strides", 1L), ("pads", 0L) }.All(p =>
        node.Attributes.GetValueOrDefault(p.Item1) is not long[] values || Array.TrueForAll(values, v => v == p.Item2));
}
