namespace Polder.Checkpoints;

/// <summary>A tensor's name, element type and shape.</summary>
/// <param name="Name">The name, with dots between the modules.</param>
/// <param name="Type">The element type.</param>
/// <param name="Shape">The sizes; empty for a scalar.</param>
public sealed record TensorInfo(string Name, torch.ScalarType Type, IReadOnlyList<long> Shape)
{
    internal static TensorInfo Of(string name, torch.Tensor tensor) => new(name, tensor.dtype, tensor.shape);

    /// <summary>For example <c>conv1.weight Float32 [16, 3, 3, 3]</c>.</summary>
    public override string ToString() => $"{Name} {Type} [{string.Join(", ", Shape)}]";
}

/// <summary>A tensor of the checkpoint that does not fit the module's tensor of the same name.</summary>
/// <param name="Found">What the checkpoint has.</param>
/// <param name="Expected">What the module has.</param>
public sealed record TensorMismatch(TensorInfo Found, TensorInfo Expected)
{
    /// <summary>The name that both carry.</summary>
    public string Name => Found.Name;

    /// <summary>For example <c>fc.weight: Float32 [1000, 512] in the file, Float32 [10, 512] in the model</c>.</summary>
    public override string ToString() =>
        $"{Name}: {Found.Type} [{string.Join(", ", Found.Shape)}] in the file, {Expected.Type} [{string.Join(", ", Expected.Shape)}] in the model";
}

/// <summary>What <see cref="Checkpoint.Into"/> did with each name. Every tensor of the checkpoint and of the module is in exactly one list.</summary>
public sealed record LoadReport
{
    /// <summary>Tensors of the module that now hold the checkpoint's values, in the module's order.</summary>
    public required IReadOnlyList<TensorInfo> Loaded { get; init; }

    /// <summary>Tensors of the checkpoint that the module does not know.</summary>
    public required IReadOnlyList<TensorInfo> Ignored { get; init; }

    /// <summary>Tensors of the module that the checkpoint lacks; they keep their values.</summary>
    public required IReadOnlyList<TensorInfo> Missing { get; init; }

    /// <summary>Tensors that both have, in other shapes or in element types that cannot be converted; the module's keep their values.</summary>
    public required IReadOnlyList<TensorMismatch> Misshapen { get; init; }

    /// <summary>
    /// Batch counters (<c>num_batches_tracked</c>) that the checkpoint lacks. Older files never have them and nothing but a cumulative average
    /// reads them, so their absence is no error.
    /// </summary>
    public required IReadOnlyList<TensorInfo> MissingCounters { get; init; }

    /// <summary>Whether every tensor of each side found its partner (batch counters aside).</summary>
    public bool IsComplete => Ignored.Count == 0 && Missing.Count == 0 && Misshapen.Count == 0;

    /// <summary>One line: how many were loaded, and the names of all others.</summary>
    public override string ToString()
    {
        List<string> parts = [$"{Loaded.Count} loaded"];
        Add("missing in the file", Missing);
        Add("unknown to the model", Ignored);
        Add("of another shape", Misshapen);
        return string.Join("; ", parts);

        void Add<T>(string what, IReadOnlyList<T> entries)
        {
            if (entries.Count > 0)
                parts.Add($"{entries.Count} {what}: {string.Join(", ", entries)}");
        }
    }
}
