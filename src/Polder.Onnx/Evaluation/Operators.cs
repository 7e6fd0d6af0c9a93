namespace Polder.Onnx.Evaluation;

/// <summary>The operators of exported networks: what each reads of a node, and what it computes. An attribute that is not named here is refused.</summary>
internal static class Operators
{
    // Beyond any network; what a hostile file says must not make libtorch's own arithmetic overflow.
    private const long Most = 4096;

    private static readonly Dictionary<string, (Func<NodeCall, Tensor> Compute, string[] Attributes)> All = new()
    {
        ["Conv"] = (Conv, ["kernel_shape", "strides", "dilations", "group", "pads"]),
        ["BatchNormalization"] = (BatchNormalization, ["epsilon", "momentum"]),
        ["Relu"] = (call => call.Input(0).relu(), []),
        ["Add"] = (call => Broadcast(call, (a, b) => a.add(b)), []),
        ["Sub"] = (call => Broadcast(call, (a, b) => a.sub(b)), []),
        ["Div"] = (call => Broadcast(call, (a, b) => a.div(b)), []),
        ["MaxPool"] = (MaxPool, ["kernel_shape", "strides", "pads"]),
        ["GlobalAveragePool"] = (call => call.Input(0, 4).mean([2L, 3L], keepdim: true), []),
        ["Pad"] = (Pad, []),
        ["Slice"] = (Slice, []),
        ["Flatten"] = (Flatten, ["axis"]),
        ["Gemm"] = (Gemm, ["transB"]),
        ["Softmax"] = (call => call.Input(0).softmax(Axis(call, -1, call.Input(0).dim() - 1)), ["axis"]),
        ["Cast"] = (Cast, ["to"]),
        ["Transpose"] = (Transpose, ["perm"]),
    };

    /// <summary>Computes a node; the result is a tensor of the caller's scope.</summary>
    public static Tensor Of(NodeCall call)
    {
        OnnxNode node = call.Node;
        if (node.Domain.Length > 0 || !All.TryGetValue(node.Operator, out var known))
        {
            string owner = node.Domain.Length > 0 ? $" of {node.Domain}" : "";
            throw call.Error($"is an operator{owner} that is not supported, allowed: {string.Join(", ", All.Keys)}");
        }
        if (node.Attributes.Keys.Except(known.Attributes).FirstOrDefault() is { } attribute)
            throw call.Error($"the attribute {attribute} is not supported");
        return node.Outputs.Count(o => o.Length > 0) == 1 && node.Outputs[0].Length > 0 ? known.Compute(call)
            : throw call.Error($"has {node.Outputs.Count} outputs, allowed: 1");
    }

    private static Tensor Conv(NodeCall call)
    {
        Tensor x = call.Input(0, 4), weight = call.Input(1, 4);
        Tensor? bias = call.Inputs.Count > 2 ? call.Input(2, 1) : null;
        long group = call.Long("group", 1, 1, Most);
        if (x.shape[1] != weight.shape[1] * group || weight.shape[0] % group != 0)
            throw call.Error($"{group} groups and weights [{string.Join(", ", weight.shape)}] for an input [{string.Join(", ", x.shape)}]");
        if (!call.Longs("kernel_shape", 2, 0, 0, Most).Zip(weight.shape.Skip(2)).All(p => p.First == p.Second || p.First == 0))
            throw call.Error($"kernel_shape is not that of the weights [{string.Join(", ", weight.shape)}]");
        long[] strides = call.Longs("strides", 2, 1, 1, Most), dilations = call.Longs("dilations", 2, 1, 1, Most), pads = call.Pads(Most);
        call.RequireSize(x.shape[0], weight.shape[0], Side(0), Side(1));
        return nn.functional.conv2d(x, weight, bias, strides, pads, dilations, group);

        long Side(int axis) => Windows(x.shape[2 + axis] + (2 * pads[axis]), (dilations[axis] * (weight.shape[2 + axis] - 1)) + 1, strides[axis]);
    }

    private static Tensor BatchNormalization(NodeCall call)
    {
        Tensor x = call.Input(0, 4);
        Tensor[] values = [.. Enumerable.Range(1, 4).Select(i => call.Input(i, 1))];
        if (Array.Exists(values, v => v.shape[0] != x.shape[1]))
            throw call.Error($"its constants have other lengths than the {x.shape[1]} channels of the input");
        return nn.functional.batch_norm(x, values[2], values[3], values[0], values[1], training: false, eps: call.Float("epsilon", 1e-5f));
    }

