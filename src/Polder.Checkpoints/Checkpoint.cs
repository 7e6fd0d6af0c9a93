using Polder.Checkpoints.Formats;

namespace Polder.Checkpoints;

/// <summary>
/// The named tensors of a checkpoint file, whoever wrote it: safetensors, PyTorch (zip, the older pickles, the oldest tar form), NumPy. The format is
/// told by the content, not by the file's name. Nothing in a file is ever executed.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private Checkpoint(string path, CheckpointContent content, string? prefix, IReadOnlyDictionary<string, torch.Tensor> tensors)
    {
        Path = path;
        Format = content.Format;
        Metadata = content.Metadata;
        Wrapper = content.Wrapper;
        LeftOut = content.LeftOut;
        Prefix = prefix;
        Tensors = tensors;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>
    /// The format in words: <c>safetensors</c>, <c>PyTorch zip</c>, <c>PyTorch legacy</c>, <c>PyTorch tar</c>, <c>NumPy array</c>,
    /// <c>NumPy archive</c>.
    /// </summary>
    public string Format { get; }

    /// <summary>
    /// The tensors by name, in the file's order. The checkpoint owns them. Tensors that shared a storage when they were saved share it here, and keep
    /// their strides. A file of one unnamed tensor calls it <c>tensor</c>.
    /// </summary>
    public IReadOnlyDictionary<string, torch.Tensor> Tensors { get; }

    /// <summary>Text of a safetensors file; numbers and text beside the tensors of a PyTorch file, by their dotted path.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The dotted path of the dictionary that the tensors were taken from (<c>state_dict</c>); null where nothing was unwrapped.</summary>
    public string? Wrapper { get; }

    /// <summary>The prefix that was taken off every name (<c>module.</c>); null where none was.</summary>
    public string? Prefix { get; }

    /// <summary>Names of the file's other tensors, outside <see cref="Wrapper"/> (an optimizer's state): they were not read.</summary>
    public IReadOnlyList<string> LeftOut { get; }

    /// <summary>Reads a file. Its bytes go straight into the tensors: memory is the tensors' size and a little.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What to unwrap and strip; null for the defaults.</param>
    /// <exception cref="CheckpointException">The file is missing, damaged, of an unknown format, or holds what Polder refuses to read.</exception>
    public static Checkpoint Load(string path, CheckpointOptions? options = null)
    {
        options ??= new CheckpointOptions();
        using CheckpointFile file = CheckpointFile.Open(path);
        using OpenedCheckpoint opened = FormatDetection.Open(file, options);
        string? prefix = CommonPrefix(opened.Content.Tensors, options.Prefixes);
        Dictionary<string, torch.Tensor> tensors = new(opened.Content.Tensors.Count);
        try
        {
            foreach (StoredTensor stored in opened.Content.Tensors)
                tensors.Add(stored.Name[(prefix?.Length ?? 0)..], stored.Read());
        }
        catch
        {
            foreach (torch.Tensor tensor in tensors.Values)
                tensor.Dispose();
            throw;
        }
        return new Checkpoint(path, opened.Content, prefix, tensors);
    }

    /// <summary>
    /// Copies the tensors into the module's parameters and buffers of the same names, converting between real element types where they differ.
    /// Either all that fits is copied or, where <paramref name="strict"/> fails, nothing.
    /// </summary>
    /// <param name="module">The module; its tensors keep their identity, element type and device.</param>
    /// <param name="strict">Whether every tensor of both sides must find its partner.</param>
    /// <returns>What was loaded, ignored, missing and misshapen.</returns>
    /// <exception cref="CheckpointException">Strict, and names or shapes differ; the message has all of them, and the module is unchanged.</exception>
    public LoadReport Into(torch.nn.Module module, bool strict = true)
    {
        ArgumentNullException.ThrowIfNull(module);
        return ModuleLoading.Load(Path, Tensors, module, strict);
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (torch.Tensor tensor in Tensors.Values)
            tensor.Dispose();
    }

    private static string? CommonPrefix(IReadOnlyList<StoredTensor> tensors, IReadOnlyList<string> prefixes)
    {
        string common = "";
        // Prefixes may come one after the other (a compiled module in a data-parallel one), in any order.
        while (prefixes.FirstOrDefault(p => p.Length > 0 && tensors.All(t => t.Name.Length > common.Length + p.Length
            && t.Name.AsSpan(common.Length).StartsWith(p, StringComparison.Ordinal))) is string next && tensors.Count > 0)
            common += next;
        return common.Length == 0 ? null : common;
    }
}
