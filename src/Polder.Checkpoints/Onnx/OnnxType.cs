// The names are ONNX's.
#pragma warning disable CA1720

namespace Polder.Checkpoints.Onnx;

/// <summary>Types of elements, with the numbers that ONNX gives them (<c>TensorProto.DataType</c>).</summary>
public enum OnnxType
{
    /// <summary>Not said.</summary>
    Undefined = 0,

    /// <summary>32-bit floating point.</summary>
    Float = 1,

    /// <summary>Bytes.</summary>
    UInt8 = 2,

    /// <summary>Signed bytes.</summary>
    Int8 = 3,

    /// <summary>16-bit whole numbers.</summary>
    Int16 = 5,

    /// <summary>32-bit whole numbers.</summary>
    Int32 = 6,

    /// <summary>64-bit whole numbers.</summary>
    Int64 = 7,

    /// <summary>Truth values, a byte each.</summary>
    Bool = 9,

    /// <summary>16-bit floating point.</summary>
    Float16 = 10,

    /// <summary>64-bit floating point.</summary>
    Double = 11,

    /// <summary>16-bit floating point with the exponent of 32 bits.</summary>
    BFloat16 = 16,
}

/// <summary>What the types of elements mean in memory.</summary>
internal static class OnnxTypes
{
    /// <summary>Bytes of an element.</summary>
    public static int Size(this OnnxType type) => type switch
    {
        OnnxType.Double or OnnxType.Int64 => 8,
        OnnxType.Float or OnnxType.Int32 => 4,
        OnnxType.Float16 or OnnxType.BFloat16 or OnnxType.Int16 => 2,
        _ => 1,
    };

    /// <summary>The type of a tensor of the tensor library.</summary>
    public static ScalarType ToScalarType(this OnnxType type) => type switch
    {
        OnnxType.Float => ScalarType.Float32,
        OnnxType.UInt8 => ScalarType.Byte,
        OnnxType.Int8 => ScalarType.Int8,
        OnnxType.Int16 => ScalarType.Int16,
        OnnxType.Int32 => ScalarType.Int32,
        OnnxType.Int64 => ScalarType.Int64,
        OnnxType.Bool => ScalarType.Bool,
        OnnxType.Float16 => ScalarType.Float16,
        OnnxType.Double => ScalarType.Float64,
        OnnxType.BFloat16 => ScalarType.BFloat16,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>The name for people and JSON: float32, uint8.</summary>
    public static string Word(this OnnxType type) => type switch
    {
        OnnxType.Float => "float32",
        OnnxType.Double => "float64",
        _ => $"{type}".ToLowerInvariant(),
    };
}
