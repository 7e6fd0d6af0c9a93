namespace Polder.Onnx.Evaluation;

/// <summary>Operators that put the same elements into another shape, copy them or join them.</summary>
internal static class ShapeOperators
{
    public static readonly Dictionary<string, Operator> All = new()
    {
        ["Reshape"] = Operator.Of(Reshape, "allowzero", "shape", "consumed_inputs"),
        ["Flatten"] = Operator.Of(Flatten, "axis"),
        ["Squeeze"] = Operator.Of(Squeeze, "axes"),
        ["Unsqueeze"] = Operator.Of(Unsqueeze, "axes"),
        ["Trilu"] = Operator.Of(Triangle, "upper"),
        ["Transpose"] = Operator.Of(Transpose, "perm"),
        ["Concat"] = Operator.Of(Concat, "axis"),
        ["Split"] = new(Split, ["axis", "split", "num_outputs"]),
        ["Expand"] = Operator.Of(Expand),
        ["Tile"] = Operator.Of(Tile),
        ["Pad"] = Operator.Of(Pad, "mode", "pads", "value"),
        ["DepthToSpace"] = Operator.Of(DepthToSpace, "blocksize", "mode"),
        ["SpaceToDepth"] = Operator.Of(SpaceToDepth, "blocksize"),
    };

    private static Tensor Reshape(NodeCall call)
    {
        Tensor x = call.Input(0);
        long[] shape = call.Longs(5, 1, "shape") ?? throw call.Error("has no shape");
        bool zero = call.Is("allowzero");
        for (int i = 0; i < shape.Length && !zero; i++)
        {
            if (shape[i] == 0)
                shape[i] = i < x.dim() ? x.shape[i] : throw call.Error($"dimension {i} is that of an input of {x.dim()} dimensions");
        }
        return x.reshape(shape);
    }

    private static Tensor Flatten(NodeCall call)
    {
        Tensor x = call.Input(0);
        long axis = call.Long("axis", 1, -x.dim(), x.dim());
        int at = (int)(axis < 0 ? axis + x.dim() : axis);
        return x.reshape(x.shape.Take(at).Aggregate(1L, (a, b) => a * b), x.shape.Skip(at).Aggregate(1L, (a, b) => a * b));
    }

    private static Tensor Squeeze(NodeCall call)
    {
        Tensor x = call.Input(0);
        int[] axes = call.Longs(13, 1, "axes") is { } given ? [.. given.Select(axis => call.Axis(axis, x.dim()))]
            : [.. Enumerable.Range(0, (int)x.dim()).Where(i => x.shape[i] == 1)];
        return Array.TrueForAll(axes, axis => x.shape[axis] == 1) ? x.reshape([.. x.shape.Where((_, i) => !axes.Contains(i))])
            : throw call.Error($"dimensions [{string.Join(", ", axes)}] of [{string.Join(", ", x.shape)}], allowed: those of size 1");
    }

    private static Tensor Unsqueeze(NodeCall call)
    {
        Tensor x = call.Input(0);
        long[] given = call.Longs(13, 1, "axes") ?? throw call.Error("has no axes");
        int[] axes = [.. given.Select(axis => call.Axis(axis, x.dim() + given.Length)).Distinct()];
        if (axes.Length != given.Length)
            throw call.Error($"axes are [{string.Join(", ", given)}], allowed: each once");
        var shape = new Queue<long>(x.shape);
        return x.reshape([.. Enumerable.Range(0, (int)x.dim() + axes.Length).Select(i => axes.Contains(i) ? 1 : shape.Dequeue())]);
    }

    private static Tensor Transpose(NodeCall call)
    {
        Tensor x = call.Input(0);
        int rank = (int)x.dim();
        long[] order = call.Node.Attributes.ContainsKey("perm") ? call.Longs("perm", rank, 0, 0, Math.Max(0, rank - 1))
            : [.. Enumerable.Range(0, rank).Reverse().Select(i => (long)i)];
        return order.Distinct().Count() == order.Length ? x.permute(order) : throw call.Error($"perm is [{string.Join(", ", order)}], allowed: each once");
    }

    private static Tensor Concat(NodeCall call)
    {
        Tensor[] parts = [.. Enumerable.Range(0, Math.Max(1, call.Inputs.Count)).Select(i => call.Input(i))];
        int axis = call.Axis(1);
        if (Array.Exists(parts, p => p.dim() != parts[0].dim()))
            throw call.Error("parts of different numbers of dimensions");
        call.RequireRoom(parts[0].shape.Select((d, i) => i == axis ? parts.Sum(p => p.shape[i]) : d));
        return cat(parts, axis);
    }

    private static Tensor[] Split(NodeCall call)
    {
        Tensor x = call.Input(0);
        int axis = call.Axis(0), count = call.Node.Outputs.Count;
        long size = x.shape[axis], part = (size + count - 1) / Math.Max(1, count);
        long[] sizes = call.Longs(13, 1, "split") ?? [.. Enumerable.Range(0, count).Select(i => Math.Clamp(size - (i * part), 0, part))];
        return sizes.Length == count && Array.TrueForAll(sizes, s => s >= 0) && sizes.Sum() == size ? x.split(sizes, axis)
            : throw call.Error($"parts of [{string.Join(", ", sizes)}] for {count} outputs and a size of {size}");
    }

