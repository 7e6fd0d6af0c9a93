namespace Polder.Onnx.Evaluation;

/// <summary>Operators that make one value of many along some dimensions.</summary>
internal static class Reductions
{
    public static readonly Dictionary<string, Operator> All = new()
    {
        ["ReduceMean"] = Over(18, (x, axes, keep) => x.mean(axes, keep)),
        ["ReduceSum"] = Over(13, (x, axes, keep) => x.sum(axes, keep).to(x.dtype)),
        ["ReduceMax"] = Over(18, (x, axes, keep) => x.amax(axes, keep)),
        ["ReduceMin"] = Over(18, (x, axes, keep) => x.amin(axes, keep)),
        ["ReduceL1"] = Over(18, (x, axes, keep) => x.abs().sum(axes, keep).to(x.dtype)),
        ["ReduceL2"] = Over(18, (x, axes, keep) => x.mul(x).sum(axes, keep).sqrt()),
        ["ReduceSumSquare"] = Over(18, (x, axes, keep) => x.mul(x).sum(axes, keep).to(x.dtype)),
        ["ReduceLogSum"] = Over(18, (x, axes, keep) => x.sum(axes, keep).log()),
        ["ReduceLogSumExp"] = Over(18, (x, axes, keep) => x.exp().sum(axes, keep).log()),
        ["ReduceProd"] = Over(18, (x, axes, keep) => axes.OrderDescending().Aggregate(x, (value, axis) => value.prod(axis, keep))),
        ["ArgMax"] = Operator.Of(call => Place(call, call.Input(0)), "axis", "keepdims", "select_last_index"),
        ["ArgMin"] = Operator.Of(call => Place(call, call.Input(0).neg()), "axis", "keepdims", "select_last_index"),
        ["CumSum"] = Operator.Of(Sums, "exclusive", "reverse"),
    };

    private static Operator Over(int since, Func<Tensor, long[], bool, Tensor> compute) => Operator.Of(
        call =>
        {
            Tensor x = call.Input(0);
            bool keep = call.Is("keepdims", true);
            long[]? axes = call.Longs(since, 1, "axes");
            if (axes is null or [])
            {
                if (call.Is("noop_with_empty_axes"))
                    return x.alias();
                axes = [.. Enumerable.Range(0, (int)x.dim()).Select(i => (long)i)];
            }
            axes = [.. axes.Select(axis => (long)call.Axis(axis, x.dim())).Distinct()];
            if (x.numel() == 0 || x.dim() == 0)
                throw call.Error($"of an input [{string.Join(", ", x.shape)}], which is not supported");
            return compute(x, axes, keep);
        },
        "axes", "keepdims", "noop_with_empty_axes");

    private static Tensor Place(NodeCall call, Tensor x)
    {
        int axis = call.Axis(0);
        if (!call.Is("select_last_index"))
            return x.argmax(axis, call.Is("keepdims", true));
        Tensor last = x.flip(axis).argmax(axis, call.Is("keepdims", true));
        return last.neg().add(Number(x.shape[axis] - 1));
    }

    private static Tensor Sums(NodeCall call)
    {
        Tensor x = call.Input(0);
        int axis = call.Axis((long)call.Number(1), x.dim());
        if (call.Is("reverse"))
            x = x.flip(axis);
        Tensor sums = x.cumsum(axis).to(x.dtype);
        if (call.Is("exclusive"))
            sums = sums.sub(x);
        return call.Is("reverse") ? sums.flip(axis) : sums;
    }
}
