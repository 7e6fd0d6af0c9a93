namespace Polder.Checkpoints.Formats;

/// <summary>
/// Reads the weights of an ONNX file by the names that the exporter gave them: its initializers, and the real numbers that some exporters keep in nodes of
/// their own.
/// </summary>
internal static class OnnxReader
{
    /// <summary>Whether a file is one: protobuf begins with the version of the format, as every exporter writes it, or the name says so.</summary>
    public static bool IsOnnx(ReadOnlySpan<byte> head, string path) =>
        (head.Length > 2 && head[0] == 0x08 && head[1] is > 0 and < 32) || path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase);

    public static OpenedCheckpoint Open(string path)
    {
        OnnxFile file = OnnxFile.Open(path);
        OnnxGraph graph = file.Model.Graph;
        IEnumerable<OnnxTensor> inNodes = graph.Nodes.Where(n => n.Operator == "Constant" && n.Domain.Length == 0 && n.Outputs.Count == 1)
            .Select(n => n.Attributes.GetValueOrDefault("value") is OnnxTensor value ? value with { Name = n.Outputs[0] } : null)
            .OfType<OnnxTensor>()
            .Where(t => t.Shape.Count > 0 && t.Type is OnnxType.Float or OnnxType.Double or OnnxType.Float16 or OnnxType.BFloat16
                && !graph.Constants.ContainsKey(t.Name));
        IEnumerable<StoredTensor> tensors = graph.Constants.Values.Concat(inNodes.DistinctBy(t => t.Name)).Select(t => StoredTensor.Dense(
            t.Name, ElementType.Of(t.Type.ToScalarType()), [.. t.Shape], (offset, to) => OnnxSource.Copy(t.Data, offset, to)));
        return new OpenedCheckpoint(new CheckpointContent("ONNX", [.. tensors], file.Model.Metadata) { Description = [.. Lines(file.Model)] }, file);
    }

    private static IEnumerable<string> Lines(OnnxModel model)
    {
        string producer = $"{model.Producer.Name} {model.Producer.Version}".Trim();
        yield return FormattableString.Invariant($"operators of version {model.Opset}, format {model.IrVersion}")
            + (producer.Length > 0 ? $", by {producer}" : "");
        foreach (OnnxValue input in model.Graph.Inputs.Where(i => !model.Graph.Constants.ContainsKey(i.Name)))
            yield return $"input {Words(input)}";
        foreach (OnnxValue output in model.Graph.Outputs)
            yield return $"output {Words(output)}";
        yield return FormattableString.Invariant($"{model.Graph.Nodes.Count} nodes: ") + string.Join(
            ", ", model.Graph.Nodes.CountBy(n => n.Operator).OrderByDescending(n => n.Value).ThenBy(n => n.Key, StringComparer.Ordinal)
                .Select(n => FormattableString.Invariant($"{n.Value} {n.Key}")));
    }

    private static string Words(OnnxValue value) =>
        $"{value.Name}: {value.TypeName}{(value.Shape is { } shape ? $" [{string.Join(", ", shape)}]" : "")}";
}
