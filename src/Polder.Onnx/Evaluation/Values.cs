namespace Polder.Onnx.Evaluation;

/// <summary>Operators that make values: constants, shapes as values, other types.</summary>
internal static class Values
{
    public static readonly Dictionary<string, Operator> All = new()
    {
        ["Constant"] = Operator.Of(Constant, "value", "value_int", "value_ints", "value_float", "value_floats"),
        ["ConstantOfShape"] = Operator.Of(ConstantOfShape, "value"),
        ["Shape"] = Operator.Of(Shape, "start", "end"),
        ["Size"] = Operator.Of(call => tensor(call.Input(0).numel())),
        ["Range"] = Operator.Of(Range),
        ["Cast"] = Operator.Of(Cast, "to", "saturate"),
        ["CastLike"] = Operator.Of(call => call.Input(0).to(call.Input(1).dtype), "saturate"),
        ["DequantizeLinear"] = Operator.Of(Dequantize, "axis"),
    };

    private static Tensor Constant(NodeCall call)
    {
        object value = call.Node.Attributes.Values.FirstOrDefault() ?? throw call.Error("has no value");
        return value switch
        {
            OnnxTensor constant => GraphEvaluator.Widened(constant.ToTensor()),
            long number => tensor(number),
            float number => tensor(number),
            long[] numbers => tensor(numbers),
            float[] numbers => tensor(numbers),
            _ => throw call.Error($"a value of {value.GetType().Name} is not supported"),
        };
    }

    private static Tensor ConstantOfShape(NodeCall call)
    {
        long[] shape = call.Longs(0);
        call.RequireRoom(shape);
        using Tensor value = call.Node.Attributes.GetValueOrDefault("value") is OnnxTensor given ? GraphEvaluator.Widened(given.ToTensor()) : zeros(1);
        if (value.numel() != 1)
            throw call.Error($"a value of {value.numel()} elements, allowed: 1");
        // The one element stands for all: nothing is filled until it is copied.
        return value.reshape([.. Enumerable.Repeat(1L, shape.Length)]).expand(shape);
    }

    private static Tensor Shape(NodeCall call)
    {
        long[] shape = call.Input(0).shape;
        long rank = shape.Length, start = Bound("start", 0), end = Bound("end", rank);
        return tensor(shape[(int)start..(int)Math.Max(start, end)]);

        long Bound(string name, long otherwise)
        {
            long place = call.Long(name, otherwise, long.MinValue, long.MaxValue);
            return Math.Clamp(place < 0 ? place + rank : place, 0, rank);
        }
    }

    private static Tensor Range(NodeCall call)
    {
        double start = call.Number(0), end = call.Number(1), step = call.Number(2);
        double count = Math.Max(0, Math.Ceiling((end - start) / step));
        if (!(count <= call.Limit))
            throw call.Error($"would make {count} elements, allowed: up to {call.Limit}");
        using Tensor places = arange(Number((long)count), ScalarType.Float64);
        return places.mul(Number(step)).add(Number(start)).to(call.Input(0).dtype);
    }

    private static Tensor Cast(NodeCall call)
    {
        Tensor x = call.Input(0);
        var type = (OnnxType)call.Long("to", 0, 1, 100);
        if (!Enum.IsDefined(type))
            throw call.Error($"casts to type {(long)type}, which is not supported");
        // Floats of 16 bits are rounded and computed in 32; what a network computes in is its own.
        return type switch
        {
            OnnxType.Float16 or OnnxType.BFloat16 when x.dtype == ScalarType.Float32 => x.to(type.ToScalarType()).to(ScalarType.Float32),
            OnnxType.Float or OnnxType.Float16 or OnnxType.BFloat16 or OnnxType.Double when x.is_floating_point() => x.alias(),
            OnnxType.Float or OnnxType.Float16 or OnnxType.BFloat16 => x.to(ScalarType.Float32),
            _ => x.to(type.ToScalarType()),
        };
    }

    private static Tensor Dequantize(NodeCall call)
    {
        Tensor x = call.Input(0), scale = call.Input(1), zero = call.Optional(2) ?? zeros(1);
        if (scale.numel() > 1)
        {
            long[] shape = [.. Enumerable.Repeat(1L, (int)x.dim())];
            shape[call.Axis(1)] = -1;
            (scale, zero) = (scale.reshape(shape), zero.numel() > 1 ? zero.reshape(shape) : zero);
        }
        return x.to(ScalarType.Float32).sub(zero.to(ScalarType.Float32)).mul(scale);
    }
}
