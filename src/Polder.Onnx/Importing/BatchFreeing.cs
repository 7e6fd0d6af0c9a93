namespace Polder.Onnx.Importing;

/// <summary>
/// Files that were exported for so many images at once have that number in their reshapes. Here it is taken out, and then looked at: what several
/// images give together must be what each gives alone.
/// </summary>
internal sealed class BatchFreeing
{
    private const int Tried = 3;
    private const double MostError = 1e-4;

    private readonly string _path;
    private readonly int _opset;
    private readonly long _batch;
    private readonly List<OnnxNode> _nodes;
    private readonly Dictionary<string, Constant> _constants;
    private readonly Dictionary<string, long[]> _shapes;

    // What the nodes so far make of one image more: a dimension that is longer than the file's holds the images.
    private readonly Dictionary<string, Tensor> _values = [];
    private readonly Dictionary<string, int> _reads;
    private long _living;

    private BatchFreeing(string path, int opset, long batch, List<OnnxNode> nodes, Dictionary<string, Constant> constants, Dictionary<string, long[]> shapes)
    {
        (_path, _opset, _batch, _nodes, _constants, _shapes) = (path, opset, batch, nodes, constants, shapes);
        _reads = nodes.SelectMany(n => n.Inputs.Distinct()).CountBy(name => name).ToDictionary();
    }

