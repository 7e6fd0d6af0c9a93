namespace Polder.Onnx.Importing;

/// <summary>
/// Files that were exported for so many images at once have that number in their reshapes. Here it is taken out, and then looked at: what several
/// images give together must be what each gives alone.
/// </summary>
internal sealed class BatchFreeing
{
    private const int Tried = 3;
    private const double MostError = 1e-4;

    private readonly int _opset;
    private readonly long _batch;
    private readonly Dictionary<string, Constant> _constants;
    private readonly Dictionary<string, long[]> _shapes;
    private readonly HashSet<string> _taken;

    private BatchFreeing(int opset, long batch, IReadOnlyList<OnnxNode> nodes, Dictionary<string, Constant> constants, Dictionary<string, long[]> shapes) =>
        (_opset, _batch, _constants, _shapes, _taken) = (opset, batch, constants, shapes,
            [.. constants.Keys, .. nodes.SelectMany(n => n.Inputs), .. nodes.SelectMany(n => n.Outputs)]);

    /// <summary>
    /// Takes the number of images out: one image more is followed through the nodes, so that a dimension that is longer than the file's holds them.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="opset">The version of its operators.</param>
    /// <param name="nodes">The nodes.</param>
    /// <param name="constants">The constants, to which is added.</param>
    /// <param name="shapes">The shapes at the file's number of images.</param>
    /// <param name="input">The value of the images.</param>
    /// <param name="output">The value that is asked for.</param>
    /// <returns>The nodes for any number.</returns>
    /// <exception cref="OnnxException">They cannot be computed for another number.</exception>
    public static List<OnnxNode> Free(string path, int opset, IReadOnlyList<OnnxNode> nodes, Dictionary<string, Constant> constants,
        Dictionary<string, long[]> shapes, string input, string output)
    {
        using DisposeScope scope = NewDisposeScope();
        long[] shape = shapes[input];
        var freeing = new BatchFreeing(opset, shape[0], nodes, constants, shapes);
        List<OnnxNode> freed = [];
        try
        {
            GraphEvaluator.Run(path, nodes, opset, new Dictionary<string, Tensor> { [input] = zeros([shape[0] + 1, .. shape[1..]]) },
                name => constants.GetValueOrDefault(name)?.Read(), [output], replace: (node, values) =>
                {
                    List<OnnxNode> others = freeing.Freed(node, values);
                    freed.AddRange(others);
                    return others;
                });
        }
        catch (OnnxException)
        {
            throw Tied(path, shape[0]);
        }
        return freed;
    }

    private List<OnnxNode> Freed(OnnxNode node, IReadOnlyDictionary<string, Tensor> values) => node.Operator switch
    {
        "Reshape" or "Gather" when _opset >= 5 => [Reshaped(node, values)],
        "Concat" when _opset >= 13 => Repeated(node, values),
        _ => [node],
    };

    // Where a value has the images; null where it has none, or does not depend on them.
    private int? ImagesIn(string name, IReadOnlyDictionary<string, Tensor> values) =>
        !_constants.ContainsKey(name) && _shapes.TryGetValue(name, out long[]? shape) && values.TryGetValue(name, out Tensor? value)
            && value.dim() == shape.Length && Array.FindIndex([.. shape.Zip(value.shape)], d => d.First != d.Second) is >= 0 and var place ? place : null;

    private OnnxNode Reshaped(OnnxNode node, IReadOnlyDictionary<string, Tensor> values)
    {
        if (ImagesIn(node.Inputs[0], values) is not { } images
            || !(node.Operator == "Gather" ? IsReshape(node) : _constants.ContainsKey(node.Inputs[1]) || IsTooSmall(node, values)))
            return node;
        long[] to = [.. _shapes[node.Outputs[0]]];
        if (to.Contains(0) || PlaceOf(_shapes[node.Inputs[0]], images, to) is not { } place)
            return node;
        to[place] = -1;
        string shape = Add($"{node.Outputs[0]}.shape", to);
        return node with { Operator = "Reshape", Inputs = [node.Inputs[0], shape], Attributes = new Dictionary<string, object>() };
    }

    // A shape of which a part is computed, and the number of images is not.
    private static bool IsTooSmall(OnnxNode node, IReadOnlyDictionary<string, Tensor> values) =>
        values.TryGetValue(node.Inputs[1], out Tensor? shape) && shape.dim() == 1 && shape.dtype == ScalarType.Int64
        && shape.data<long>().ToArray() is var sizes && Array.TrueForAll(sizes, d => d > 0) && Product(sizes) < values[node.Inputs[0]].numel();

