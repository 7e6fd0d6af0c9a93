namespace Polder.Onnx.Importing;

/// <summary>
/// Files that were exported for so many images at once have that number in their reshapes. Here it is taken out, and then looked at: what several
/// images give together must be what each gives alone.
/// </summary>
internal static class BatchFreeing
{
    private const int Tried = 3;
    private const double MostError = 1e-4;

    /// <summary>Takes the number of images out.</summary>
    /// <param name="path">The file.</param>
    /// <param name="opset">The version of its operators.</param>
    /// <param name="nodes">The nodes, which are changed.</param>
    /// <param name="constants">The constants, to which is added.</param>
    /// <param name="shapes">The shapes at the file's number of images.</param>
    public static void Free(string path, int opset, List<OnnxNode> nodes, Dictionary<string, Constant> constants, Dictionary<string, long[]> shapes)
    {
        for (int i = 0; i < nodes.Count; i++)
        {
            OnnxNode node = nodes[i];
            if (node.Operator == "Reshape" && !constants.ContainsKey(node.Inputs[0]) && (opset < 5 || constants.ContainsKey(node.Inputs[1])))
                nodes[i] = Reshaped(node);
            else if (node.Operator == "Gather" && IsReshape(node))
                nodes[i] = Reshaped(node);
            else if (node.Operator == "Concat" && opset >= 13)
                i += Repeated(node, i);
        }

        // The first dimension is as large as it must be: images run slowest. A wrong guess is found when the network is tried.
        OnnxNode Reshaped(OnnxNode node)
        {
            long[] shape = [.. shapes[node.Outputs[0]]];
            if (shape.Length == 0 || shape.Contains(0) || opset < 5)
                return node;
            shape[0] = -1;
            string name = $"{node.Outputs[0]}.shape";
            while (constants.ContainsKey(name) || shapes.ContainsKey(name))
                name += "_";
            constants[name] = Constant.Of(name, tensor(shape).DetachFromDisposeScope());
            return node with { Operator = "Reshape", Inputs = [node.Inputs[0], name], Attributes = new Dictionary<string, object>() };
        }

        // PyTorch writes views by strides as a choice of every element in its order.
        bool IsReshape(OnnxNode node)
        {
            if (node.Attributes.GetValueOrDefault("axis", 0L) is not 0L || !shapes.TryGetValue(node.Inputs[0], out long[]? from) || from is not [var all]
                || !constants.TryGetValue(node.Inputs[1], out Constant? index) || index.IsReal || index.Count != all)
                return false;
            using DisposeScope scope = NewDisposeScope();
            return index.Read().reshape(-1).eq(arange(Number(all))).all().ToBoolean();
        }

        // A class token that is joined to one image's tokens: one is needed for each image.
        int Repeated(OnnxNode node, int at)
        {
            int before = nodes.Count;
            long[] whole = shapes[node.Outputs[0]];
            long axis = node.Attributes.GetValueOrDefault("axis") as long? ?? 1;
            if (axis == 0 || axis == -whole.Length || node.Inputs.FirstOrDefault(shapes.ContainsKey) is not { } live)
                return 0;
            foreach (string token in node.Inputs.Where(n => constants.TryGetValue(n, out Constant? c) && c.IsReal && c.Shape is [1, ..]).Distinct().ToArray())
            {
                string start = Add("start", [0]), end = Add("end", [1]), rest = Add("rest", [.. Enumerable.Repeat(1L, whole.Length - 1)]);
                string shape = $"{token}.batch.shape", count = $"{token}.batch.count", to = $"{token}.batch.to", all = $"{token}.batch";
                nodes.InsertRange(at,
                [
                    Make("Shape", [live], shape), Make("Slice", [shape, start, end], count),
                    new("Concat", "", [count, rest], [to], new Dictionary<string, object> { ["axis"] = 0L }), Make("Expand", [token, to], all),
                ]);
                at += 4;
                nodes[at] = nodes[at] with { Inputs = [.. nodes[at].Inputs.Select(i => i == token ? all : i)] };

                string Add(string name, long[] values)
                {
                    string full = $"{token}.batch.{name}";
                    constants[full] = Constant.Of(full, tensor(values).DetachFromDisposeScope());
                    return full;
                }
            }
            return nodes.Count - before;
        }

        static OnnxNode Make(string type, string[] inputs, string output) => new(type, "", inputs, [output], new Dictionary<string, object>());
    }

    /// <summary>Refuses a network in which images touch each other.</summary>
    public static void Require(
        string path, int opset, IReadOnlyList<OnnxNode> nodes, IReadOnlyDictionary<string, Constant> constants, string input, string output, long[] shape)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor images = randn([Tried, .. shape.Skip(1)], generator: generator);
        try
        {
            Tensor together = Run(images), alone = cat([.. Enumerable.Range(0, Tried).Select(i => Run(images.slice(0, i, i + 1, 1)))]);
            if (together.shape.SequenceEqual(alone.shape)
                && together.sub(alone).abs().max().ToDouble() <= MostError * Math.Max(alone.abs().max().ToDouble(), 1e-6))
                return;
        }
        catch (OnnxException)
        {
            // A number of images is left in it.
        }
        throw new OnnxException(path, $"was exported for {shape[0]} image(s) at once in a way that cannot be freed: export it with a batch of any size");

        Tensor Run(Tensor batch) => GraphEvaluator.Run(path, nodes, opset, new Dictionary<string, Tensor> { [input] = batch },
            name => constants.TryGetValue(name, out Constant? constant) ? constant.Read() : null, [output])[output];
    }
}
