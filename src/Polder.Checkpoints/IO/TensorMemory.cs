namespace Polder.Checkpoints.IO;

/// <summary>The bytes of contiguous tensors, in pieces that a span can hold, so that a large file is never in memory twice.</summary>
internal static class TensorMemory
{
    /// <summary>Bytes moved at once: enough for the disk's full speed, small against the caches of the system.</summary>
    private const int PieceBytes = 1 << 24;

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
