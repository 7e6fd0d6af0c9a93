namespace Polder.Ranks;

/// <summary>One process alone: what is summed or collected over it is its own.</summary>
public sealed class SoloRanks : IRanks
{
    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int Size => 1;

    /// <inheritdoc/>
    public void Sum(Span<float> values)
    {
    }

    /// <inheritdoc/>
    public void Sum(Span<double> values)
    {
    }

    /// <inheritdoc/>
    public void Greatest(Span<ulong> values)
    {
    }

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<byte> own, Span<byte> all) => own.CopyTo(all);

    /// <inheritdoc/>
    public void Exchange(ReadOnlySpan<byte> parts, Span<byte> received) => parts.CopyTo(received);

    /// <inheritdoc/>
    public void Broadcast(Span<byte> values, int root)
    {
    }
}
