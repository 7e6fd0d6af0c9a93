using Polder.Checkpoints.Formats;

namespace Polder.Checkpoints;

/// <summary>
/// What a checkpoint file holds, with the values of its tensors at a glance: computed from the file's bytes, without the tensor library, whose loading
/// takes far longer than a small file (but for storages of a PyTorch file beyond 2 GB, which no array holds).
/// </summary>
/// <param name="Path">The file.</param>
/// <param name="Format">See <see cref="Checkpoint.Format"/>.</param>
/// <param name="Tensors">What <see cref="Checkpoint.Tensors"/> would be, in its order.</param>
/// <param name="Metadata">See <see cref="Checkpoint.Metadata"/>.</param>
public sealed record CheckpointSummary(string Path, string Format, IReadOnlyList<TensorSummary> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>See <see cref="Checkpoint.Wrapper"/>.</summary>
    public string? Wrapper { get; init; }

    /// <summary>See <see cref="Checkpoint.Prefix"/>.</summary>
    public string? Prefix { get; init; }

    /// <summary>See <see cref="Checkpoint.LeftOut"/>.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];

    /// <summary>What else the file says of itself, a line each, for people: of an ONNX file its inputs, outputs and operators.</summary>
    public IReadOnlyList<string> Description { get; init; } = [];

    /// <summary>Looks through a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What to unwrap and strip; null for the defaults.</param>
    /// <param name="progress">Told before each tensor: how many are done, of how many, and its name.</param>
    /// <param name="cancellation">Stops between tensors.</param>
    /// <inheritdoc cref="Checkpoint.Load" path="/exception"/>
    public static CheckpointSummary Of(
        string path, CheckpointOptions? options = null, IProgress<(int Done, int All, string Name)>? progress = null, CancellationToken cancellation = default)
    {
        options ??= new CheckpointOptions();
        using CheckpointFile file = CheckpointFile.Open(path);
        using OpenedCheckpoint opened = FormatDetection.Open(file, options);
        TensorSelection meant = TensorSelection.Of(path, opened.Content, options);
        var tensors = new List<TensorSummary>();
        foreach (StoredTensor stored in meant.Tensors)
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report((tensors.Count, meant.Tensors.Count, stored.Name));
            tensors.Add(new TensorSummary(
                new TensorInfo(stored.Name, stored.Type.Scalar, stored.Shape), TensorStatistics.Of(stored.Type, stored.Shape, stored.Scan)));
        }
        return new CheckpointSummary(path, opened.Content.Format, tensors, opened.Content.Metadata)
        { Wrapper = opened.Content.Wrapper, Prefix = meant.Prefix, LeftOut = meant.LeftOut, Description = opened.Content.Description };
    }
}

/// <summary>A tensor of a file at a glance.</summary>
/// <param name="Tensor">Its name, element type and shape.</param>
/// <param name="Values">What one can say of its values.</param>
public sealed record TensorSummary(TensorInfo Tensor, TensorStatistics Values);
