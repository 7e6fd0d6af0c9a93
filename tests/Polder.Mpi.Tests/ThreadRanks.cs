using System.Runtime.InteropServices;

namespace Polder.Mpi.Tests;

/// <summary>Ranks that are threads of this process: what the runner does with ranks is tested without any library of MPI.</summary>
internal sealed class ThreadRanks : IRanks
{
    private readonly Meeting _meeting;

    private ThreadRanks(int rank, Meeting meeting) => (Rank, _meeting) = (rank, meeting);

    public int Rank { get; }

    public int Size => _meeting.Blocks.Length;

    /// <summary>Runs something on every rank; the results in their order. What one throws is thrown.</summary>
    public static T[] Run<T>(int size, Func<IRanks, T> work)
    {
        var meeting = new Meeting(size);
        var results = new T[size];
        Exception? error = null;
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                Threads.One();
                results[rank] = work(new ThreadRanks(rank, meeting));
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref error, e, null);
                meeting.Barrier.RemoveParticipant();
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        return error is null ? results : throw new InvalidOperationException(error.Message, error);
    }

    public void Sum(Span<float> values) => Reduce(values, (a, b) => a + b);

    public void Sum(Span<double> values) => Reduce(values, (a, b) => a + b);

    public void Greatest(Span<ulong> values) => Reduce(values, Math.Max);

    public void Gather(ReadOnlySpan<byte> own, Span<byte> all)
    {
        byte[][] blocks = Meet(own);
        for (int rank = 0; rank < Size; rank++)
            blocks[rank].CopyTo(all[(rank * own.Length)..]);
    }

    public void Exchange(ReadOnlySpan<byte> parts, Span<byte> received)
    {
        byte[][] blocks = Meet(parts);
        int block = parts.Length / Size;
        for (int rank = 0; rank < Size; rank++)
            blocks[rank].AsSpan(Rank * block, block).CopyTo(received[(rank * block)..]);
    }

    public void Broadcast(Span<byte> values, int root) => Meet(values)[root].CopyTo(values);

    // From the last rank to the first, so that it is not the order of the points by chance.
    private void Reduce<T>(Span<T> values, Func<T, T, T> add) where T : unmanaged
    {
        byte[][] blocks = Meet(MemoryMarshal.AsBytes(values));
        MemoryMarshal.Cast<byte, T>(blocks[^1]).CopyTo(values);
        for (int rank = Size - 2; rank >= 0; rank--)
        {
            ReadOnlySpan<T> others = MemoryMarshal.Cast<byte, T>(blocks[rank]);
            for (int i = 0; i < values.Length; i++)
                values[i] = add(values[i], others[i]);
        }
    }

    private byte[][] Meet(ReadOnlySpan<byte> own)
    {
        _meeting.Blocks[Rank] = own.ToArray();
        _meeting.Barrier.SignalAndWait();
        byte[][] all = [.. _meeting.Blocks];
        _meeting.Barrier.SignalAndWait();
        return all;
    }

    private sealed class Meeting(int size)
    {
        public byte[][] Blocks { get; } = new byte[size][];

        public Barrier Barrier { get; } = new(size);
    }
}
