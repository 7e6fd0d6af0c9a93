namespace Polder.Checkpoints.Formats;

/// <summary>A tensor that a reader found and checked but has not read.</summary>
/// <param name="Name">Its full name in the file.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="Read">Makes the tensor; the caller owns it.</param>
/// <param name="Scan">Hands over its row-major bytes, without the tensor library wherever they fit into an array.</param>
internal sealed record StoredTensor(string Name, ElementType Type, long[] Shape, Func<torch.Tensor> Read, Action<TensorMemory.Drain> Scan)
{
    /// <summary>A tensor whose row-major bytes a file provides in order.</summary>
    public static StoredTensor Dense(string name, ElementType type, long[] shape, TensorMemory.Fill fill) => new(
        name, type, shape, () => TensorMemory.Create(type, shape, fill), drain => TensorMemory.Pass(Shapes.Count(shape) * type.Size, fill, drain));
}

/// <summary>What a reader found in a file.</summary>
internal sealed record CheckpointContent(string Format, IReadOnlyList<StoredTensor> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>The dotted path of the dictionary that the tensors were taken from; null for the whole file.</summary>
    public string? Wrapper { get; init; }

    /// <summary>Names of tensors outside the wrapper.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];

    /// <summary>What else the file says of itself, a line each, for people.</summary>
    public IReadOnlyList<string> Description { get; init; } = [];
}