    private static Tensor Expand(NodeCall call)
    {
        Tensor x = call.Input(0);
        long[] asked = call.Longs(1);
        int rank = Math.Max(asked.Length, (int)x.dim());
        long[] shape = new long[rank];
        for (int i = 1; i <= rank; i++)
        {
            long here = i <= x.dim() ? x.shape[^i] : 1, there = i <= asked.Length ? asked[^i] : 1;
            shape[^i] = here == 1 ? there : here;
        }
        call.RequireRoom(shape);
        return x.expand(shape);
    }

    private static Tensor Tile(NodeCall call)
    {
        Tensor x = call.Input(0);
        long[] times = call.Longs(1);
        if (times.Length != x.dim() || Array.Exists(times, t => t < 0))
            throw call.Error($"repeats are [{string.Join(", ", times)}], allowed: {x.dim()} numbers, 0 or more");
        call.RequireRoom(x.shape.Zip(times).Select(p => p.First == 0 ? 0 : p.Second > call.Limit ? p.Second : p.First * p.Second));
        return x.repeat(times);
    }

    private static Tensor Pad(NodeCall call)
    {
        Tensor x = call.Input(0);
        int rank = (int)x.dim();
        string mode = call.Word("mode", "constant", "reflect", "edge");
        long[] pads = call.Longs(11, 1, "pads") ?? throw call.Error("has no pads");
        int[] axes = call.Optional(3) is null ? [.. Enumerable.Range(0, rank)] : [.. call.Longs(3).Select(axis => call.Axis(axis, rank))];
        double value = call.Opset < 11 ? call.Float("value", 0) : call.Optional(2) is null ? 0 : call.Number(2);
        if (pads.Length != 2 * axes.Length || axes.Distinct().Count() != axes.Length || Array.Exists(pads, p => Math.Abs(p) > int.MaxValue))
            throw call.Error($"pads are [{string.Join(", ", pads)}], allowed: {2 * axes.Length} numbers");
        (long Before, long After)[] sides = new (long, long)[rank];
        for (int i = 0; i < axes.Length; i++)
            sides[axes[i]] = (pads[i], pads[axes.Length + i]);
        call.RequireRoom(x.shape.Select((d, i) => d + sides[i].Before + sides[i].After));
        // ONNX: all that stands before, then all behind; libtorch: from the last dimension on, both of each.
        List<long> all = [.. Enumerable.Range(0, rank).Reverse().SelectMany(i => new[] { sides[i].Before, sides[i].After })];
        if (mode == "constant")
            return nn.functional.pad(x, [.. all], value: value);
        while (all.Count > 2 && all[^1] == 0 && all[^2] == 0)
            all.RemoveRange(all.Count - 2, 2);
        return all.Count <= 2 * (rank - 2) ? nn.functional.pad(x, [.. all], mode == "edge" ? PaddingModes.Replicate : PaddingModes.Reflect)
            : throw call.Error("pads batch or channels by what is beside them, which is not supported");
    }

    private static Tensor DepthToSpace(NodeCall call)
    {
        (Tensor x, long block) = Blocks(call);
        long n = x.shape[0], c = x.shape[1] / (block * block), h = x.shape[2], w = x.shape[3];
        if (c * block * block != x.shape[1])
            throw call.Error($"blocks of {block} and {x.shape[1]} channels");
        Tensor parts = call.Word("mode", "DCR", "CRD") == "DCR" ? x.reshape(n, block, block, c, h, w).permute(0, 3, 4, 1, 5, 2)
            : x.reshape(n, c, block, block, h, w).permute(0, 1, 4, 2, 5, 3);
        return parts.reshape(n, c, h * block, w * block);
    }

    private static Tensor SpaceToDepth(NodeCall call)
    {
        (Tensor x, long block) = Blocks(call);
        long n = x.shape[0], c = x.shape[1], h = x.shape[2] / block, w = x.shape[3] / block;
        return x.reshape(n, c, h, block, w, block).permute(0, 3, 5, 1, 2, 4).reshape(n, c * block * block, h, w);
    }

    private static (Tensor X, long Block) Blocks(NodeCall call) => (call.Input(0, 4), call.Long("blocksize", 0, 1, Windows.Most));

    private static Tensor Triangle(NodeCall call)
    {
        Tensor x = call.Input(0);
        if (x.dim() < 2)
            throw call.Error($"an input of {x.dim()} dimensions, allowed: 2 and more");
        double diagonal = call.Optional(1) is null ? 0 : Math.Clamp(call.Number(1), -call.Limit, call.Limit);
        return call.Is("upper", true) ? x.triu((long)diagonal) : x.tril((long)diagonal);
    }
}