    private static Tensor MaxPool(NodeCall call)
    {
        Tensor x = call.Input(0, 4);
        long[] kernel = call.Longs("kernel_shape", 2, 0, 1, Most), strides = call.Longs("strides", 2, 1, 1, Most), pads = call.Pads(Most);
        call.RequireSize(x.shape[0], x.shape[1], Side(0), Side(1));
        return nn.functional.max_pool2d(x, kernel, strides, pads, null, false);

        long Side(int axis) => Windows(x.shape[2 + axis] + (2 * pads[axis]), kernel[axis], strides[axis]);
    }

    private static Tensor Broadcast(NodeCall call, Func<Tensor, Tensor, Tensor> compute)
    {
        Tensor a = call.Input(0), b = call.Input(1);
        int rank = (int)Math.Max(a.dim(), b.dim());
        call.RequireSize(Enumerable.Range(1, rank).Select(i => Math.Max(i <= a.dim() ? a.shape[^i] : 1, i <= b.dim() ? b.shape[^i] : 1)));
        return compute(a, b);
    }

    private static Tensor Pad(NodeCall call)
    {
        Tensor x = call.Input(0);
        long[] pads = call.Longs(1);
        int rank = (int)x.dim();
        if (pads.Length != 2 * rank || Array.Exists(pads, p => p is < 0 or > int.MaxValue) || call.Inputs.Count > 2)
            throw call.Error($"pads are [{string.Join(", ", pads)}], allowed: {2 * rank} numbers, 0 or more, and no value but zero");
        call.RequireSize(x.shape.Select((d, i) => d + pads[i] + pads[i + rank]));
        // ONNX: all that stands before, then all behind; libtorch: from the last dimension on, both of each.
        return nn.functional.pad(x, [.. Enumerable.Range(0, rank).Reverse().SelectMany(i => new[] { pads[i], pads[i + rank] })]);
    }

    private static Tensor Slice(NodeCall call)
    {
        Tensor x = call.Input(0);
        long[] starts = call.Longs(1), ends = call.Longs(2), axes = call.Longs(3), steps = call.Longs(4);
        if (ends.Length != starts.Length || axes.Length != starts.Length || steps.Length != starts.Length
            || Array.Exists(axes, a => a < 0 || a >= x.dim()) || Array.Exists(steps, s => s < 1) || Array.Exists([.. starts, .. ends], v => v < 0))
            throw call.Error("starts, ends, axes and steps must be as many, not negative, and fit the input");
        Tensor part = x.alias();
        for (int i = 0; i < axes.Length; i++)
            part = part.slice(axes[i], Math.Min(starts[i], part.shape[axes[i]]), Math.Min(ends[i], part.shape[axes[i]]), steps[i]);
        call.RequireSize(part.shape);
        return part;
    }

    private static Tensor Flatten(NodeCall call)
    {
        Tensor x = call.Input(0);
        int axis = (int)Axis(call, 1, x.dim());
        return x.reshape(x.shape.Take(axis).Aggregate(1L, (a, b) => a * b), x.shape.Skip(axis).Aggregate(1L, (a, b) => a * b));
    }

    private static Tensor Gemm(NodeCall call)
    {
        Tensor x = call.Input(0, 2), weight = call.Input(1, 2), bias = call.Input(2, 1);
        if (call.Long("transB", 0, 0, 1) == 0)
            weight = weight.t();
        if (weight.shape[1] != x.shape[1] || bias.shape[0] != weight.shape[0])
            throw call.Error($"weights [{string.Join(", ", weight.shape)}] and {bias.shape[0]} biases for an input [{string.Join(", ", x.shape)}]");
        call.RequireSize(x.shape[0], weight.shape[0]);
        return nn.functional.linear(x, weight, bias);
    }

    private static Tensor Cast(NodeCall call) => call.Long("to", 0, 0, int.MaxValue) switch
    {
        (long)OnnxType.Float => call.Input(0).to(ScalarType.Float32),
        (long)OnnxType.Float16 => call.Input(0).to(ScalarType.Float16).to(ScalarType.Float32),
        var other => throw call.Error($"casts to type {other}, allowed: {(long)OnnxType.Float} and {(long)OnnxType.Float16}"),
    };

    private static Tensor Transpose(NodeCall call)
    {
        Tensor x = call.Input(0);
        long[] order = call.Longs("perm", (int)x.dim(), 0, 0, Math.Max(0, x.dim() - 1));
        return order.Distinct().Count() == order.Length ? x.permute(order) : throw call.Error($"perm is [{string.Join(", ", order)}], allowed: each once");
    }

    private static long Axis(NodeCall call, long otherwise, long last)
    {
        long rank = call.Input(0).dim(), axis = call.Long("axis", otherwise, -rank, last);
        return axis < 0 ? axis + rank : axis;
    }

    private static long Windows(long size, long window, long stride) => size < window ? 0 : ((size - window) / stride) + 1;
}
