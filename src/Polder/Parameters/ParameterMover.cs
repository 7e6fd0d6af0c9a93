using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Polder.Parameters;

/// <summary>
/// Moves parameters along noise without ever storing it: a few kilobytes of U at a time, made and used while they are in the cache.
/// The result does not depend on the number of threads, since U is a function of the element's index alone.
/// </summary>
internal sealed unsafe class ParameterMover(ParameterSpace space)
{
    private const int BufferLength = 1024;

    private readonly ParameterPieces _pieces = new(space.Parameters);

    private enum Target
    {
        Noise,
        Mirror,
        Origin,
    }

    /// <summary>The pieces that the passes go through.</summary>
    public ParameterPieces Pieces => _pieces;

    /// <summary>parameters = origin + scale U; mirrored: what <see cref="Mirror"/> makes of that, bit for bit.</summary>
    public void Move(
        ParameterVector origin, NoiseStream noise, long step, int draw, double scale, MoveObserver? observer = null, bool mirrored = false) =>
        Write(Target.Noise, space.Parameters, origin.Blocks, new Draw(noise, step, draw, scale, mirrored), observer);

    /// <summary>origin = parameters, and then <see cref="Move"/>, in one pass. Where the noise fails, the parameters are as they were.</summary>
    public void Leave(
        ParameterVector origin, NoiseStream noise, long step, int draw, double scale, MoveObserver? observer = null, bool mirrored = false)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        int[] done = new int[_pieces.All.Count];
        (Tensor Parameter, Tensor Origin)[] others = [.. space.Parameters.Zip(origin.Blocks).Where(pair => AddressOf(pair.First) == 0)];
        foreach ((Tensor parameter, Tensor saved) in others)
            saved.copy_(parameter);
        try
        {
            Write(Target.Noise, space.Parameters, origin.Blocks, new Draw(noise, step, draw, scale, mirrored), observer, done);
        }
        catch
        {
            foreach ((Tensor parameter, Tensor saved) in others)
                parameter.copy_(saved);
            foreach (ParameterPieces.Piece piece in _pieces.All.Where(piece => done[piece.Index] > 0))
                Part(space.Parameters[piece.Parameter], piece).copy_(Part(origin.Blocks[piece.Parameter], piece));
            throw;
        }

