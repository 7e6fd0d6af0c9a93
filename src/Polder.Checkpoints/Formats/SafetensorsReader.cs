using System.Buffers.Binary;
using System.Text.Json;

namespace Polder.Checkpoints.Formats;

/// <summary>Reads safetensors as strictly as its reference implementation: the tensors must tile the data without gap or overlap.</summary>
internal static class SafetensorsReader
{
    /// <summary>The reference implementation's own limit.</summary>
    private const long MaximumHeader = 100_000_000;

    public static CheckpointContent Read(ByteSource file)
    {
        Span<byte> prefix = stackalloc byte[8];
        file.Read(0, prefix);
        ulong claimed = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (claimed > (ulong)Math.Min(MaximumHeader, file.Length - 8))
            throw file.Refuse($"the safetensors header claims {claimed} bytes; the file has {file.Length - 8} after its length, "
                + $"and at most {MaximumHeader} are allowed");
        byte[] header = new byte[(int)claimed];
        file.Read(8, header);
        long start = 8 + header.Length;

        List<Entry> entries = [];
        Dictionary<string, string> metadata = [];
        try
        {
            using JsonDocument json = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = 8 });
            HashSet<string> names = [];
            foreach (JsonProperty property in json.RootElement.EnumerateObject())
            {
                if (!names.Add(property.Name))
                    throw file.Refuse($"two tensors are called '{property.Name}'");
                if (property.Name == Safetensors.SafetensorsMetadataName)
                {
                    foreach (JsonProperty item in property.Value.EnumerateObject())
                        metadata[item.Name] = item.Value.GetString() ?? "";
                    continue;
                }
                entries.Add(ReadEntry(file, property));
            }
        }
        // System.Text.Json reports a value of the wrong kind, or text that is not UTF-16, as an invalid operation.
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw file.Refuse($"the safetensors header is malformed: {e.Message}", e);
        }

        long end = 0;
        foreach (Entry entry in entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (entry.Begin != end)
                throw file.Refuse($"tensor '{entry.Name}' begins at byte {entry.Begin} of the data, where {end} is expected: tensors overlap or leave a gap");
            end = entry.End;
        }
        if (end != file.Length - start)
            throw file.Refuse($"the tensors take {end} bytes, but {file.Length - start} follow the header: the file is cut short or has an appendix");

        return new CheckpointContent("safetensors", [.. entries.Select(e => StoredTensor.Dense(
            e.Name, e.Type, e.Shape, (offset, destination) => file.Read(start + e.Begin + offset, destination)))], metadata);
    }

    private static Entry ReadEntry(ByteSource file, JsonProperty property)
    {
        string name = property.Name;
        string dtype = property.Value.GetProperty("dtype").GetString() ?? "null";
        ElementType type = ElementType.Find(t => t.Safetensors, dtype)
            ?? throw file.Refuse($"tensor '{name}' has type '{dtype}', which TorchSharp cannot hold");
        JsonElement sizes = property.Value.GetProperty("shape");
        if (sizes.GetArrayLength() > 64)
            throw file.Refuse($"tensor '{name}' has {sizes.GetArrayLength()} dimensions, at most 64 are possible");
        long[] shape = [.. sizes.EnumerateArray().Select(size => size.GetInt64())];
        JsonElement offsets = property.Value.GetProperty("data_offsets");
        if (offsets.GetArrayLength() != 2)
            throw file.Refuse($"tensor '{name}' has {offsets.GetArrayLength()} offsets instead of two");
        long begin = offsets[0].GetInt64();
        long end = offsets[1].GetInt64();
        long bytes = Shapes.Count(file, name, shape) * type.Size;
        if (begin < 0 || end < begin || end - begin != bytes)
            throw file.Refuse($"tensor '{name}' of shape [{string.Join(", ", shape)}] needs {bytes} bytes, but its offsets are [{begin}, {end}]");
        return new Entry(name, type, shape, begin, end);
    }

    private sealed record Entry(string Name, ElementType Type, long[] Shape, long Begin, long End);
}
