using Polder.Checkpoints.Formats;

namespace Polder.Checkpoints;

/// <summary>
/// The named tensors of a checkpoint file, whoever wrote it: safetensors, PyTorch (zip, the older pickles, the oldest tar form), NumPy, the
/// initializers of ONNX. The format is
/// told by the content, not by the file's name. Nothing in a file is ever executed.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private Checkpoint(string path, CheckpointContent content, TensorSelection meant, IReadOnlyDictionary<string, torch.Tensor> tensors)
    {
        Path = path;
        Format = content.Format;
        Metadata = content.Metadata;
        Wrapper = content.Wrapper;
        LeftOut = meant.LeftOut;
        Prefix = meant.Prefix;
        Tensors = tensors;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>
    /// The format in words: <c>safetensors</c>, <c>PyTorch zip</c>, <c>PyTorch legacy</c>, <c>PyTorch tar</c>, <c>NumPy array</c>,
    /// <c>NumPy archive</c>, <c>ONNX</c>.
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

    /// <summary>The prefix that was taken off the names (<c>module.</c>); null where none was.</summary>
    public string? Prefix { get; }

    /// <summary>
    /// Names of the file's other tensors, outside <see cref="Wrapper"/> or without <see cref="Prefix"/> (an optimizer's state): they were not read.
    /// </summary>
    public IReadOnlyList<string> LeftOut { get; }

    /// <summary>Reads a file. Its bytes go straight into the tensors: memory is the tensors' size and a little.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What to unwrap and strip; null for the defaults.</param>
    /// <exception cref="CheckpointException">The file is missing, damaged, of an unknown format, or holds what Polder refuses to read, or no name has the
    /// <see cref="CheckpointOptions.KeyPrefix"/>.</exception>
    public static Checkpoint Load(string path, CheckpointOptions? options = null)
    {
        options ??= new CheckpointOptions();
        using CheckpointFile file = CheckpointFile.Open(path);
        using OpenedCheckpoint opened = FormatDetection.Open(file, options);
        TensorSelection meant = TensorSelection.Of(path, opened.Content, options);
        Dictionary<string, torch.Tensor> tensors = new(meant.Tensors.Count);
        try
        {
            foreach (StoredTensor stored in meant.Tensors)
                tensors.Add(stored.Name, stored.Read());
        }
        catch
        {
            foreach (torch.Tensor tensor in tensors.Values)
                tensor.Dispose();
            throw;
        }
        return new Checkpoint(path, opened.Content, meant, tensors);
    }

    /// <summary>Makes a checkpoint of tensors that are in memory already.</summary>
    /// <param name="path">The file that they came from, for messages.</param>
    /// <param name="format">That file's format in words.</param>
    /// <param name="tensors">The tensors by name; they become the checkpoint's.</param>
    /// <param name="metadata">Text beside them; null for none.</param>
    public static Checkpoint Of(string path, string format, IReadOnlyDictionary<string, torch.Tensor> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        return new Checkpoint(path, new CheckpointContent(format, [], metadata ?? new Dictionary<string, string>()), TensorSelection.None, tensors);
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
        // A module of its own may have the prefix in its names, too.
        Dictionary<string, torch.Tensor> targets = module.state_dict();
        bool keeps = Prefix is not null && targets.Count > 0 && !targets.Keys.Any(Tensors.ContainsKey)
            && targets.Keys.Any(name => name.StartsWith(Prefix, StringComparison.Ordinal));
        IReadOnlyDictionary<string, torch.Tensor> tensors = keeps ? Tensors.ToDictionary(t => Prefix + t.Key, t => t.Value) : Tensors;
        return ModuleLoading.Load(Path, tensors, module, strict) with { Prefix = Prefix, LeftOut = LeftOut };
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (torch.Tensor tensor in Tensors.Values)
            tensor.Dispose();
    }

    /// <summary>The first parts of names, a few of them, for messages.</summary>
    internal static string Beginnings(IEnumerable<string> names) =>
        string.Join(", ", names.Select(n => n.IndexOf('.', StringComparison.Ordinal) is var dot and >= 0 ? n[..(dot + 1)] : n).Distinct().Take(5));
}