    /// <summary>Takes the number of images out.</summary>
    /// <param name="path">The file.</param>
    /// <param name="opset">The version of its operators.</param>
    /// <param name="input">The value of the images.</param>
    /// <param name="nodes">The nodes, which are changed.</param>
    /// <param name="constants">The constants, to which is added.</param>
    /// <param name="shapes">The shapes at the file's number of images.</param>
    public static void Free(
        string path, int opset, string input, List<OnnxNode> nodes, Dictionary<string, Constant> constants, Dictionary<string, long[]> shapes)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        long[] shape = [.. shapes[input]];
        var freeing = new BatchFreeing(path, opset, shape[0], nodes, constants, shapes);
        shape[0]++;
        freeing.Keep(input, zeros(shape));
        try
        {
            freeing.Follow();
        }
        catch (OnnxException)
        {
            throw Tied(path, shapes[input][0]);
        }
    }

    private void Follow()
    {
        for (int i = 0; i < _nodes.Count; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            if (_nodes[i].Operator == "Concat" && _opset >= 13)
                Repeat(i);
            OnnxNode node = _nodes[i] = Freed(_nodes[i]);
            Tensor?[] inputs = [.. node.Inputs.Select(name => name.Length == 0 ? null : Value(name))];
            IReadOnlyList<Tensor> results = Operators.Of(new NodeCall(_path, node, _opset, inputs, GraphEvaluator.DefaultLimit - _living));
            foreach ((string name, Tensor result) in node.Outputs.Zip(results).Where(o => o.First.Length > 0))
                Keep(name, result.MoveToOuterDisposeScope());
            foreach (string name in node.Inputs.Distinct().Where(_values.ContainsKey))
                if (--_reads[name] == 0)
                    Forget(name);
        }

        Tensor Value(string name) => _values.TryGetValue(name, out Tensor? value) ? value
            : _constants.TryGetValue(name, out Constant? constant) ? constant.Read() : throw new OnnxException(_path, $"nothing writes '{name}'");
    }

    private void Keep(string name, Tensor value)
    {
        _values[name] = value;
        _living += value.numel();
    }

    private void Forget(string name)
    {
        _living -= _values[name].numel();
        _values[name].Dispose();
        _values.Remove(name);
    }

    private OnnxNode Freed(OnnxNode node)
    {
        bool reshapes = node.Operator == "Reshape" && _values.ContainsKey(node.Inputs[0]) && _opset >= 5 && _shapes.ContainsKey(node.Outputs[0])
            && (_constants.ContainsKey(node.Inputs[1]) || IsTooSmall(node));
        if (!reshapes && !(node.Operator == "Gather" && _opset >= 5 && IsReshape(node)))
            return node;
        long[] from = _shapes[node.Inputs[0]], now = _values[node.Inputs[0]].shape, to = [.. _shapes[node.Outputs[0]]];
        int images = Array.FindIndex(from.Zip(now).ToArray(), d => d.First != d.Second);
        if (images < 0 || to.Contains(0) || PlaceOf(from, images, to) is not { } place)
            return node;
        to[place] = -1;
        string shape = Add($"{node.Outputs[0]}.shape", to);
        return node with { Operator = "Reshape", Inputs = [node.Inputs[0], shape], Attributes = new Dictionary<string, object>() };
    }

    // A shape of which a part is computed, and the number of images is not.
    private bool IsTooSmall(OnnxNode node) => _values.TryGetValue(node.Inputs[1], out Tensor? shape) && shape.dim() == 1 && shape.dtype == ScalarType.Int64
        && shape.data<long>().ToArray() is var sizes && Array.TrueForAll(sizes, d => d > 0) && Product(sizes) < _values[node.Inputs[0]].numel();

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
        if (node.Attributes.GetValueOrDefault("axis", 0L) is not 0L || !_shapes.TryGetValue(node.Inputs[0], out long[]? from) || from is not [var all]
            || !_constants.TryGetValue(node.Inputs[1], out Constant? index) || index.IsReal || index.Count != all || !_values.ContainsKey(node.Inputs[0]))
            return false;
        using DisposeScope scope = NewDisposeScope();
        return index.Read().reshape(-1).eq(arange(Number(all))).all().ToBoolean();
    }

    // A class token that is joined to one image's tokens: one is needed for each image.
    private void Repeat(int at)
    {
        OnnxNode node = _nodes[at];
        if (!_shapes.TryGetValue(node.Outputs[0], out long[]? whole))
            return;
        long axis = node.Attributes.GetValueOrDefault("axis") as long? ?? 1;
        if (node.Inputs.FirstOrDefault(name => _values.ContainsKey(name) && _shapes.ContainsKey(name)) is not { } live)
            return;
        int images = Array.FindIndex(_shapes[live].Zip(_values[live].shape).ToArray(), d => d.First != d.Second);
        if (images < 0 || axis == images || axis == images - whole.Length)
            return;
        foreach (string token in node.Inputs.Where(n => _constants.TryGetValue(n, out Constant? c) && c.IsReal && c.Shape.Length == whole.Length
            && c.Shape[images] == 1).Distinct().ToArray())
        {
            string start = Add($"{token}.batch.start", [images]), end = Add($"{token}.batch.end", [images + 1]);
            string before = Add($"{token}.batch.before", [.. Enumerable.Repeat(1L, images)]);
            string after = Add($"{token}.batch.after", [.. Enumerable.Repeat(1L, whole.Length - images - 1)]);
            string shape = $"{token}.batch.shape", count = $"{token}.batch.count", to = $"{token}.batch.to", all = $"{token}.batch";
            _nodes.InsertRange(at,
            [
                Make("Shape", [live], shape), Make("Slice", [shape, start, end], count),
                new("Concat", "", [before, count, after], [to], new Dictionary<string, object> { ["axis"] = 0L }), Make("Expand", [token, to], all),
            ]);
            foreach (string read in (string[])[live, shape, count, to, all])
                _reads[read] = _reads.GetValueOrDefault(read) + 1;
            int moved = at + 4;
            _nodes[moved] = _nodes[moved] with { Inputs = [.. _nodes[moved].Inputs.Select(i => i == token ? all : i)] };
            return;
        }

        static OnnxNode Make(string type, string[] inputs, string output) => new(type, "", inputs, [output], new Dictionary<string, object>());
    }

    private string Add(string name, long[] values)
    {
        while (_constants.ContainsKey(name) || _shapes.ContainsKey(name))
            name += "_";
        _constants[name] = Constant.Of(name, tensor(values).DetachFromDisposeScope());
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
