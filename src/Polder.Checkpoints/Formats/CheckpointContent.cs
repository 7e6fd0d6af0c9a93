namespace Polder.Checkpoints.Formats;

/// <summary>A tensor that a reader found and checked but has not read.</summary>
/// <param name="Name">Its full name in the file.</param>
/// <param name="Read">Makes the tensor; the caller owns it.</param>
internal sealed record StoredTensor(string Name, Func<torch.Tensor> Read);

/// <summary>What a reader found in a file.</summary>
internal sealed record CheckpointContent(string Format, IReadOnlyList<StoredTensor> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>The dotted path of the dictionary that the tensors were taken from; null for the whole file.</summary>
    public string? Wrapper { get; init; }

    /// <summary>Names of tensors outside the wrapper.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];
}
