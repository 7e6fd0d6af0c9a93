namespace Polder.Checkpoints;

/// <summary>The formats that Polder writes.</summary>
public enum CheckpointFormat
{
    /// <summary>safetensors: names, tensors and text.</summary>
    Safetensors,

    /// <summary>PyTorch's zip archive, a state dictionary that <c>torch.load(path, weights_only=True)</c> reads.</summary>
    PyTorchZip,
}

/// <summary>Rewrites a checkpoint of any format that is read in one that is written.</summary>
public static class CheckpointConversion
{
    /// <summary>The formats by the endings of their files.</summary>
    private static readonly IReadOnlyDictionary<string, CheckpointFormat> Formats = new Dictionary<string, CheckpointFormat>(StringComparer.OrdinalIgnoreCase)
    {
        [".safetensors"] = CheckpointFormat.Safetensors,
        [".pt"] = CheckpointFormat.PyTorchZip,
        [".pth"] = CheckpointFormat.PyTorchZip,
        [".th"] = CheckpointFormat.PyTorchZip,
        [".bin"] = CheckpointFormat.PyTorchZip,
    };

    /// <summary>The endings of files that can be written, each with its dot.</summary>
    public static IReadOnlyCollection<string> Endings => [.. Formats.Keys];

    /// <summary>The format that a file's ending asks for; null where it is none of <see cref="Endings"/>.</summary>
    /// <param name="path">A file name.</param>
    public static CheckpointFormat? FormatOf(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Formats.TryGetValue(Path.GetExtension(path), out CheckpointFormat format) ? format : null;
    }

    /// <summary>Writes a checkpoint's tensors in the format that the file's ending names; the file appears whole or not at all.</summary>
    /// <param name="checkpoint">What to write, under the names that it has: see <see cref="CheckpointOptions"/> for what reading takes off.</param>
    /// <param name="output">The file to create or replace; its folder must exist.</param>
    /// <param name="floatType">Float16, BFloat16, Float32 or Float64: real floating-point tensors become this type, others stay; null keeps all.</param>
    /// <returns>Whether the text beside the tensors was written, too: PyTorch's form holds tensors only.</returns>
    /// <exception cref="ArgumentException">The ending is none of <see cref="Endings"/>, the type is no real floating-point type, or the format has no
    /// name for a tensor's type.</exception>
    /// <exception cref="CheckpointException">The file cannot be written, or a finite value overflows in the type: the message names the tensor.</exception>
    public static bool Write(Checkpoint checkpoint, string output, ScalarType? floatType = null)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentException.ThrowIfNullOrEmpty(output);
        CheckpointFormat format = FormatOf(output)
            ?? throw new ArgumentException($"{output}: ends in none of {string.Join(", ", Formats.Keys)}, which name the format", nameof(output));
        if (floatType is { } type && !IsReal(type))
            throw new ArgumentException($"{type} is no real floating-point type; allowed are Float16, BFloat16, Float32 and Float64", nameof(floatType));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        List<(string, Tensor)> tensors = [.. checkpoint.Tensors.Select(t => (t.Key, Cast(checkpoint, t.Key, t.Value, floatType)))];
        if (format == CheckpointFormat.Safetensors)
            Safetensors.Write(output, tensors, checkpoint.Metadata);
        else
            PyTorchZip.Write(output, tensors);
        return format == CheckpointFormat.Safetensors || checkpoint.Metadata.Count == 0;
    }

    private static bool IsReal(ScalarType type) => type is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64;

    private static Tensor Cast(Checkpoint checkpoint, string name, Tensor tensor, ScalarType? type)
    {
        if (type is not { } target || !IsReal(tensor.dtype) || tensor.dtype == target)
            return tensor;
        Tensor cast = tensor.to(target);
        // Only a narrower type can turn a number into an infinity; a NaN or an infinity that was there before may stay.
        if (TensorStatistics.Of(cast).NonFinite > TensorStatistics.Of(tensor).NonFinite)
            throw new CheckpointException(checkpoint.Path, $"tensor '{name}' has a value that {target} cannot hold");
        return cast;
    }
}
