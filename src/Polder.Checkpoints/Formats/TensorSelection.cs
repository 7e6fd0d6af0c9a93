namespace Polder.Checkpoints.Formats;

/// <summary>Which of a file's tensors are meant, and what they are called.</summary>
/// <param name="Tensors">Those that are meant, without their prefix.</param>
/// <param name="Prefix">What was taken off their names; null for nothing.</param>
/// <param name="LeftOut">The names of the others.</param>
internal sealed record TensorSelection(IReadOnlyList<StoredTensor> Tensors, string? Prefix, IReadOnlyList<string> LeftOut)
{
    // What averages of weights count beside the weights.
    private static readonly string[] Counters = ["n_averaged", "num_updates", "decay", "step", "initted"];

    /// <summary>Of no file.</summary>
    public static TensorSelection None { get; } = new([], null, []);

    /// <summary>Chooses.</summary>
    /// <exception cref="CheckpointException">No name has the <see cref="CheckpointOptions.KeyPrefix"/>.</exception>
    public static TensorSelection Of(string path, CheckpointContent content, CheckpointOptions options)
    {
        IReadOnlyList<StoredTensor> all = content.Tensors;
        string key = options.KeyPrefix ?? "";
        StoredTensor[] meant = [.. all.Where(t => t.Name.Length > key.Length && t.Name.StartsWith(key, StringComparison.Ordinal))];
        if (meant.Length == 0 && key.Length > 0)
            throw new CheckpointException(
                path, $"has no tensor whose name begins with '{key}'; its names begin with {Checkpoint.Beginnings(all.Select(t => t.Name))}");
        string? prefix = CommonPrefix(meant, key, options.Prefixes);
        meant = [.. meant.Where(t => prefix is null || t.Name.StartsWith(prefix, StringComparison.Ordinal))];
        return new TensorSelection(
            [.. meant.Select(t => t with { Name = t.Name[(prefix?.Length ?? 0)..] })], prefix,
            [.. content.LeftOut, .. all.Except(meant).Select(t => t.Name)]);
    }

    private static string? CommonPrefix(IReadOnlyList<StoredTensor> tensors, string key, IReadOnlyList<string> prefixes)
    {
        string common = key;
        string[] names = [.. tensors.Select(t => t.Name).Where(n => !Counters.Contains(n[key.Length..]))];
        // Prefixes may come one after the other (a compiled module in a data-parallel one), in any order.
        while (prefixes.FirstOrDefault(p => p.Length > 0 && Array.TrueForAll(names, n => n.Length > common.Length + p.Length
            && n.AsSpan(common.Length).StartsWith(p, StringComparison.Ordinal))) is string next && names.Length > 0)
            common += next;
        return common.Length == 0 ? null : common;
    }
}
