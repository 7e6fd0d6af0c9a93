namespace Polder.Onnx.Evaluation;

/// <summary>Functions of one value, element by element.</summary>
internal static class Activations
{
    public static readonly Dictionary<string, Operator> All = new()
    {
        ["Relu"] = One(x => x.relu()),
        ["Sigmoid"] = One(x => x.sigmoid()),
        ["Tanh"] = One(x => x.tanh()),
        ["Erf"] = One(x => x.erf()),
        ["Exp"] = One(x => x.exp()),
        ["Log"] = One(x => x.log()),
        ["Sqrt"] = One(x => x.sqrt()),
        ["Abs"] = One(x => x.abs()),
        ["Neg"] = One(x => x.neg()),
        ["Sign"] = One(x => x.sign()),
        ["Floor"] = One(x => x.floor()),
        ["Ceil"] = One(x => x.ceil()),
        ["Round"] = One(x => x.round()),
        ["Sin"] = One(x => x.sin()),
        ["Cos"] = One(x => x.cos()),
        ["Reciprocal"] = One(x => x.reciprocal()),
        ["Softplus"] = One(x => nn.functional.softplus(x)),
        ["Softsign"] = One(x => x.div(x.abs().add(Number(1)))),
        ["Mish"] = One(x => x.mul(nn.functional.softplus(x).tanh())),
        ["HardSwish"] = One(x => nn.functional.hardswish(x)),
        ["Swish"] = Operator.Of(call => call.Input(0).mul(call.Input(0).mul(Number(call.Float("alpha", 1))).sigmoid()), "alpha"),
        ["HardSigmoid"] = Operator.Of(
            call => call.Input(0).mul(Number(call.Float("alpha", 0.2f))).add(Number(call.Float("beta", 0.5f))).clamp(Number(0), Number(1)), "alpha", "beta"),
        ["LeakyRelu"] = Operator.Of(call => nn.functional.leaky_relu(call.Input(0), call.Float("alpha", 0.01f)), "alpha"),
        ["Elu"] = Operator.Of(call => nn.functional.elu(call.Input(0), call.Float("alpha", 1)), "alpha"),
        ["Celu"] = Operator.Of(call => nn.functional.celu(call.Input(0), call.Float("alpha", 1)), "alpha"),
        ["Selu"] = Operator.Of(
            call => call.Input(0).clamp_min(Number(0)).add(call.Input(0).clamp_max(Number(0)).exp().sub(Number(1)).mul(Number(call.Float("alpha", 1.6732632f))))
                .mul(Number(call.Float("gamma", 1.050701f))),
            "alpha", "gamma"),
        ["ThresholdedRelu"] = Operator.Of(call => call.Input(0).mul(call.Input(0).gt(Number(call.Float("alpha", 1)))), "alpha"),
        ["Gelu"] = Operator.Of(Gelu, "approximate"),
        ["Clip"] = Operator.Of(Clip, "min", "max", "consumed_inputs"),
        ["Identity"] = One(x => x.alias()),
        // What is trained here are networks as they are used: no random numbers, as in evaluation.
        ["Dropout"] = new(call => [call.Input(0).alias(), ones_like(call.Input(0), ScalarType.Bool)], ["ratio", "seed", "is_test", "consumed_inputs"]),
    };

    private static Operator One(Func<Tensor, Tensor> compute) => Operator.Of(call => compute(call.Input(0)), "consumed_inputs");

    private static Tensor Gelu(NodeCall call)
    {
        Tensor x = call.Input(0);
        return call.Word("approximate", "none", "tanh") == "none" ? nn.functional.gelu(x)
            : x.mul(Number(0.5)).mul(x.pow(Number(3)).mul(Number(0.044715)).add(x).mul(Number(Math.Sqrt(2 / Math.PI))).tanh().add(Number(1)));
    }

    private static Tensor Clip(NodeCall call)
    {
        double? low = Bound(1, "min"), high = Bound(2, "max");
        return low is null && high is null ? call.Input(0).alias() : call.Input(0).clamp(Optional(low), Optional(high));

        static Scalar? Optional(double? bound) => bound is { } number ? Number(number) : null;

        double? Bound(int index, string name) => call.Opset < 11 ? call.Node.Attributes.ContainsKey(name) ? call.Float(name, 0) : null
            : call.Optional(index) is null ? null : call.Number(index);
    }
}
