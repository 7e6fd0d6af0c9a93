using System.Globalization;

namespace Polder.Onnx.Importing;

/// <summary>
/// Turns nodes into steps: convolutions, normalizations and linear layers become the library's own, so that whatever looks for layers finds them;
/// other constants that a trained layer can have are parameters of their own. A constant that several nodes read is one parameter.
/// </summary>
internal sealed class NetworkBuilder
{
    // Operators whose real constants a training may have moved.
    private static readonly string[] Trained =
    [
        "Add", "Sub", "Mul", "Div", "PRelu", "Conv", "Gemm", "MatMul", "InstanceNormalization", "GroupNormalization", "LayerNormalization",
        "BatchNormalization", "Concat", "Expand", "Einsum",
    ];

    private readonly BodyGraph _body;
    private readonly LayerTree _tree;
    private readonly Dictionary<string, Func<Tensor>> _written = [];
    private readonly Dictionary<string, OnnxNode[]> _readers;
    private readonly HashSet<OnnxNode> _taken = new(ReferenceEqualityComparer.Instance);
    // Values behind the first layer: constants before it prepare the image.
    private readonly HashSet<string> _behind = [];

    /// <summary>Prepares.</summary>
    /// <param name="body">The graph.</param>
    /// <param name="root">Where the layers are put.</param>
    public NetworkBuilder(BodyGraph body, nn.Module root)
    {
        (_body, _tree) = (body, new LayerTree(root));
        _readers = body.Nodes.SelectMany(n => n.Inputs.Distinct().Select(i => (i, n))).GroupBy(p => p.i, p => p.n).ToDictionary(g => g.Key, g => g.ToArray());
    }

    /// <summary>What training moves, by the constants of the graph, in the form that these have there.</summary>
    public IReadOnlyDictionary<string, Func<Tensor>> Written => _written;

    /// <summary>Values that nothing trains; the network disposes of them.</summary>
    public List<Tensor> Kept { get; } = [];

    /// <summary>The steps, in the graph's order.</summary>
    public IReadOnlyList<Step> Build()
    {
        List<Step> steps = [];
        for (int i = 0; i < _body.Nodes.Count; i++)
        {
            OnnxNode node = _body.Nodes[i];
            if (_taken.Contains(node))
                continue;
            // A constant that several nodes read is one parameter: the first of them is a layer, the others compute with its weights.
            bool isShared = node.Operator != "BatchNormalization" && node.Inputs.Skip(1).Any(_written.ContainsKey);
            Step step = node.Operator switch
            {
                _ when isShared => Generic(node, i),
                "Conv" when IsReal(node, 1) && (node.Inputs.Count < 3 || IsReal(node, 2)) && ConstantOf(node, 1).Shape.Length == 4 => Convolution(node, i),
                "BatchNormalization" when Enumerable.Range(1, 4).All(k => IsReal(node, k)) && node.Outputs.Skip(1).All(o => o.Length == 0)
                    => BatchNorm(node, i),
                "Gemm" when IsLinear(node) => Gemm(node, i),
                "MatMul" when IsReal(node, 1) && ConstantOf(node, 1).Shape.Length == 2 => MatMul(node, i),
                "LayerNormalization" when IsReal(node, 1) && IsReal(node, 2) => LayerNorm(node, i),
                _ => Generic(node, i),
            };
            steps.Add(step);
            if (step.Modules.Count > 0 || node.Inputs.Any(_behind.Contains))
                _behind.UnionWith(step.Outputs);
        }
        return steps;
    }