    // Which dimension of a reshape holds the images. Elements keep their order, so it must lie where theirs does. A wrong guess is found when the
    // network is tried.
    private int? PlaceOf(long[] from, int images, long[] to)
    {
        // The images are between these two places: a dimension may be of images alone, or of images and of heads, windows or tokens before or after them.
        long low = Product(from[..images]), high = low * from[images] / _batch;
        int[] places =
        [
            .. Enumerable.Range(0, to.Length).Where(j => to[j] % _batch == 0 && Product(to[..j]) <= high && Product(to[..j]) * to[j] / _batch >= low),
        ];
        return First(j => to[j] == _batch && Product(to[..j]) == low)
            ?? First(j => to[j] == _batch)
            ?? First(j => to[j] == from[images] && Product(to[..j]) == low)
            // The last dimension is what is known of a token or of an image.
            ?? First(j => j < to.Length - 1 && Product(to[..j]) == low)
            ?? First(j => j < to.Length - 1)
            ?? First(_ => true);

        int? First(Func<int, bool> suits) => places.Where(suits).Cast<int?>().FirstOrDefault();
    }

    private static long Product(long[] sizes) => sizes.Aggregate(1L, (a, b) => a * b);

    // PyTorch writes views by strides as a choice of every element in its order.
    private bool IsReshape(OnnxNode node)
    {
        if (node.Attributes.GetValueOrDefault("axis", 0L) is not 0L || _shapes[node.Inputs[0]] is not [var all]
            || !_constants.TryGetValue(node.Inputs[1], out Constant? index) || index.IsReal || index.Count != all)
            return false;
        using DisposeScope scope = NewDisposeScope();
        return index.Read().reshape(-1).eq(arange(Number(all))).all().ToBoolean();
    }

    // A class token that is joined to one image's tokens: one is needed for each image.
    private List<OnnxNode> Repeated(OnnxNode node, IReadOnlyDictionary<string, Tensor> values)
    {
        List<OnnxNode> nodes = [];
        long axis = node.Attributes.GetValueOrDefault("axis") as long? ?? 1;
        if (node.Inputs.FirstOrDefault(name => ImagesIn(name, values) is not null) is { } live && ImagesIn(live, values) is { } images
            && _shapes[node.Outputs[0]] is var whole && axis != images && axis != images - whole.Length)
        {
            foreach (string token in node.Inputs.Distinct().Where(n => _constants.TryGetValue(n, out Constant? c) && c.IsReal
                && c.Shape.Length == whole.Length && c.Shape[images] == 1).ToArray())
            {
                string start = Add($"{token}.batch.start", [images]), end = Add($"{token}.batch.end", [images + 1]);
                string before = Add($"{token}.batch.before", [.. Enumerable.Repeat(1L, images)]);
                string after = Add($"{token}.batch.after", [.. Enumerable.Repeat(1L, whole.Length - images - 1)]);
                string count = Make("Slice", Make("Shape", live), start, end), all = Make("Expand", token, Make("Concat", before, count, after));
                node = node with { Inputs = [.. node.Inputs.Select(i => i == token ? all : i)] };

                string Make(string type, params string[] inputs)
                {
                    string output = Fresh($"{token}.batch.{type}");
                    nodes.Add(new OnnxNode(type, "", inputs, [output],
                        type == "Concat" ? new Dictionary<string, object> { ["axis"] = 0L } : new Dictionary<string, object>()));
                    return output;
                }
            }
        }
        nodes.Add(node);
        return nodes;
    }

    private string Add(string name, long[] values)
    {
        string fresh = Fresh(name);
        _constants[fresh] = Constant.Of(fresh, tensor(values).DetachFromDisposeScope());
        return fresh;
    }

    private string Fresh(string name)
    {
        while (!_taken.Add(name))
            name += "_";
        return name;
    }

    private static OnnxException Tied(string path, long batch) =>
        new(path, $"was exported for {batch} image(s) at once in a way that cannot be freed: export it with a batch of any size");

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
        throw Tied(path, shape[0]);

        Tensor Run(Tensor batch) => GraphEvaluator.Run(path, nodes, opset, new Dictionary<string, Tensor> { [input] = batch },
            name => constants.TryGetValue(name, out Constant? constant) ? constant.Read() : null, [output])[output];
    }
}