        Tensor Part(Tensor tensor, ParameterPieces.Piece piece) => tensor.view(-1).narrow(0, piece.Start, done[piece.Index]);
    }

    /// <summary>parameters = 2 origin - parameters.</summary>
    public void Mirror(ParameterVector origin, MoveObserver? observer) => Write(Target.Mirror, space.Parameters, origin.Blocks, default, observer);

    /// <summary>parameters = origin.</summary>
    public void Restore(ParameterVector origin, MoveObserver observer) => Write(Target.Origin, space.Parameters, origin.Blocks, default, observer);

    /// <summary>vector = U.</summary>
    public void Materialize(NoiseStream noise, long step, int draw, ParameterVector vector) =>
        Write(Target.Noise, vector.Blocks, null, new Draw(noise, step, draw, 1, false), null);

    /// <summary>Where the elements of a tensor lie, if they are floating-point numbers in a row in the processor's memory; else 0.</summary>
    public static nint AddressOf(Tensor tensor) =>
        tensor.device_type == DeviceType.CPU && tensor.is_contiguous() && tensor.dtype is ScalarType.Float32 or ScalarType.Float64 && tensor.numel() > 0
            ? (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes))
            : 0;

    // Where done is given, what the parameters are goes to the origins first, and done says how far that has come in each piece.
    private void Write(
        Target target, IReadOnlyList<Tensor> tensors, IReadOnlyList<Tensor>? origins, Draw draw, MoveObserver? observer, int[]? done = null)
    {
        using var noGrad = no_grad();
        var addresses = new (nint Target, nint Origin, ScalarType Type)[tensors.Count];
        for (int i = 0; i < tensors.Count; i++)
        {
            nint address = AddressOf(tensors[i]);
            if (address != 0)
                addresses[i] = (address, origins is null ? 0 : AddressOf(origins[i]), tensors[i].dtype);
            else if (tensors[i].numel() > 0)
                WriteThroughTorch(target, i, tensors[i], origins?[i], draw, observer);
        }
        _pieces.ForEach(piece =>
        {
            var (to, origin, type) = addresses[piece.Parameter];
            if (to == 0)
                return;
            if (type == ScalarType.Float32)
                WritePiece(target, (float*)to + piece.Start, origin == 0 ? null : (float*)origin + piece.Start, piece, draw, observer, done);
            else
                WritePiece(target, (double*)to + piece.Start, origin == 0 ? null : (double*)origin + piece.Start, piece, draw, observer, done);
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WritePiece<T>(Target target, T* to, T* origin, ParameterPieces.Piece piece, Draw draw, MoveObserver? observer, int[]? saved)
        where T : unmanaged, INumber<T>
    {
        DisplacementDots left = default, entered = default;
        long offset = space.Offsets[piece.Parameter] + piece.Start;
        T factor = T.CreateTruncating(draw.Scale);
        Span<T> buffer = stackalloc T[BufferLength];
        for (int done = 0; done < piece.Length;)
        {
            // Cut where the noise stream's own blocks end, so that only the first and last buffer are irregular.
            int count = Math.Min(piece.Length - done, BufferLength - (int)((offset + done) % BufferLength));
            if (observer is { Leaves: true })
                observer.Observe(piece, done, count, to + done, origin + done, ref left);
            var written = new Span<T>(to + done, count);
            var from = new ReadOnlySpan<T>(origin + done, origin == null ? 0 : count);
            if (target == Target.Origin)
            {
                from.CopyTo(written);
            }
            else if (target == Target.Mirror)
            {
                Reflect(from, written);
            }
            else
            {
                Span<T> unit = buffer[..count];
                if (typeof(T) == typeof(float))
                    draw.Noise.Fill(draw.Step, draw.Number, offset + done, MemoryMarshal.Cast<T, float>(unit));
                else
                    draw.Noise.Fill(draw.Step, draw.Number, offset + done, MemoryMarshal.Cast<T, double>(unit));
                if (saved is not null)
                {
                    written.CopyTo(new Span<T>(origin + done, count));
                    saved[piece.Index] = done + count;
                }
                if (origin == null)
                    unit.CopyTo(written);
                else
                    AddScaled(from, unit, factor, written);
                if (draw.Mirrored)
                    Reflect(from, written);
            }
            if (observer is { Enters: true })
                observer.Observe(piece, done, count, to + done, origin + done, ref entered);
            done += count;
        }
        observer?.Finish<T>(piece, left, entered);
    }

    /// <summary>target = origin + factor * unit, product and sum each rounded, so that every machine gets the same numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddScaled<T>(ReadOnlySpan<T> origin, ReadOnlySpan<T> unit, T factor, Span<T> target) where T : unmanaged, INumber<T>
    {
        int i = 0;
        for (; i <= target.Length - Vector<T>.Count; i += Vector<T>.Count)
            (new Vector<T>(origin[i..]) + (new Vector<T>(unit[i..]) * factor)).CopyTo(target[i..]);
        for (; i < target.Length; i++)
            target[i] = origin[i] + (unit[i] * factor);
    }

    /// <summary>target = 2 origin - target; the product is exact, so that the result is torch's bit for bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Reflect<T>(ReadOnlySpan<T> origin, Span<T> target) where T : unmanaged, INumber<T>
    {
        int i = 0;
        for (; i <= target.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            var centre = new Vector<T>(origin[i..]);
            (centre + centre - new Vector<T>(target[i..])).CopyTo(target[i..]);
        }
        for (; i < target.Length; i++)
            target[i] = origin[i] + origin[i] - target[i];
    }

    // Other devices, half precision and strided parameters: one parameter's noise is made on the CPU and handed over.
    private void WriteThroughTorch(Target target, int parameter, Tensor to, Tensor? origin, Draw draw, MoveObserver? observer)
    {
        using var scope = NewDisposeScope();
        DisplacementDots left = default, entered = default;
        if (observer is { Leaves: true })
            left = observer.ObserveThroughTorch(parameter, to, origin!);
        if (target == Target.Origin)
        {
            to.copy_(origin!);
        }
        else if (target == Target.Mirror)
        {
            ReflectThroughTorch(to, origin!);
        }
        else
        {
            Tensor unit = zeros(to.numel(), ScalarType.Float64, CPU);
            draw.Noise.Fill(draw.Step, draw.Number, space.Offsets[parameter], MemoryMarshal.Cast<byte, double>(unit.bytes));
            Tensor move = unit.mul(Number(draw.Scale)).view(to.shape).to(to.dtype).to(to.device);
            to.copy_(origin is null ? move : origin.add(move));
            if (draw.Mirrored)
                ReflectThroughTorch(to, origin!);
        }
        if (observer is { Enters: true })
            entered = observer.ObserveThroughTorch(parameter, to, origin!);
        observer?.FinishThroughTorch(parameter, left, entered);
    }

    private static void ReflectThroughTorch(Tensor to, Tensor origin)
    {
        using Scalar two = 2.0.ToScalar();
        to.neg_().add_(origin, two);
    }

    private readonly record struct Draw(NoiseStream Noise, long Step, int Number, double Scale, bool Mirrored);
}
