namespace Polder.Checkpoints.IO;

/// <summary>The bytes of contiguous tensors, in pieces that a span can hold, so that a large file is never in memory twice.</summary>
internal static class TensorMemory
{
    /// <summary>Bytes moved at once: enough for the disk's full speed, small against the caches of the system.</summary>
    private const int PieceBytes = 1 << 24;

    /// <summary>Bytes passed on at once, a multiple of every element's size: they stay in the processor's cache.</summary>
    private const int PassedBytes = 1 << 18;

    public delegate void Fill(long offset, Span<byte> destination);

    public delegate void Drain(ReadOnlySpan<byte> source);

    /// <summary>A new tensor whose row-major bytes <paramref name="fill"/> provides in order, piece by piece. The caller owns it.</summary>
    public static Tensor Create(ElementType type, long[] shape, Fill fill)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor tensor = empty(shape, type.Scalar);
        long offset = 0;
        foreach (Tensor piece in Pieces(tensor, type.Size))
        {
            Span<byte> bytes = piece.bytes;
            fill(offset, bytes);
            if (type.Scalar == ScalarType.Bool)
                Normalize(bytes);
            offset += bytes.Length;
            piece.Dispose();
        }
        return tensor.DetachFromDisposeScope();
    }

    /// <summary>Hands over the row-major bytes of any tensor (strided, on any device), piece by piece.</summary>
    public static void Read(Tensor tensor, Drain drain)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable _ = no_grad();
        Tensor dense = tensor.detach().cpu().contiguous();
        foreach (Tensor piece in Pieces(dense, ElementType.Of(dense.dtype).Size))
        {
            drain(piece.bytes);
            piece.Dispose();
        }
    }

    /// <summary>Hands over so many bytes that <paramref name="fill"/> provides in order, piece by piece, without the tensor library.</summary>
    public static void Pass(long bytes, Fill fill, Drain drain)
    {
        byte[] piece = new byte[Math.Min(bytes, PassedBytes)];
        for (long offset = 0; offset < bytes; offset += piece.Length)
        {
            Span<byte> part = piece.AsSpan(0, (int)Math.Min(piece.Length, bytes - offset));
            fill(offset, part);
            drain(part);
        }
    }

    /// <summary>Hands over the row-major bytes of a view of bytes in memory, without the tensor library.</summary>
    /// <param name="storage">The memory.</param>
    /// <param name="size">The bytes of an element.</param>
    /// <param name="shape">The sizes of the view.</param>
    /// <param name="strides">The elements from one index to the next in each dimension.</param>
    /// <param name="offset">The element that it begins with.</param>
    /// <param name="drain">Takes them.</param>
    public static void Gather(ReadOnlySpan<byte> storage, int size, long[] shape, long[] strides, long offset, Drain drain)
    {
        if (shape.Contains(0))
            return;
        // The last dimensions that lie one after another are one run.
        (int outer, long run) = (shape.Length, 1);
        while (outer > 0 && (strides[outer - 1] == run || shape[outer - 1] == 1))
            run *= shape[--outer];
        int bytes = checked((int)(run * size)), filled = 0;
        byte[] piece = outer == 0 ? [] : new byte[Math.Max(bytes, PassedBytes / bytes * bytes)];
        long[] index = new long[outer];
        for (long at = offset; ;)
        {
            ReadOnlySpan<byte> part = storage.Slice(checked((int)(at * size)), bytes);
            if (outer == 0)
            {
                drain(part);
                return;
            }
            part.CopyTo(piece.AsSpan(filled));
            filled += bytes;
            int d = outer - 1;
            for (; d >= 0 && ++index[d] == shape[d]; d--)
            {
                at -= (shape[d] - 1) * strides[d];
                index[d] = 0;
            }
            if (d < 0 || filled == piece.Length)
            {
                drain(piece.AsSpan(0, filled));
                filled = 0;
            }
            if (d < 0)
                return;
            at += strides[d];
        }
    }

    private static IEnumerable<Tensor> Pieces(Tensor tensor, int elementSize)
    {
        using IDisposable _ = no_grad();
        long count = tensor.numel();
        if (count == 0)
            yield break;
        Tensor flat = tensor.view(-1);
        long step = PieceBytes / elementSize;
        for (long start = 0; start < count; start += step)
            yield return flat.narrow(0, start, Math.Min(step, count - start));
    }

    /// <summary>Kernels count and index with the bytes of a Boolean tensor: any other value than 0 and 1 would lead them out of bounds.</summary>
    private static void Normalize(Span<byte> bytes)
    {
        if (bytes.ContainsAnyExceptInRange((byte)0, (byte)1))
            foreach (ref byte value in bytes)
                value = value == 0 ? (byte)0 : (byte)1;
    }
}
