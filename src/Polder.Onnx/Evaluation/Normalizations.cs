namespace Polder.Onnx.Evaluation;

/// <summary>Operators that bring values to a mean and a spread, or to a sum of one.</summary>
internal static class Normalizations
{
    public static readonly Dictionary<string, Operator> All = new()
    {
        // A file may say that it was written while training: what it holds is used as trained.
        ["BatchNormalization"] = Operator.Of(Batch, "epsilon", "momentum", "training_mode", "spatial", "is_test", "consumed_inputs"),
        ["InstanceNormalization"] = Operator.Of(Instance, "epsilon", "consumed_inputs"),
        ["LayerNormalization"] = new(Layer, ["axis", "epsilon", "stash_type"]),
        ["RMSNormalization"] = Operator.Of(RootMeanSquare, "axis", "epsilon", "stash_type"),
        ["GroupNormalization"] = Operator.Of(Group, "epsilon", "num_groups", "stash_type"),
        ["LpNormalization"] = Operator.Of(Unit, "axis", "p"),
        ["Softmax"] = Operator.Of(call => Soft(call, (x, axis) => x.softmax(axis)), "axis"),
        ["LogSoftmax"] = Operator.Of(call => Soft(call, (x, axis) => nn.functional.log_softmax(x, axis)), "axis"),
    };

    private static Tensor Batch(NodeCall call)
    {
        Tensor x = Picture(call);
        Tensor[] values = [.. Enumerable.Range(1, 4).Select(i => Channels(call, i))];
        return call.Is("spatial", true) ? nn.functional.batch_norm(x, values[2], values[3], values[0], values[1], training: false, eps: Epsilon(call))
            : throw call.Error("spatial is 0, which is not supported");
    }

    private static Tensor Instance(NodeCall call) =>
        nn.functional.instance_norm(Picture(call), null, null, Channels(call, 1), Channels(call, 2), true, 0.1, Epsilon(call));

    // Mean and inverse spread are outputs, too, which some exporters name and nobody uses.
    private static IReadOnlyList<Tensor> Layer(NodeCall call)
    {
        Tensor x = call.Input(0);
        long[] shape = x.shape[call.Axis(-1)..];
        Tensor normal = nn.functional.layer_norm(
            x, shape, Scaled(call, call.Input(1), shape), call.Optional(2) is { } bias ? Scaled(call, bias, shape) : null, Epsilon(call));
        if (call.Node.Outputs.Count == 1)
            return [normal];
        long[] last = Last(shape.Length);
        return [normal, x.mean(last, keepdim: true), x.var(last, unbiased: false, keepdim: true).add(Number(Epsilon(call))).rsqrt()];
    }

    private static Tensor RootMeanSquare(NodeCall call)
    {
        Tensor x = call.Input(0);
        long[] shape = x.shape[call.Axis(-1)..];
        return x.mul(x.mul(x).mean(Last(shape.Length), keepdim: true).add(Number(Epsilon(call))).rsqrt()).mul(Scaled(call, call.Input(1), shape));
    }

    // Zeros stay zeros.
    private static Tensor Unit(NodeCall call)
    {
        Tensor x = call.Input(0);
        using Tensor length = x.norm(call.Axis(-1), keepdim: true, call.Long("p", 2, 1, 2));
        using Tensor none = length.eq(Number(0));
        return x.div(length.masked_fill(none, Number(1)));
    }

    private static long[] Last(int count) => [.. Enumerable.Range(1, count).Select(i => (long)-i)];

    private static Tensor Scaled(NodeCall call, Tensor scale, long[] shape) => scale.numel() == shape.Aggregate(1L, (a, b) => a * b) ? scale.reshape(shape)
        : throw call.Error($"scales [{string.Join(", ", scale.shape)}] for [{string.Join(", ", shape)}]");

    private static Tensor Group(NodeCall call)
    {
        Tensor x = Picture(call);
        long groups = call.Long("num_groups", 1, 1, x.shape[1]);
        if (x.shape[1] % groups != 0)
            throw call.Error($"{groups} groups of {x.shape[1]} channels");
        return nn.functional.group_norm(x, groups, Scale(1), Scale(2), Epsilon(call));

        // Up to version 20 there is a scale a group.
        Tensor Scale(int index) => call.Opset >= 21 || call.Input(index, 1).shape[0] != groups ? Channels(call, index)
            : call.Input(index).repeat_interleave(x.shape[1] / groups);
    }

    // Up to version 12 it is over all dimensions from the axis on.
    private static Tensor Soft(NodeCall call, Func<Tensor, long, Tensor> compute)
    {
        Tensor x = call.Input(0);
        int axis = call.Axis(call.Opset >= 13 ? -1 : 1);
        return call.Opset >= 13 || axis == x.dim() - 1 ? compute(x, axis) : compute(x.flatten(axis, -1), axis).reshape(x.shape);
    }

    private static Tensor Picture(NodeCall call) => call.Input(0) is { } x && x.dim() >= 2 && x.numel() > 0 ? x
        : throw call.Error($"an input [{string.Join(", ", call.Input(0).shape)}], allowed: 2 dimensions and more");

    private static Tensor Channels(NodeCall call, int index) => call.Input(index, 1) is { } values && values.shape[0] == call.Input(0).shape[1] ? values
        : throw call.Error($"its constants have other lengths than the {call.Input(0).shape[1]} channels of the input");

    private static float Epsilon(NodeCall call) => call.Float("epsilon", 1e-5f);
}
