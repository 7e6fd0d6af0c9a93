using System.Runtime.InteropServices;

namespace Polder.Checkpoints.Onnx.Wire;

/// <summary>Reads constants (TensorProto). Their elements stay where the file has them, unless it keeps them as numbers of varying length.</summary>
internal sealed class TensorReader(ExternalData external)
{
    private const int External = 1;

    /// <summary>Reads one.</summary>
    public OnnxTensor Read(WireReader tensor)
    {
        string name = "";
        long typeNumber = 0, location = 0;
        ReadOnlyMemory<byte>? raw = null;
        List<long> shape = [], longs = [];
        List<ReadOnlyMemory<byte>> numbers = [];
        var entries = new Dictionary<string, string>();
        while (tensor.Next())
        {
            switch (tensor.Field)
            {
                case 1:
                    tensor.AddLongs(shape);
                    break;
                case 2:
                    typeNumber = tensor.Long();
                    break;
                case 4:
                    tensor.AddFixed(numbers, 4);
                    break;
                case 5 or 7:
                    tensor.AddLongs(longs);
                    break;
                case 8:
                    name = tensor.Text();
                    break;
                case 9:
                    raw = tensor.Data();
                    break;
                case 10:
                    tensor.AddFixed(numbers, 8);
                    break;
                case 13:
                    (string key, string value) = ModelReader.Entry(tensor.Message("external data"));
                    entries[key] = value;
                    break;
                case 14:
                    location = tensor.Long();
                    break;
            }
        }
        OnnxType type = TypeOf(typeNumber) ?? throw tensor.Error($"'{name}' has elements of type {typeNumber}, which is not supported");
        long size = Size(shape, type, reason => tensor.Error($"'{name}' {reason}"));
        if (location == External)
            return new OnnxTensor(name, type, shape, external.Read(entries, size, reason => tensor.Error($"'{name}' {reason}")));
        ReadOnlyMemory<byte> data = raw ?? (numbers.Count > 0 ? Joined(numbers) : Bytes(longs, type));
        return data.Length == size ? new OnnxTensor(name, type, shape, data)
            : throw tensor.Error($"'{name}' has {data.Length} bytes, allowed: {size} for [{string.Join(", ", shape)}] of {type.Word()}");
    }

    /// <summary>The type of a number of onnx.proto; null for one that is not supported.</summary>
    public static OnnxType? TypeOf(long number) => number is > 0 and < 100 && Enum.IsDefined((OnnxType)number) ? (OnnxType)number : null;

    /// <summary>Numbers of 32 bits.</summary>
    public static float[] FloatsOf(List<ReadOnlyMemory<byte>> bytes) => MemoryMarshal.Cast<byte, float>(Joined(bytes).Span).ToArray();

    private static long Size(List<long> shape, OnnxType type, Func<string, Exception> refuse)
    {
        if (shape.FindIndex(d => d < 0) is >= 0 and var negative)
            throw refuse($"has dimension {shape[negative]}, allowed: 0 or more");
        long size = type.Size();
        foreach (long dimension in shape)
            size = Math.BigMul(size, dimension, out long low) == 0 && low >= 0 ? low : throw refuse($"has too large a shape: [{string.Join(", ", shape)}]");
        return size <= int.MaxValue ? size : throw refuse($"has {size} bytes, allowed: up to {int.MaxValue} of one tensor");
    }

    private static ReadOnlyMemory<byte> Joined(List<ReadOnlyMemory<byte>> parts)
    {
        if (parts.Count <= 1)
            return parts.FirstOrDefault();
        var whole = new List<byte>();
        foreach (ReadOnlyMemory<byte> part in parts)
            whole.AddRange(part.Span);
        return whole.ToArray();
    }

    // Smaller types are kept as numbers of 32 bits, floats of 16 bits by their bits.
    private static byte[] Bytes(List<long> values, OnnxType type) => type.Size() switch
    {
        8 => MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(values)).ToArray(),
        4 => MemoryMarshal.AsBytes<int>(values.Select(v => (int)v).ToArray()).ToArray(),
        2 => MemoryMarshal.AsBytes<short>(values.Select(v => (short)v).ToArray()).ToArray(),
        _ => [.. values.Select(v => (byte)v)],
    };
}
