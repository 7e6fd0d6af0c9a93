namespace Polder.Checkpoints.IO;

/// <summary>An element type under the names that the formats give it. Types that TorchSharp cannot hold have no entry, and are refused by name.</summary>
internal sealed record ElementType(ScalarType Scalar, int Size, string Safetensors, string TorchStorage, string TorchType, string Numpy)
{
    public static IReadOnlyList<ElementType> All { get; } =
    [
        new(ScalarType.Bool, 1, "BOOL", "BoolStorage", "bool", "b1"),
        new(ScalarType.Byte, 1, "U8", "ByteStorage", "uint8", "u1"),
        new(ScalarType.Int8, 1, "I8", "CharStorage", "int8", "i1"),
        new(ScalarType.Int16, 2, "I16", "ShortStorage", "int16", "i2"),
        new(ScalarType.Int32, 4, "I32", "IntStorage", "int32", "i4"),
        new(ScalarType.Int64, 8, "I64", "LongStorage", "int64", "i8"),
        new(ScalarType.Float16, 2, "F16", "HalfStorage", "float16", "f2"),
        new(ScalarType.BFloat16, 2, "BF16", "BFloat16Storage", "bfloat16", ""),
        new(ScalarType.Float32, 4, "F32", "FloatStorage", "float32", "f4"),
        new(ScalarType.Float64, 8, "F64", "DoubleStorage", "float64", "f8"),
        new(ScalarType.ComplexFloat32, 8, "C64", "ComplexFloatStorage", "complex64", "c8"),
        new(ScalarType.ComplexFloat64, 16, "", "ComplexDoubleStorage", "complex128", "c16"),
    ];

    /// <summary>The bytes of one number: half of <see cref="Size"/> for complex types.</summary>
    public int NumberSize => Scalar is ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64 ? Size / 2 : Size;

    public static ElementType? Find(Func<ElementType, string> name, string value) =>
        value.Length == 0 ? null : All.FirstOrDefault(type => name(type) == value);

    public static ElementType Of(ScalarType scalar) =>
        All.FirstOrDefault(type => type.Scalar == scalar) ?? throw new NotSupportedException($"tensors of type {scalar} cannot be stored");
}
