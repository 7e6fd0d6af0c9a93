namespace Polder.Checkpoints.Formats;

/// <summary>Reads the initializers of an ONNX file: its weights, by the names that the exporter gave them.</summary>
internal static class OnnxReader
{
    /// <summary>Whether a file is one: protobuf begins with the version of the format, as every exporter writes it, or the name says so.</summary>
    public static bool IsOnnx(ReadOnlySpan<byte> head, string path) =>
        (head.Length > 2 && head[0] == 0x08 && head[1] is > 0 and < 32) || path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase);

    public static OpenedCheckpoint Open(string path)
    {
        OnnxFile file = OnnxFile.Open(path);
        IEnumerable<StoredTensor> tensors = file.Model.Graph.Constants.Values.Select(t => StoredTensor.Dense(
            t.Name, ElementType.Of(t.Type.ToScalarType()), [.. t.Shape], (offset, to) => OnnxSource.Copy(t.Data, offset, to)));
        return new OpenedCheckpoint(new CheckpointContent("ONNX", [.. tensors], file.Model.Metadata), file);
    }
}
