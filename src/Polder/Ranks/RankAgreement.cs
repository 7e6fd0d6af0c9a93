using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Polder.Ranks;

/// <summary>Whether all ranks have the same: one reduction of hashes, before numbers that would not belong together are summed.</summary>
public static class RankAgreement
{
    /// <summary>Compares things by their hashes.</summary>
    /// <param name="ranks">The ranks, all of which call it with as many things in the same order.</param>
    /// <param name="things">Each with what it is called in the message, and its hash (<see cref="HashOf(string)"/>).</param>
    /// <exception cref="RanksDisagreeException">Something is not the same on all ranks; every rank throws it.</exception>
    public static void Agree(this IRanks ranks, params ReadOnlySpan<(string What, ulong Hash)> things)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        // The largest h is the smallest exactly where the largest ~h is its complement.
        ulong[] hashes = new ulong[2 * things.Length];
        for (int i = 0; i < things.Length; i++)
            (hashes[2 * i], hashes[(2 * i) + 1]) = (things[i].Hash, ~things[i].Hash);
        ranks.Greatest(hashes);
        var different = new List<string>();
        for (int i = 0; i < things.Length; i++)
            if (hashes[2 * i] != ~hashes[(2 * i) + 1])
                different.Add(things[i].What);
        if (different.Count > 0)
            throw new RanksDisagreeException(different);
    }

    /// <summary>The hash of a text.</summary>
    public static ulong HashOf(string text) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>The hash of tensors: names, types, shapes and every bit of the elements.</summary>
    public static ulong HashOf(IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var noGrad = no_grad();
        foreach ((string name, Tensor tensor) in tensors)
        {
            using var scope = NewDisposeScope();
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {tensor.dtype} [{string.Join(',', tensor.shape)}]"));
            Append(hash, tensor.detach().cpu().contiguous().bytes);
        }
        return Of(hash);
    }

    /// <summary>The hash of blocks of numbers, one after another.</summary>
    public static ulong HashOf(IEnumerable<ReadOnlyMemory<byte>> blocks)
    {
        ArgumentNullException.ThrowIfNull(blocks);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ReadOnlyMemory<byte> block in blocks)
            hash.AppendData(block.Span);
        return Of(hash);
    }

    private static void Append(IncrementalHash hash, ReadOnlySpan<byte> bytes) => hash.AppendData(bytes);

    private static ulong Of(IncrementalHash hash)
    {
        Span<byte> bytes = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(bytes);
        return MemoryMarshal.Read<ulong>(bytes);
    }
}

/// <summary>The ranks of a job do not have the same of something on which their numbers depend.</summary>
/// <param name="different">What differs, in words.</param>
public sealed class RanksDisagreeException(IReadOnlyList<string> different) : ArgumentException(
    $"the ranks do not have the same {string.Join(", the same ", different)}: start all of them from the same program and folders, with the same options")
{
    /// <summary>What differs.</summary>
    public IReadOnlyList<string> Different { get; } = different;
}
