namespace Polder.Checkpoints;

/// <summary>How <see cref="Checkpoint.Load"/> reads a file.</summary>
public sealed record CheckpointOptions
{
    /// <summary>
    /// Whether to look for the model inside a training checkpoint: a dictionary that holds no tensor itself but a dictionary of tensors under one of
    /// <see cref="Wrappers"/>. What lies beside it is not read; its names are in <see cref="Checkpoint.LeftOut"/>. Default: true.
    /// </summary>
    public bool Unwrap { get; init; } = true;

    /// <summary>The keys of a wrapped state dictionary, the most specific first.</summary>
    public IReadOnlyList<string> Wrappers { get; init; } =
        ["state_dict", "model_state_dict", "model_state", "model", "network", "net", "weights"];

    /// <summary>
    /// Prefixes that are taken off when every name carries them: data-parallel training writes <c>module.</c>, compiled modules write
    /// <c>_orig_mod.</c>. An empty list keeps all names as they are.
    /// </summary>
    public IReadOnlyList<string> Prefixes { get; init; } = ["module.", "_orig_mod."];

    /// <summary>Everything as the file has it: nothing unwrapped, no prefix taken off.</summary>
    public static CheckpointOptions Verbatim { get; } = new() { Unwrap = false, Prefixes = [] };
}
