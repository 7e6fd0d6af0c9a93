namespace Polder.Vision.Models.Weights;

/// <summary>Weights of any kind: files of tensors, and files of other programs that say how their network is computed.</summary>
internal static class WeightsFile
{
    /// <summary>Opens weights. The caller owns the checkpoint.</summary>
    /// <param name="weights">A path or a name (<see cref="WeightsCache.Locate"/>).</param>
    /// <param name="architecture">The architecture that was asked for; null: what the file says.</param>
    /// <param name="keyPrefix">The beginning of the names that are meant; null: found out.</param>
    /// <param name="options">What a file of another program does not say of itself; null: nothing.</param>
    /// <param name="imageSize">The side of the images; null: as the file says.</param>
    /// <exception cref="CheckpointException">The file cannot be read.</exception>
    /// <exception cref="DataException">It is an ONNX file, and nothing is registered that reads it.</exception>
    public static Checkpoint Open(string weights, string? architecture, string? keyPrefix, ForeignOptions? options, int? imageSize)
    {
        options ??= new ForeignOptions();
        bool asked = architecture == ForeignNetworks.Name;
        if (!WeightsCache.IsName(weights) && (asked || architecture is null) && IsOnnx(weights))
        {
            IForeignFormat format = ForeignNetworks.Format
                ?? throw new DataException(weights, $"is an ONNX file, for which a program calls {ForeignNetworks.Line} at its start (package Polder.Onnx)");
            if (asked || format.Reads(weights))
                return format.Import(weights, options, imageSize);
        }
        if ((options.HeadOutput ?? options.Features ?? options.Channels) is { } given)
            throw new SettingException(options.HeadOutput is not null ? "head-output" : options.Features is not null ? "features" : "channels", given,
                "only with an ONNX file");
        return WeightsCache.Open(weights, keyPrefix);
    }

    // Protobuf begins with the version of the format, as every exporter writes it.
    private static bool IsOnnx(string path)
    {
        if (!File.Exists(path))
            return false;
        using FileStream file = File.OpenRead(path);
        return (file.ReadByte() == 0x08 && file.ReadByte() is > 0 and < 32) || path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase);
    }
}