    private Step Convolution(OnnxNode node, int index)
    {
        long[] shape = ConstantOf(node, 1).Shape;
        // What a node says is checked where it is computed first, on an image of zeros.
        var call = new NodeCall(_body.Path, node, _body.Opset, [], long.MaxValue);
        long group = call.Long("group", 1, 1, long.MaxValue);
        long[] strides = call.Longs("strides", 2, 1, 1, Windows.Most), dilations = call.Longs("dilations", 2, 1, 1, Windows.Most);
        long[] pads = call.Longs("pads", 4, 0, 0, Windows.Most);
        bool even = call.Word("auto_pad", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER") is "NOTSET" or "VALID" && pads[0] == pads[2] && pads[1] == pads[3];
        bool bias = node.Inputs.Count > 2;
        Conv2d layer = nn.Conv2d(shape[1] * group, shape[0], (shape[2], shape[3]), (strides[0], strides[1]), even ? (pads[0], pads[1]) : (0L, 0L),
            (dilations[0], dilations[1]), groups: group, bias: bias);
        Place(node, 1, $"conv_{index}", layer);
        Own(node.Inputs[1], () => layer.weight);
        if (bias)
            Own(node.Inputs[2], () => layer.bias!);
        BatchNorm2d? norm = null;
        OnnxNode last = node;
        if (even && Alone(last) is { Operator: "BatchNormalization" } next && Enumerable.Range(1, 4).All(k => IsReal(next, k)))
            (norm, last) = (NormOf(next, index), Take(next));
        bool relu = false;
        if (Alone(last) is { Operator: "Relu" } after)
            (relu, last) = (true, Take(after));
        return new Step([node.Inputs[0]], [last.Outputs[0]], x =>
        {
            Tensor input = even ? x[0] : Windows.WindowOf(call with { Inputs = [x[0]] }, shape[2..]).Pad(x[0], 0);
            Tensor output = norm is not null && !bias ? Layers.ConvolutionNorm(layer, norm, input) : Layers.Convolve(layer, input);
            if (norm is not null && bias)
                output = norm.call(output);
            return [relu ? Layers.ReluInPlace(output) : output];
        }, norm is null ? [layer] : [layer, norm], IsLayer: true);
    }

    private Step BatchNorm(OnnxNode node, int index)
    {
        BatchNorm2d norm = NormOf(node, index);
        // What is behind a linear layer is a picture of one pixel.
        return new Step([node.Inputs[0]], [node.Outputs[0]],
            x => [x[0].dim() == 4 ? norm.call(x[0]) : norm.call(x[0].reshape(x[0].shape[0], x[0].shape[1], -1, 1)).reshape(x[0].shape)], [norm]);
    }

    private BatchNorm2d NormOf(OnnxNode node, int index)
    {
        var call = new NodeCall(_body.Path, node, _body.Opset, [], long.MaxValue);
        long channels = ConstantOf(node, 1).Count;
        // ONNX weighs the old statistics, torch the new ones.
        BatchNorm2d norm = nn.BatchNorm2d(channels, Exact("epsilon", 1e-5f), 1 - Exact("momentum", 0.9f));
        Place(node, 1, $"norm_{index}", norm);
        Own(node.Inputs[1], () => norm.weight!);
        Own(node.Inputs[2], () => norm.bias!);
        Keep(node.Inputs[3], () => norm.running_mean!);
        Keep(node.Inputs[4], () => norm.running_var!);
        return norm;

        // 0.9 in 32 bits is not quite 0.9: what was meant is what it is written as.
        double Exact(string name, float otherwise) => call.Float(name, otherwise) is >= 0 and <= 1 and var value
            ? double.Parse(value.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : throw call.Error($"{name} is not between 0 and 1");
    }

    private Step Gemm(OnnxNode node, int index) =>
        Linear(node, index, node.Attributes.GetValueOrDefault("transB") is 1L, node.Inputs.ElementAtOrDefault(2), node);

    // The biases behind a product are part of the layer.
    private Step MatMul(OnnxNode node, int index)
    {
        long outputs = ConstantOf(node, 1).Shape[1];
        return Alone(node) is { Operator: "Add" } add && add.Inputs.FirstOrDefault(i => i != node.Outputs[0]) is { } bias
            && _body.Constants.TryGetValue(bias, out Constant? c) && c.IsReal && c.Count == outputs && c.Shape[^1] == outputs && !_written.ContainsKey(bias)
            ? Linear(node, index, false, bias, Take(add)) : Linear(node, index, false, null, node);
    }

    private Step Linear(OnnxNode node, int index, bool asLibrary, string? bias, OnnxNode last)
    {
        long[] shape = ConstantOf(node, 1).Shape;
        (long outputs, long inputs) = asLibrary ? (shape[0], shape[1]) : (shape[1], shape[0]);
        Linear layer = nn.Linear(inputs, outputs, hasBias: bias is { Length: > 0 });
        Place(node, 1, $"linear_{index}", layer);
        Own(node.Inputs[1], () => layer.weight!, transposed: !asLibrary);
        if (bias is { Length: > 0 })
            Own(bias, () => layer.bias!);
        return new Step([node.Inputs[0]], [last.Outputs[0]], x =>
        {
            using Tensor output = Layers.Apply(layer, x[0]);
            return [output.to(x[0].dtype)];
        }, [layer], IsLayer: true);
    }

    private Step LayerNorm(OnnxNode node, int index)
    {
        long[] shape = ConstantOf(node, 1).Shape;
        var call = new NodeCall(_body.Path, node, _body.Opset, [], long.MaxValue);
        float epsilon = call.Float("epsilon", 1e-5f);
        LayerNorm layer = nn.LayerNorm(shape, epsilon);
        Place(node, 1, $"norm_{index}", layer);
        Own(node.Inputs[1], () => layer.weight!);
        Own(node.Inputs[2], () => layer.bias!);
        return new Step([node.Inputs[0]], [node.Outputs[0]], x => [nn.functional.layer_norm(
            x[0], shape, layer.weight!.to(x[0].dtype), layer.bias!.to(x[0].dtype), epsilon)], [layer]);
    }

    // What libtorch has no layer for, or what has no parameters.
    private Step Generic(OnnxNode node, int index)
    {
        bool trains = Trained.Contains(node.Operator) && (node.Inputs.Any(_behind.Contains)
            || node.Operator is "Conv" or "Gemm" or "MatMul" or "Expand" or "PRelu" or "BatchNormalization");
        List<nn.Module> modules = [];
        Func<Tensor>?[] known = [.. node.Inputs.Select((name, i) => name.Length > 0 && _body.Constants.ContainsKey(name) ? Value(name, i) : null)];
        string[] live = [.. node.Inputs.Where(name => name.Length > 0 && !_body.Constants.ContainsKey(name))];
        string[] outputs = [.. node.Outputs];
        var call = new NodeCall(_body.Path, node, _body.Opset, [], long.MaxValue);
        return new Step(live, outputs, x =>
        {
            // Constants follow the type that the network computes in.
            ScalarType? type = x.FirstOrDefault(v => v.is_floating_point())?.dtype;
            int next = 0;
            var values = new Tensor?[known.Length];
            for (int i = 0; i < values.Length; i++)
            {
                if (known[i]?.Invoke() is { } constant)
                    values[i] = type is { } own && constant.is_floating_point() && constant.dtype != own ? constant.to(own) : constant;
                else if (node.Inputs[i].Length > 0)
                    values[i] = x[next++];
            }
            return Operators.Of(call with { Inputs = values });
        }, modules, IsLayer: modules.Count > 0 && node.Operator is "Conv" or "Gemm" or "MatMul");

        Func<Tensor> Value(string name, int place)
        {
            if (_written.TryGetValue(name, out Func<Tensor>? owned))
                return owned;
            Constant constant = _body.Constants[name];
            bool statistics = node.Operator == "BatchNormalization" && place > 2;
            if (trains && !statistics && constant.IsReal && (constant.Count > 1 || node.Operator == "PRelu"))
            {
                (string path, string leaf) = Split(constant.Origin, $"value_{index}_{place}");
                using Tensor start = constant.Read();
                var parameter = new FreeParameter(leaf, start);
                _tree.Place(path, parameter);
                modules.Add(parameter);
                return _written[name] = () => parameter.Value;
            }
            Tensor kept = constant.Read().clone().DetachFromDisposeScope();
            Kept.Add(kept);
            return () => kept;
        }
    }

    // layer.gamma is a parameter gamma of layer; a name without dots is a layer of one value.
    private static (string Path, string Leaf) Split(string origin, string otherwise)
    {
        string clean = origin.Contains("::", StringComparison.Ordinal) || char.IsAsciiDigit(origin[0]) ? otherwise : Naming.Clean(origin);
        int dot = clean.LastIndexOf('.');
        return dot > 0 && clean[(dot + 1)..] is "weight" or "bias" ? (clean[..dot], clean[(dot + 1)..]) : (clean, "value");
    }

    private void Place(OnnxNode node, int weight, string otherwise, nn.Module layer) =>
        _tree.Place(Naming.PathOf(node, ConstantOf(node, weight).Origin, otherwise), layer);

    private void Own(string name, Func<Parameter> get, bool transposed = false)
    {
        _written.TryAdd(name, transposed ? () => get().t() : get);
        Copy(name, get(), transposed);
    }

    private void Keep(string name, Func<Tensor> get)
    {
        _written.TryAdd(name, get);
        Copy(name, get(), false);
    }

    private void Copy(string name, Tensor to, bool transposed)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor from = _body.Constants[name].Read();
        to.copy_((transposed ? from.t() : from).reshape(to.shape));
    }

    // The one node that reads what a node makes; null where others do, or the features are it.
    private OnnxNode? Alone(OnnxNode node) => node.Outputs[0] != _body.Output && node.Outputs.Skip(1).All(o => o.Length == 0)
        && _readers.GetValueOrDefault(node.Outputs[0]) is [{ } only] && (only.Operator != "Add" || only.Inputs.Distinct().Count() == 2)
        && only.Outputs.Skip(1).All(o => o.Length == 0) ? only : null;

    private OnnxNode Take(OnnxNode node)
    {
        _taken.Add(node);
        return node;
    }

    private bool IsLinear(OnnxNode node) => IsReal(node, 1) && ConstantOf(node, 1).Shape.Length == 2 && node.Attributes.GetValueOrDefault("transA") is not 1L
        && node.Attributes.GetValueOrDefault("alpha", 1f) is 1f && node.Attributes.GetValueOrDefault("beta", 1f) is 1f
        && (node.Inputs.Count < 3 || (IsReal(node, 2) && ConstantOf(node, 2) is { } bias && bias.Shape.Length > 0
            && bias.Count == bias.Shape[^1] && bias.Count == ConstantOf(node, 1).Shape[node.Attributes.GetValueOrDefault("transB") is 1L ? 0 : 1]));

    private bool IsReal(OnnxNode node, int input) =>
        input < node.Inputs.Count && _body.Constants.TryGetValue(node.Inputs[input], out Constant? constant) && constant.IsReal;

    private Constant ConstantOf(OnnxNode node, int input) => _body.Constants[node.Inputs[input]];
}
