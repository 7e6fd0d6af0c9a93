using System.Numerics;
using System.Runtime.InteropServices;

namespace Polder.Checkpoints;

/// <summary>What one can say of a tensor's values at a glance. Elements that are NaN or infinite are counted and left out of the rest.</summary>
/// <param name="Count">The number of elements.</param>
/// <param name="Bytes">What they take as dense memory.</param>
/// <param name="Norm">The Euclidean norm of the finite elements, in float64; the modulus counts where they are complex.</param>
/// <param name="Minimum">The smallest finite element; null where there is none, or where they are complex.</param>
/// <param name="Maximum">The largest finite element; null likewise.</param>
/// <param name="NonFinite">How many elements are NaN or infinite.</param>
public sealed record TensorStatistics(long Count, long Bytes, double Norm, double? Minimum, double? Maximum, long NonFinite)
{
    /// <summary>Looks at every element in place, whatever the layout, type and device; only strided tensors are copied.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <exception cref="NotSupportedException">The element type has no fixed size here (quantised types).</exception>
    public static TensorStatistics Of(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return Of(ElementType.Of(tensor.dtype), tensor.shape, drain => TensorMemory.Read(tensor, drain));
    }

    /// <summary>Looks at every element that is handed over, without the tensor library.</summary>
    /// <param name="type">Their type.</param>
    /// <param name="shape">The tensor's sizes.</param>
    /// <param name="scan">Hands over its bytes.</param>
    internal static TensorStatistics Of(ElementType type, ReadOnlySpan<long> shape, Action<TensorMemory.Drain> scan)
    {
        var sums = new Sums();
        scan(type.Scalar switch
        {
            ScalarType.Bool => sums.AddBool,
            ScalarType.Byte => sums.Add<byte>,
            ScalarType.Int8 => sums.Add<sbyte>,
            ScalarType.Int16 => sums.Add<short>,
            ScalarType.Int32 => sums.Add<int>,
            ScalarType.Int64 => sums.Add<long>,
            ScalarType.Float16 => sums.Add<Half>,
            ScalarType.BFloat16 => sums.AddBFloat16,
            ScalarType.Float32 => sums.Add<float>,
            ScalarType.Float64 => sums.Add<double>,
            ScalarType.ComplexFloat32 => sums.AddComplex<float>,
            _ => sums.AddComplex<double>,
        });
        return sums.Result(Shapes.Count(shape), type);
    }

    private sealed class Sums
    {
        private double _squares, _low = double.PositiveInfinity, _high = double.NegativeInfinity;
        private long _nonFinite;

        public void Add<T>(ReadOnlySpan<byte> bytes)
            where T : unmanaged, INumberBase<T>
        {
            foreach (T value in MemoryMarshal.Cast<byte, T>(bytes))
                Add(double.CreateTruncating(value));
        }

        // Any other byte than 0 is true.
        public void AddBool(ReadOnlySpan<byte> bytes)
        {
            foreach (byte value in bytes)
                Add(value == 0 ? 0 : 1);
        }

        // The upper half of a float32.
        public void AddBFloat16(ReadOnlySpan<byte> bytes)
        {
            foreach (ushort value in MemoryMarshal.Cast<byte, ushort>(bytes))
                Add(BitConverter.UInt32BitsToSingle((uint)value << 16));
        }

        public void AddComplex<T>(ReadOnlySpan<byte> bytes)
            where T : unmanaged, INumberBase<T>
        {
            ReadOnlySpan<T> parts = MemoryMarshal.Cast<byte, T>(bytes);
            for (int i = 0; i < parts.Length; i += 2)
                Add(double.Hypot(double.CreateTruncating(parts[i]), double.CreateTruncating(parts[i + 1])));
        }

        public TensorStatistics Result(long count, ElementType type)
        {
            bool ordered = type.NumberSize == type.Size && double.IsFinite(_low);
            return new TensorStatistics(count, count * type.Size, Math.Sqrt(_squares), ordered ? _low : null, ordered ? _high : null, _nonFinite);
        }

        private void Add(double value)
        {
            if (!double.IsFinite(value))
            {
                _nonFinite++;
                return;
            }
            _squares += value * value;
            if (value < _low)
                _low = value;
            if (value > _high)
                _high = value;
        }
    }
}
