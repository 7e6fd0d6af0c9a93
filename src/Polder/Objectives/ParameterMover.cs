using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Polder.Noise;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Objectives;

/// <summary>
/// Adds noise to parameters without ever storing it: a few kilobytes of U at a time, made and used while they are in the cache.
/// The result does not depend on the number of threads, since U is a function of the element's index alone.
/// </summary>
internal sealed unsafe class ParameterMover(ParameterSpace space)
{
    // A piece of work for one thread; small networks are one piece and never leave the calling thread.
    private const int PieceLength = 1 << 16;
    private const int BufferLength = 1024;

    private readonly (int Parameter, long Start, int Length)[] _pieces = Cut(space.Parameters);

    /// <summary>parameters = origin + scale U.</summary>
    public void Move(ParameterVector origin, NoiseStream noise, long step, int draw, double scale) =>
        Write(space.Parameters, origin.Blocks, noise, step, draw, scale);

    /// <summary>vector = U.</summary>
    public void Materialise(NoiseStream noise, long step, int draw, ParameterVector vector) =>
        Write(vector.Blocks, null, noise, step, draw, 1);

    private void Write(IReadOnlyList<Tensor> targets, IReadOnlyList<Tensor>? origins, NoiseStream noise, long step, int draw, double scale)
    {
        using var noGrad = no_grad();
        var addresses = new (nint Target, nint Origin, ScalarType Type)[targets.Count];
        for (int i = 0; i < targets.Count; i++)
        {
            Tensor target = targets[i];
            if (target.device_type == DeviceType.CPU && target.is_contiguous() && target.dtype is (ScalarType.Float32 or ScalarType.Float64))
                addresses[i] = (AddressOf(target), origins is null ? 0 : AddressOf(origins[i]), target.dtype);
            else
                WriteThroughCopy(target, origins?[i], noise, step, draw, space.Offsets[i], scale);
        }

        if (space.Dimension <= PieceLength)
        {
            foreach (var piece in _pieces)
                WritePiece(piece);
            return;
        }
        var options = new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, get_num_threads()) };
        try
        {
            Parallel.ForEach(_pieces, options, WritePiece);
        }
        catch (AggregateException several) when (several.InnerException is { } first)
        {
            // A failing stream throws its own exception, whatever the size of the model.
            ExceptionDispatchInfo.Throw(first);
        }

        void WritePiece((int Parameter, long Start, int Length) piece)
        {
            var (target, start, type) = addresses[piece.Parameter];
            if (target == 0)
                return;
            long offset = space.Offsets[piece.Parameter] + piece.Start;
            if (type == ScalarType.Float32)
                WriteSpan<float>(target, start, piece.Start, piece.Length, offset, (float)scale);
            else
                WriteSpan<double>(target, start, piece.Start, piece.Length, offset, scale);
        }

        void WriteSpan<T>(nint target, nint origin, long start, int length, long offset, T factor) where T : unmanaged, INumber<T>
        {
            T* to = (T*)target + start, from = (T*)origin + start;
            Span<T> buffer = stackalloc T[BufferLength];
            for (int done = 0; done < length;)
            {
                // Cut where the noise stream's own blocks end, so that only the first and last buffer are irregular.
                int count = Math.Min(length - done, BufferLength - (int)((offset + done) % BufferLength));
                Span<T> unit = buffer[..count];
                if (typeof(T) == typeof(float))
                    noise.Fill(step, draw, offset + done, MemoryMarshal.Cast<T, float>(unit));
                else
                    noise.Fill(step, draw, offset + done, MemoryMarshal.Cast<T, double>(unit));
                if (origin == 0)
                    unit.CopyTo(new Span<T>(to + done, count));
                else
                    AddScaled(new ReadOnlySpan<T>(from + done, count), unit, factor, new Span<T>(to + done, count));
                done += count;
            }
        }
    }

    /// <summary>target = origin + factor * unit, product and sum each rounded, so that every machine gets the same numbers.</summary>
    private static void AddScaled<T>(ReadOnlySpan<T> origin, ReadOnlySpan<T> unit, T factor, Span<T> target) where T : unmanaged, INumber<T>
    {
        int i = 0;
        for (; i <= target.Length - Vector<T>.Count; i += Vector<T>.Count)
            (new Vector<T>(origin[i..]) + (new Vector<T>(unit[i..]) * factor)).CopyTo(target[i..]);
        for (; i < target.Length; i++)
            target[i] = origin[i] + (unit[i] * factor);
    }

    // Other devices, half precision and strided parameters: one parameter's noise is made on the CPU and handed over.
    private static void WriteThroughCopy(Tensor target, Tensor? origin, NoiseStream noise, long step, int draw, long offset, double scale)
    {
        using var scope = NewDisposeScope();
        Tensor unit = zeros(target.numel(), ScalarType.Float64, CPU);
        noise.Fill(step, draw, offset, MemoryMarshal.Cast<byte, double>(unit.bytes));
        Tensor move = unit.mul(scale).view(target.shape).to(target.dtype).to(target.device);
        target.copy_(origin is null ? move : origin.add(move));
    }

    private static nint AddressOf(Tensor tensor) =>
        tensor.numel() == 0 ? 0 : (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));

    private static (int, long, int)[] Cut(IReadOnlyList<Parameter> parameters)
    {
        var pieces = new List<(int, long, int)>();
        for (int i = 0; i < parameters.Count; i++)
            for (long start = 0, count = parameters[i].numel(); start < count; start += PieceLength)
                pieces.Add((i, start, (int)Math.Min(PieceLength, count - start)));
        return [.. pieces];
    }
}
