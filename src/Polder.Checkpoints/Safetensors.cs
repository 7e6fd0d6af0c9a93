using System.Buffers.Binary;
using System.Text.Json;

namespace Polder.Checkpoints;

/// <summary>
/// Writes the safetensors format: eight bytes of length, a JSON header with types, shapes and offsets, and the row-major little-endian bytes
/// (https://huggingface.co/docs/safetensors). <see cref="Checkpoint.Load"/> reads it.
/// </summary>
public static class Safetensors
{
    /// <summary>Writes tensors of any layout and device; the file appears whole or not at all (<see cref="AtomicFile"/>).</summary>
    /// <param name="path">The file to create or replace; its folder must exist.</param>
    /// <param name="tensors">Names and tensors. Tensors that share memory are written once each.</param>
    /// <param name="metadata">Text that travels with the tensors; null for none.</param>
    /// <exception cref="ArgumentException">A name is empty, reserved or given twice, or a tensor's type has no name in the format.</exception>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<(string Name, torch.Tensor Tensor)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        List<(string Name, torch.Tensor Tensor)> entries = [.. tensors];
        HashSet<string> names = [];
        foreach ((string name, torch.Tensor tensor) in entries)
        {
            if (string.IsNullOrEmpty(name) || name == SafetensorsMetadataName || !names.Add(name))
                throw new ArgumentException($"tensor name '{name}' is empty, reserved or given twice", nameof(tensors));
            ArgumentNullException.ThrowIfNull(tensor);
            if (ElementType.All.FirstOrDefault(t => t.Scalar == tensor.dtype) is not { Safetensors.Length: > 0 })
                throw new ArgumentException($"tensor '{name}' has type {tensor.dtype}, which safetensors has no name for", nameof(tensors));
        }
        Write(path, [.. entries.Select(e =>
            new Entry(e.Name, ElementType.Of(e.Tensor.dtype), e.Tensor.shape, drain => TensorMemory.Read(e.Tensor, drain)))], metadata);
    }

    /// <summary>Writes entries whose bytes come from anywhere.</summary>
    internal static void Write(string path, IReadOnlyList<Entry> entries, IReadOnlyDictionary<string, string>? metadata)
    {
        byte[] header = Header(entries, metadata);
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach (Entry entry in entries)
                entry.Read(stream.Write);
        });
    }

    internal const string SafetensorsMetadataName = "__metadata__";

    private static byte[] Header(IReadOnlyList<Entry> entries, IReadOnlyDictionary<string, string>? metadata)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter json = new(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(SafetensorsMetadataName);
                foreach ((string key, string value) in metadata)
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            long offset = 0;
            foreach ((string name, ElementType type, long[] shape, _) in entries)
            {
                long bytes = type.Size;
                json.WriteStartObject(name);
                json.WriteString("dtype", type.Safetensors);
                json.WriteStartArray("shape");
                foreach (long size in shape)
                {
                    json.WriteNumberValue(size);
                    bytes *= size;
                }
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        // Spaces after the JSON keep the data on a multiple of eight bytes, for readers that map the file.
        while (buffer.Length % 8 != 0)
            buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }

    /// <summary>A tensor to write: its description, and what hands over its row-major bytes.</summary>
    internal sealed record Entry(string Name, ElementType Type, long[] Shape, Action<TensorMemory.Drain> Read);
}
