namespace Polder.Checkpoints.IO;

/// <summary>Arithmetic on shapes that a file claims: nothing here overflows silently.</summary>
internal static class Shapes
{
    /// <summary>libtorch's own limit.</summary>
    private const int MaximumRank = 64;

    /// <summary>The number of elements.</summary>
    /// <exception cref="CheckpointException">Negative sizes, too many dimensions, or a product beyond 2^63 - 1.</exception>
    public static long Count(ByteSource file, string name, ReadOnlySpan<long> shape)
    {
        if (shape.Length > MaximumRank)
            throw file.Refuse($"tensor '{name}' has {shape.Length} dimensions, at most {MaximumRank} are possible");
        long count = 1;
        bool empty = false;
        foreach (long size in shape)
        {
            if (size < 0)
                throw file.Refuse($"tensor '{name}' has the negative size {size}");
            // A zero anywhere makes the tensor empty, but must not hide an overflow in the other sizes: libtorch multiplies those for strides.
            empty |= size == 0;
            long factor = Math.Max(size, 1);
            if (count > long.MaxValue / 16 / factor)
                throw file.Refuse($"the shape [{string.Join(", ", shape.ToArray())}] of tensor '{name}' overflows");
            count *= factor;
        }
        return empty ? 0 : count;
    }

    /// <summary>The number of elements of a shape that was checked.</summary>
    public static long Count(ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long size in shape)
            count *= size;
        return count;
    }

    /// <summary>One past the last element that a strided view touches, counted from the start of its storage.</summary>
    /// <exception cref="CheckpointException">Negative strides or offsets, or an extent beyond 2^63 - 1.</exception>
    public static long Extent(ByteSource file, string name, long offset, ReadOnlySpan<long> shape, ReadOnlySpan<long> strides)
    {
        if (shape.Length != strides.Length)
            throw file.Refuse($"tensor '{name}' has {shape.Length} sizes but {strides.Length} strides");
        if (offset < 0)
            throw file.Refuse($"tensor '{name}' begins at the negative offset {offset}");
        if (Count(file, name, shape) == 0)
            return offset;
        try
        {
            long last = offset;
            for (int d = 0; d < shape.Length; d++)
            {
                if (strides[d] < 0)
                    throw file.Refuse($"tensor '{name}' has the negative stride {strides[d]}");
                last = checked(last + (shape[d] - 1) * strides[d]);
            }
            return checked(last + 1);
        }
        catch (OverflowException e)
        {
            throw file.Refuse($"the strides of tensor '{name}' overflow", e);
        }
    }
}
