namespace Polder.Onnx.Evaluation;

/// <summary>
/// The attention of transformers, which is an operator of its own since version 23; before that it is written in products. Computed in steps that can be
/// differentiated twice, unlike the library's own.
/// </summary>
internal static class Attentions
{
    // Far more heads than any network has.
    private const long MostHeads = 1 << 16;

    public static readonly Dictionary<string, Operator> All = new()
    {
        ["Attention"] = Operator.Of(
            Attend, "is_causal", "kv_num_heads", "q_num_heads", "qk_matmul_output_mode", "scale", "softcap", "softmax_precision"),
    };

    // Queries batch x heads x places x size, or batch x places x (heads * size); keys and values may have fewer heads, each for several of the queries'.
    private static Tensor Attend(NodeCall call)
    {
        if (call.Optional(4) is not null || call.Optional(5) is not null || call.Optional(6) is not null)
            throw call.Error("keys and values of earlier places, which are not supported");
        Tensor queries = Heads(call, 0, "q_num_heads"), keys = Heads(call, 1, "kv_num_heads"), values = Heads(call, 2, "kv_num_heads");
        (long batch, long heads, long places, long size) = (queries.shape[0], queries.shape[1], queries.shape[2], queries.shape[3]);
        (long groups, long seen) = (keys.shape[1], keys.shape[2]);
        if (size == 0 || keys.shape[0] != batch || keys.shape[3] != size || groups == 0 || heads % groups != 0
            || !values.shape.Take(3).SequenceEqual(keys.shape.Take(3)))
        {
            throw call.Error($"queries {Shape(queries)}, keys {Shape(keys)} and values {Shape(values)} do not fit");
        }
        call.RequireRoom(batch, heads, places, seen);
        call.RequireRoom(batch, heads, places, values.shape[3]);
        call.RequireRoom(batch, heads, seen, Math.Max(size, values.shape[3]));
        call.RequireWork((double)batch * heads * places * seen * (size + values.shape[3]));
        if (groups != heads)
            (keys, values) = (keys.repeat_interleave(heads / groups, 1), values.repeat_interleave(heads / groups, 1));

        float scale = call.Float("scale", 1 / MathF.Sqrt(size)), softcap = call.Float("softcap", 0);
        Tensor scores = queries.mul(Number(scale)).matmul(keys.transpose(2, 3));
        if (call.Optional(3) is { } mask)
            scores = scores.add(Mask(call, mask, scores));
        if (call.Is("is_causal"))
            scores = scores.masked_fill(ones(places, seen, ScalarType.Bool).triu(1), Number(double.NegativeInfinity));
        if (softcap != 0)
            scores = scores.div(Number(softcap)).tanh().mul(Number(softcap));
        Tensor found = scores.softmax(-1).matmul(values);
        return call.Input(0).dim() == 4 ? found : found.transpose(1, 2).reshape(batch, places, -1);
    }

    private static Tensor Heads(NodeCall call, int index, string name)
    {
        Tensor x = call.Input(index);
        if (x.dim() == 4)
            return x;
        long heads = call.Long(name, 0, 1, MostHeads);
        return x.dim() == 3 && x.shape[2] % heads == 0 ? x.reshape(x.shape[0], x.shape[1], heads, x.shape[2] / heads).transpose(1, 2)
            : throw call.Error($"input {index} is {Shape(x)}, allowed: 4 dimensions, or 3 of which the last holds {heads} heads");
    }

    // What is not seen counts for nothing: minus infinity, which is also what a mask of numbers says.
    private static Tensor Mask(NodeCall call, Tensor mask, Tensor scores)
    {
        long[] shape = scores.shape;
        bool fits = mask.dim() is >= 1 and <= 4 && mask.shape.Reverse().Zip(shape.Reverse()).All(d => d.First == 1 || d.First == d.Second);
        if (!fits)
            throw call.Error($"a mask {Shape(mask)} for scores {Shape(scores)}");
        return mask.dtype == ScalarType.Bool ? zeros_like(mask, scores.dtype).masked_fill(mask.logical_not(), Number(double.NegativeInfinity)) : mask;
    }

    private static string Shape(Tensor x) => $"[{string.Join(", ", x.shape)}]";
}
