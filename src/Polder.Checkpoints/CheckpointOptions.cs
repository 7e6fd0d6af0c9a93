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
        ["state_dict", "model_state_dict", "model_state", "model", "network", "net", "weights", "state_dict_ema", "model_ema", "ema"];

    /// <summary>
    /// Prefixes that are taken off when every name carries them, but for an average's counters (<c>n_averaged</c>): data-parallel training and averages
    /// write <c>module.</c>, compiled modules <c>_orig_mod.</c>, Lightning the name that the network has there, usually <c>model.</c> or <c>net.</c>. An
    /// empty list keeps all names as they are.
    /// </summary>
    public IReadOnlyList<string> Prefixes { get; init; } = ["module.", "_orig_mod.", "model.", "net.", "network.", "ema.", "ema_model."];

    /// <summary>
    /// The beginning of the names that are meant, where a file holds several networks: <c>state_dict_ema.</c>, <c>module.encoder_q.</c>. It is taken off
    /// before <see cref="Prefixes"/>; tensors without it are not read. Null, the default: all names are meant.
    /// </summary>
    public string? KeyPrefix { get; init; }

    /// <summary>Everything as the file has it: nothing unwrapped, no prefix taken off.</summary>
    public static CheckpointOptions Verbatim { get; } = new() { Unwrap = false, Prefixes = [] };
}
