namespace Polder.Onnx.Evaluation;

/// <summary>Operators that take or put some of the elements.</summary>
internal static class Indexing
{
    public static readonly Dictionary<string, Operator> All = new()
    {
        ["Gather"] = Operator.Of(Gather, "axis"),
        ["GatherElements"] = Operator.Of(GatherElements, "axis"),
        ["ScatterND"] = Operator.Of(Scatter, "reduction"),
        ["Slice"] = Operator.Of(Slice, "starts", "ends", "axes"),
    };

    private static Tensor Gather(NodeCall call)
    {
        Tensor x = call.Input(0);
        int axis = call.Axis(0);
        Tensor index = Index(call, call.Input(1), x.shape[axis]);
        long[] shape = [.. x.shape.Take(axis), .. index.shape, .. x.shape.Skip(axis + 1)];
        call.RequireRoom(shape);
        return x.index_select(axis, index.reshape(-1)).reshape(shape);
    }

    private static Tensor GatherElements(NodeCall call)
    {
        Tensor x = call.Input(0), index = call.Input(1, (int)x.dim());
        int axis = call.Axis(0);
        if (index.shape.Where((d, i) => i != axis && d > x.shape[i]).Any())
            throw call.Error($"indices [{string.Join(", ", index.shape)}] for an input [{string.Join(", ", x.shape)}]");
        return x.gather(axis, Index(call, index, x.shape[axis]));
    }

    private static Tensor Scatter(NodeCall call)
    {
        call.Word("reduction", "none");
        Tensor x = call.Input(0), index = call.Input(1), values = call.Input(2);
        if (index.dim() == 0 || index.shape[^1] > x.dim() || index.shape[^1] < 1)
            throw call.Error($"indices [{string.Join(", ", index.shape)}] for an input [{string.Join(", ", x.shape)}]");
        int depth = (int)index.shape[^1];
        Tensor flat = index.reshape(-1, depth);
        TensorIndex[] places = [.. Enumerable.Range(0, depth).Select(i => TensorIndex.Tensor(Index(call, flat.select(1, i), x.shape[i])))];
        return x.clone().index_put_(values.reshape([flat.shape[0], .. x.shape.Skip(depth)]), places);
    }

    private static Tensor Slice(NodeCall call)
    {
        Tensor x = call.Input(0);
        long[] starts = call.Longs(10, 1, "starts") ?? throw call.Error("has no starts"), ends = call.Longs(10, 2, "ends") ?? throw call.Error("has no ends");
        long[] axes = call.Longs(10, 3, "axes") ?? [.. Enumerable.Range(0, starts.Length).Select(i => (long)i)];
        long[] steps = call.Opset >= 10 && call.Optional(4) is not null ? call.Longs(4) : [.. Enumerable.Repeat(1L, starts.Length)];
        if (ends.Length != starts.Length || axes.Length != starts.Length || steps.Length != starts.Length || Array.Exists(steps, s => s is 0 or long.MinValue))
            throw call.Error("starts, ends, axes and steps must be as many, and no step be 0");
        Tensor part = x.alias();
        for (int i = 0; i < axes.Length; i++)
        {
            int axis = call.Axis(axes[i], x.dim());
            long size = part.shape[axis], step = steps[i];
            long start = Math.Clamp(FromEnd(starts[i], size), step > 0 ? 0 : -1, step > 0 ? size : size - 1);
            long end = Math.Clamp(FromEnd(ends[i], size), step > 0 ? 0 : -1, size);
            long count = Math.Max(0, step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step);
            part = step > 0 ? part.slice(axis, start, Math.Max(start, end), Math.Min(step, Math.Max(1, size)))
                : part.index_select(axis, arange(Number(count), ScalarType.Int64).mul(Number(step)).add(Number(start)));
        }
        return part;
    }

    private static long FromEnd(long place, long size) => place >= 0 ? place : place < -size ? -1 : place + size;

    private static Tensor Index(NodeCall call, Tensor index, long size)
    {
        if (index.dtype is not (ScalarType.Int64 or ScalarType.Int32))
            throw call.Error($"indices of {index.dtype}, allowed: whole numbers");
        Tensor whole = index.to(ScalarType.Int64);
        if (whole.numel() > 0 && (whole.min().ToInt64() < -size || whole.max().ToInt64() >= size))
            throw call.Error($"indices from {whole.min().ToInt64()} to {whole.max().ToInt64()}, allowed: {-size} to {size - 1}");
        return whole.add(whole.lt(Number(0)).to(ScalarType.Int64).mul(Number(size)));
    }
}
