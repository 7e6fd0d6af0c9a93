namespace Polder.Onnx.Evaluation;

/// <summary>A node with the values of its inputs: what an operator asks for, it gets checked.</summary>
/// <param name="Path">The file, for messages.</param>
/// <param name="Node">The node.</param>
/// <param name="Opset">The version of the operators, which decides what some of them mean.</param>
/// <param name="Inputs">The values; null: left out.</param>
/// <param name="Limit">Elements of the largest value that may arise.</param>
internal sealed record NodeCall(string Path, OnnxNode Node, int Opset, IReadOnlyList<Tensor?> Inputs, long Limit)
{
    // Multiplications of one node: some seconds, above those of the largest layers that classify images.
    private const double MostWork = 1e11;

    /// <summary>An input that must be there, of so many dimensions where that is said.</summary>
    public Tensor Input(int index, int? dimensions = null)
    {
        Tensor input = Optional(index) ?? throw Error($"has no input {index}");
        return dimensions is null || input.dim() == dimensions ? input : throw Error($"input {index} has {input.dim()} dimensions, allowed: {dimensions}");
    }

    /// <summary>An input that may be left out.</summary>
    public Tensor? Optional(int index) => index < Inputs.Count ? Inputs[index] : null;

    /// <summary>An input of whole numbers.</summary>
    public long[] Longs(int index)
    {
        Tensor input = Input(index);
        if (input.dim() > 1 || input.dtype is not (ScalarType.Int64 or ScalarType.Int32))
            throw Error($"input {index} is of {input.dtype} and {input.dim()} dimensions, allowed: whole numbers in a row");
        using Tensor numbers = input.to(ScalarType.Int64).contiguous();
        return numbers.data<long>().ToArray();
    }

    /// <summary>Whole numbers that are an attribute in older versions and an input in newer ones; null where they are left out.</summary>
    /// <param name="since">The first version in which they are an input.</param>
    /// <param name="index">That input.</param>
    /// <param name="name">The attribute.</param>
    public long[]? Longs(int since, int index, string name) =>
        Opset < since ? Node.Attributes.TryGetValue(name, out object? value) ? Typed<long[]>(name, value) : null
        : Optional(index) is null ? null : Longs(index);

    /// <summary>An input of one number.</summary>
    public double Number(int index)
    {
        Tensor input = Input(index);
        if (input.numel() != 1)
            throw Error($"input {index} has {input.numel()} elements, allowed: 1");
        using Tensor number = input.to(ScalarType.Float64);
        return number.ToDouble();
    }

    /// <summary>A whole number within a range.</summary>
    public long Long(string name, long otherwise, long low, long high) =>
        Within(name, Node.Attributes.TryGetValue(name, out object? value) ? Typed<long>(name, value) : otherwise, low, high);

    /// <summary>A number that says yes or no.</summary>
    public bool Is(string name, bool otherwise = false) => Long(name, otherwise ? 1 : 0, 0, 1) == 1;

    /// <summary>A number.</summary>
    public float Float(string name, float otherwise) => Node.Attributes.TryGetValue(name, out object? value) ? Typed<float>(name, value) : otherwise;

    /// <summary>One of some words.</summary>
    public string Word(string name, params string[] allowed)
    {
        string word = Node.Attributes.TryGetValue(name, out object? value) ? Typed<string>(name, value) : allowed[0];
        return allowed.Contains(word) ? word : throw Error($"{name} is {word}, allowed: {string.Join(", ", allowed)}");
    }

    /// <summary>Whole numbers within a range, so many.</summary>
    public long[] Longs(string name, int count, long otherwise, long low, long high)
    {
        long[] values = Node.Attributes.TryGetValue(name, out object? value) ? Typed<long[]>(name, value) : [.. Enumerable.Repeat(otherwise, count)];
        if (values.Length != count)
            throw Error($"{name} has {values.Length} numbers, allowed: {count}");
        return [.. values.Select(v => Within(name, v, low, high))];
    }

    /// <summary>A dimension of so many, counted from the end where it is negative.</summary>
    public int Axis(long axis, long rank) =>
        axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : throw Error($"axis is {axis}, allowed: {-rank} to {rank - 1}");

    /// <summary>The same of an attribute, for the first input.</summary>
    public int Axis(long otherwise) => Axis(Long("axis", otherwise, long.MinValue, long.MaxValue), Input(0).dim());

    /// <summary>Refuses an output that would be too large, or empty.</summary>
    public void RequireSize(params IEnumerable<long> shape) => RequireSize(1, shape);

    /// <summary>Refuses an output that would be too large.</summary>
    public void RequireRoom(params IEnumerable<long> shape) => RequireSize(0, shape);

    /// <summary>Refuses what would take minutes.</summary>
    public void RequireWork(double multiplications)
    {
        if (multiplications > MostWork)
            throw Error($"would take {multiplications:G2} multiplications, allowed: {MostWork:G2}");
    }

    /// <summary>The exception of something that is wrong with the node.</summary>
    public OnnxException Error(string reason, Exception? inner = null) => new(Path, $"{Node}: {reason}", inner);

    private void RequireSize(long least, IEnumerable<long> shape)
    {
        long[] dimensions = [.. shape];
        if (Array.Exists(dimensions, d => d < least) || dimensions.Aggregate(1d, (product, d) => product * d) > Limit)
            throw Error($"would make [{string.Join(", ", dimensions)}], allowed: {least} to {Limit} elements");
    }

    private T Typed<T>(string name, object value) => value is T typed ? typed : throw Error($"{name} is {value.GetType().Name}, allowed: {typeof(T).Name}");

    private long Within(string name, long value, long low, long high) =>
        value >= low && value <= high ? value : throw Error($"{name} is {value}, allowed: {low} to {high}");
}
