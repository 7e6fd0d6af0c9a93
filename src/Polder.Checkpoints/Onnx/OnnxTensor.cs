namespace Polder.Checkpoints.Onnx;

/// <summary>A constant of a graph: its shape, and its elements as they lie in the file (little-endian, the last dimension fastest).</summary>
/// <param name="Name">Its name among the values of the graph; empty for an attribute.</param>
/// <param name="Type">Type of the elements.</param>
/// <param name="Shape">Dimensions, each 0 or more; none for a single number.</param>
/// <param name="Data">The elements; of a file that was read, valid until the <see cref="OnnxFile"/> is disposed of.</param>
public sealed record OnnxTensor(string Name, OnnxType Type, IReadOnlyList<long> Shape, ReadOnlyMemory<byte> Data)
{
    /// <summary>Copies a tensor's values.</summary>
    /// <param name="name">The constant's name.</param>
    /// <param name="value">A tensor of 16 or 32-bit floating point or 64-bit whole numbers; it stays the caller's.</param>
    public static OnnxTensor Of(string name, Tensor value)
    {
        using DisposeScope scope = NewDisposeScope();
        OnnxType type = value.dtype switch
        {
            ScalarType.Float32 => OnnxType.Float,
            ScalarType.Float16 => OnnxType.Float16,
            ScalarType.Int64 => OnnxType.Int64,
            _ => throw new ArgumentException($"a tensor of {value.dtype} as a constant", nameof(value)),
        };
        return new OnnxTensor(name, type, value.shape, value.detach().cpu().contiguous().bytes.ToArray());
    }

    /// <summary>A tensor with a copy of the values, owned by the caller's dispose scope.</summary>
    /// <exception cref="OnnxException">The file that the values are in has become shorter.</exception>
    public Tensor ToTensor()
    {
        using Tensor read = Read();
        return read.alias();
    }

    /// <summary>The same, owned by the caller whatever the scope.</summary>
    internal Tensor Read() => TensorMemory.Create(ElementType.Of(Type.ToScalarType()), [.. Shape], (offset, to) => OnnxSource.Copy(Data, offset, to));
}
