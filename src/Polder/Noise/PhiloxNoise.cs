using System.Runtime.CompilerServices;

namespace Polder.Noise;

/// <summary>
/// Noise from the counter-based generator Philox 4x32-10: the key is the seed, the counter is (element, draw, step). The same bits on
/// every processor, with or without vector instructions, on any number of threads.
/// </summary>
/// <param name="seed">The seed; any number.</param>
/// <param name="distribution">The distribution; null is <see cref="NoiseDistribution.Normal"/>.</param>
public sealed class PhiloxNoise(long seed, NoiseDistribution? distribution = null) : NoiseStream
{
    /// <summary>The seed.</summary>
    public long Seed { get; } = seed;

    /// <summary>The distribution.</summary>
    public NoiseDistribution Distribution { get; } = distribution ?? NoiseDistribution.Normal;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Fill(long step, int draw, long offset, Span<float> destination)
    {
        Require.AtLeast(step, 0);
        Require.AtLeast(draw, 0);
        Require.AtLeast(offset, 0);
        Span<float> block = stackalloc float[Philox.BlockLength];
        long index = offset / Philox.BlockLength;
        int skip = (int)(offset % Philox.BlockLength);
        for (int done = 0; done < destination.Length; index++, skip = 0)
        {
            int count = Math.Min(Philox.BlockLength - skip, destination.Length - done);
            var counter = new PhiloxCounter(index, step, draw);
            if (count == Philox.BlockLength)
            {
                Distribution.FillBlock((ulong)Seed, counter, destination.Slice(done, count));
            }
            else
            {
                Distribution.FillBlock((ulong)Seed, counter, block);
                block.Slice(skip, count).CopyTo(destination[done..]);
            }
            done += count;
        }
    }
}
