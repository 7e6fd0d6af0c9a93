namespace Polder.Ranks;

/// <summary>
/// The processes that compute one thing together, each with a rank from 0. What moves numbers between them is called by all ranks, in the same order and
/// with the same lengths; it ends when all have called it, and fails by ending the whole job.
/// </summary>
public interface IRanks
{
    /// <summary>This process's number, from 0.</summary>
    int Rank { get; }

    /// <summary>The number of processes, at least 1.</summary>
    int Size { get; }

    /// <summary>Replaces the values by their sums over the ranks: the same bits on every rank, and at every repetition.</summary>
    void Sum(Span<float> values);

    /// <inheritdoc cref="Sum(Span{float})"/>
    void Sum(Span<double> values);

    /// <summary>Replaces the values by the largest that a rank has.</summary>
    void Greatest(Span<ulong> values);

    /// <summary>Collects a block of every rank on every rank.</summary>
    /// <param name="own">The rank's block, of the same length on all.</param>
    /// <param name="all">Receives the blocks in the order of the ranks: <see cref="Size"/> times as long.</param>
    void Gather(ReadOnlySpan<byte> own, Span<byte> all);

    /// <summary>Gives every rank a block of its own from every rank.</summary>
    /// <param name="parts">The blocks for rank 0, 1, ..., all of the same length.</param>
    /// <param name="received">Receives the blocks from rank 0, 1, ...; as long.</param>
    void Exchange(ReadOnlySpan<byte> parts, Span<byte> received);

    /// <summary>Gives all ranks what one has.</summary>
    /// <param name="values">What is given on the root, and replaced on the others.</param>
    /// <param name="root">Whose values.</param>
    void Broadcast(Span<byte> values, int root);
}
