namespace Polder.Onnx.Evaluation;

/// <summary>A node with the values of its inputs: what an operator asks for, it gets checked.</summary>
/// <param name="Path">The file, for messages.</param>
/// <param name="Node">The node.</param>
/// <param name="Inputs">The values; null: left out.</param>
/// <param name="Limit">Elements of the largest value that may arise.</param>
internal sealed record NodeCall(string Path, OnnxNode Node, IReadOnlyList<Tensor?> Inputs, long Limit)
{
    /// <summary>An input that must be there, of so many dimensions where that is said.</summary>
    public Tensor Input(int index, int? dimensions = null)
    {
        Tensor input = (index < Inputs.Count ? Inputs[index] : null) ?? throw Error($"has no input {index}");
        return dimensions is null || input.dim() == dimensions ? input : throw Error($"input {index} has {input.dim()} dimensions, allowed: {dimensions}");
    }

    /// <summary>An input of whole numbers.</summary>
    public long[] Longs(int index)
    {
        Tensor input = Input(index, 1);
        return input.dtype == ScalarType.Int64 ? input.data<long>().ToArray() : throw Error($"input {index} is of {input.dtype}, allowed: Int64");
    }

    /// <summary>A whole number within a range.</summary>
    public long Long(string name, long otherwise, long low, long high) =>
        Within(name, Node.Attributes.TryGetValue(name, out object? value) ? Typed<long>(name, value) : otherwise, low, high);

    /// <summary>A number.</summary>
    public float Float(string name, float otherwise) => Node.Attributes.TryGetValue(name, out object? value) ? Typed<float>(name, value) : otherwise;

    /// <summary>Whole numbers within a range, so many.</summary>
    public long[] Longs(string name, int count, long otherwise, long low, long high)
    {
        long[] values = Node.Attributes.TryGetValue(name, out object? value) ? Typed<long[]>(name, value) : [.. Enumerable.Repeat(otherwise, count)];
        if (values.Length != count)
            throw Error($"{name} has {values.Length} numbers, allowed: {count}");
        return [.. values.Select(v => Within(name, v, low, high))];
    }

    /// <summary>What stands on both sides of height and width: two numbers.</summary>
    public long[] Pads(long high) => Longs("pads", 4, 0, 0, high) is [var top, var left, var bottom, var right] && top == bottom && left == right
        ? [top, left] : throw Error("pads differ between the sides, which is not supported");

    /// <summary>Refuses an output that would be too large, or empty.</summary>
    public void RequireSize(params IEnumerable<long> shape)
    {
        long[] dimensions = [.. shape];
        if (Array.Exists(dimensions, d => d < 1) || dimensions.Aggregate(1d, (product, d) => product * d) > Limit)
            throw Error($"would make [{string.Join(", ", dimensions)}], allowed: 1 to {Limit} elements");
    }

    /// <summary>The exception of something that is wrong with the node.</summary>
    public OnnxException Error(string reason, Exception? inner = null) => new(Path, $"{Node}: {reason}", inner);

    private T Typed<T>(string name, object value) => value is T typed ? typed : throw Error($"{name} is {value.GetType().Name}, allowed: {typeof(T).Name}");

    private long Within(string name, long value, long low, long high) =>
        value >= low && value <= high ? value : throw Error($"{name} is {value}, allowed: {low} to {high}");
}
