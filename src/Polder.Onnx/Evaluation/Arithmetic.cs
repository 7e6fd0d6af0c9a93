namespace Polder.Onnx.Evaluation;

/// <summary>Operators on two values, element by element, whose shapes are made alike; comparisons and logic among them.</summary>
internal static class Arithmetic
{
    public static readonly Dictionary<string, Operator> All = new()
    {
        ["Add"] = Pair((a, b) => a.add(b)),
        ["Sub"] = Pair((a, b) => a.sub(b)),
        ["Mul"] = Pair((a, b) => a.mul(b)),
        ["Div"] = Pair(Divide),
        ["Pow"] = Pair((a, b) => a.pow(b).to(a.dtype)),
        ["Mod"] = Operator.Of(call => Broadcast(call, call.Is("fmod") ? (a, b) => a.fmod(b) : (a, b) => a.remainder(b)), "fmod"),
        ["PRelu"] = Pair((a, slope) => a.clamp_min(Number(0)).add(a.clamp_max(Number(0)).mul(slope))),
        ["Equal"] = Pair((a, b) => a.eq(b)),
        ["Greater"] = Pair((a, b) => a.gt(b)),
        ["GreaterOrEqual"] = Pair((a, b) => a.ge(b)),
        ["Less"] = Pair((a, b) => a.lt(b)),
        ["LessOrEqual"] = Pair((a, b) => a.le(b)),
        ["And"] = Pair((a, b) => a.logical_and(b)),
        ["Or"] = Pair((a, b) => a.logical_or(b)),
        ["Xor"] = Pair((a, b) => a.logical_xor(b)),
        ["IsNaN"] = Operator.Of(call => call.Input(0).isnan()),
        ["IsInf"] = Operator.Of(call => (call.Is("detect_negative", true), call.Is("detect_positive", true)) switch
        {
            (true, true) => call.Input(0).isinf(),
            (true, false) => call.Input(0).isneginf(),
            (false, true) => call.Input(0).isposinf(),
            _ => zeros_like(call.Input(0), ScalarType.Bool),
        }, "detect_negative", "detect_positive"),
        ["Not"] = Operator.Of(call => call.Input(0).logical_not()),
        ["Where"] = Operator.Of(call =>
        {
            call.RequireRoom(ShapeOf(call.Input(0), call.Input(1), call.Input(2)));
            return where(call.Input(0), call.Input(1), call.Input(2));
        }),
        ["Sum"] = Operator.Of(call => Many(call, (a, b) => a.add(b))),
        ["Max"] = Operator.Of(call => Many(call, (a, b) => a.maximum(b))),
        ["Min"] = Operator.Of(call => Many(call, (a, b) => a.minimum(b))),
        ["Mean"] = Operator.Of(call => Many(call, (a, b) => a.add(b)).div(Number(call.Inputs.Count))),
    };

    private static Operator Pair(Func<Tensor, Tensor, Tensor> compute) => Operator.Of(call => Broadcast(call, compute));

    private static Tensor Broadcast(NodeCall call, Func<Tensor, Tensor, Tensor> compute)
    {
        Tensor a = call.Input(0), b = call.Input(1);
        call.RequireRoom(ShapeOf(a, b));
        return compute(a, b);
    }

    private static Tensor Many(NodeCall call, Func<Tensor, Tensor, Tensor> compute)
    {
        Tensor[] all = [.. Enumerable.Range(0, Math.Max(1, call.Inputs.Count)).Select(i => call.Input(i))];
        call.RequireRoom(ShapeOf(all));
        return all.Length == 1 ? all[0].alias() : all.Aggregate(compute);
    }

    // Of whole numbers the quotient towards zero.
    private static Tensor Divide(Tensor a, Tensor b)
    {
        if (a.is_floating_point() || b.is_floating_point())
            return a.div(b);
        // The processor's own division by zero ends the process.
        return b.eq(Number(0)).any().ToBoolean() ? throw new ArgumentException("a division by zero") : a.div(b, RoundingMode.trunc).to(a.dtype);
    }

    /// <summary>The largest shape that values can be made alike in, from the last dimension on; whether they can, the library says.</summary>
    internal static IEnumerable<long> ShapeOf(params Tensor[] values)
    {
        int rank = values.Max(v => (int)v.dim());
        return Enumerable.Range(1, rank).Select(i => values.Select(v => i <= v.dim() ? v.shape[^i] : 1).Aggregate((p, q) => p == 1 ? q : q == 1 ? p
            : Math.Max(p, q)));
    }
}
