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
    /// <param name="value">A tensor of a type that <see cref="OnnxType"/> has; it stays the caller's.</param>
    public static OnnxTensor Of(string name, Tensor value)
    {
        using DisposeScope scope = NewDisposeScope();
        OnnxType type = Enum.GetValues<OnnxType>().FirstOrDefault(t => t != OnnxType.Undefined && t.ToScalarType() == value.dtype);
        if (type == OnnxType.Undefined)
            throw new ArgumentException($"a tensor of {value.dtype} as a constant", nameof(value));
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
