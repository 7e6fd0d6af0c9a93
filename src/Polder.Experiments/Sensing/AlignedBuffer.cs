using System.Runtime.CompilerServices;

namespace Polder.Experiments.Sensing;

/// <summary>Zeroed memory that starts on a cache line and never moves; the garbage collector owns it, so there is nothing to dispose.</summary>
internal sealed unsafe class AlignedBuffer<T>
    where T : unmanaged
{
    private const int CacheLine = 64;
    private readonly T[] _array;

    public AlignedBuffer(long length)
    {
        _array = GC.AllocateArray<T>(checked((int)(length + (CacheLine / sizeof(T)))), pinned: true);
        nint start = (nint)Unsafe.AsPointer(ref _array[0]);
        Pointer = (T*)((start + CacheLine - 1) & ~(nint)(CacheLine - 1));
        Length = length;
    }

    /// <summary>The first element. Keep the buffer reachable while it is used.</summary>
    public T* Pointer { get; }

    public long Length { get; }

    public Span<T> Span(long start, int length) => new(Pointer + start, length);
}
