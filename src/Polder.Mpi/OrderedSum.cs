using System.Numerics;
using System.Runtime.InteropServices;

namespace Polder.Mpi;

/// <summary>
/// Sums vectors of several ranks in one order, rank by rank and on each in its own: ((a0 + a1) + b0) + b1 + ..., element by element, as one process would.
/// Every rank sums a stretch, which all then collect, so that each vector travels once and the sum once.
/// </summary>
/// <param name="ranks">The ranks.</param>
internal sealed class OrderedSum(IRanks ranks)
{
    // What one round moves, at most.
    private const int Bytes = 1 << 24;

    private byte[] _parts = [], _received = [], _sum = [], _all = [];

    /// <summary>Sets the first own vector to the sum.</summary>
    /// <param name="own">This rank's vectors; the first is there also where it does not count, and receives the sum.</param>
    /// <param name="counts">How many vectors of each rank count.</param>
    public void Run(IReadOnlyList<ParameterVector> own, int[] counts)
    {
        for (int i = 0; i < own[0].Flats.Count; i++)
        {
            int flat = i;
            if (own[0].Flats[flat].dtype == ScalarType.Float32)
                Sum(Array.ConvertAll(own.ToArray(), vector => vector.Flats[flat]), counts, (ReadOnlySpan<float>)[]);
            else
                Sum(Array.ConvertAll(own.ToArray(), vector => vector.Flats[flat]), counts, (ReadOnlySpan<double>)[]);
        }
    }

    private void Sum<T>(torch.Tensor[] own, int[] counts, ReadOnlySpan<T> _) where T : unmanaged, INumber<T>
    {
        int length = checked((int)own[0].numel()), size = Marshal.SizeOf<T>(), layers = counts.Max(), mine = counts[ranks.Rank];
        int stretch = Math.Min((length + ranks.Size - 1) / ranks.Size, Math.Max(1, Bytes / (ranks.Size * layers * size)));
        Grow(ref _parts, ranks.Size * layers * stretch * size);
        Grow(ref _received, ranks.Size * layers * stretch * size);
        Grow(ref _sum, stretch * size);
        Grow(ref _all, ranks.Size * stretch * size);
        int block = layers * stretch;
        for (int start = 0; start < length; start += ranks.Size * stretch)
        {
            Span<T> parts = MemoryMarshal.Cast<byte, T>(_parts.AsSpan())[..(ranks.Size * block)];
            for (int layer = 0; layer < mine; layer++)
            {
                ReadOnlySpan<T> values = MemoryMarshal.Cast<byte, T>(own[layer].bytes);
                for (int to = 0; to < ranks.Size; to++)
                    Stretch(values, start + (to * stretch), stretch).CopyTo(parts[((to * block) + (layer * stretch))..]);
            }
            int exchanged = ranks.Size * block * size;
            ranks.Exchange(_parts.AsSpan(0, exchanged), _received.AsSpan(0, exchanged));
            Span<T> sum = MemoryMarshal.Cast<byte, T>(_sum.AsSpan())[..stretch];
            ReadOnlySpan<T> received = MemoryMarshal.Cast<byte, T>(_received.AsSpan())[..(ranks.Size * block)];
            sum.Clear();
            for (int from = 0; from < ranks.Size; from++)
                for (int layer = 0; layer < counts[from]; layer++)
                    Add(sum, received.Slice((from * block) + (layer * stretch), stretch));
            ranks.Gather(_sum.AsSpan(0, stretch * size), _all.AsSpan(0, ranks.Size * stretch * size));
            int end = Math.Min(length, start + (ranks.Size * stretch));
            MemoryMarshal.Cast<byte, T>(_all.AsSpan())[..(end - start)].CopyTo(MemoryMarshal.Cast<byte, T>(own[0].bytes)[start..]);
        }
    }

    private static ReadOnlySpan<T> Stretch<T>(ReadOnlySpan<T> values, int start, int length) =>
        start >= values.Length ? [] : values.Slice(start, Math.Min(length, values.Length - start));

    private static void Add<T>(Span<T> sum, ReadOnlySpan<T> values) where T : unmanaged, INumber<T>
    {
        int i = 0;
        for (; i <= sum.Length - Vector<T>.Count; i += Vector<T>.Count)
            (new Vector<T>(sum[i..]) + new Vector<T>(values[i..])).CopyTo(sum[i..]);
        for (; i < sum.Length; i++)
            sum[i] += values[i];
    }

    private static void Grow(ref byte[] buffer, int length)
    {
        if (buffer.Length < length)
            buffer = new byte[length];
    }
}
