using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Polder.Noise;

/// <summary>A distribution that turns each random word into one value by itself, the same bits over vectors and over scalars.</summary>
internal abstract class WordwiseDistribution : NoiseDistribution
{
    internal override void FillBlock(ulong key, PhiloxCounter counter, Span<float> destination)
    {
        if (Vector512.IsHardwareAccelerated || Vector256.IsHardwareAccelerated)
            FillVector(key, counter, destination);
        else
            FillScalar(key, counter, destination);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void FillVector(ulong key, PhiloxCounter counter, Span<float> destination)
    {
        var (x0, x1, x2, x3) = Philox.GenerateBlock(key, counter);
        Value(x0).CopyTo(destination);
        Value(x1).CopyTo(destination[16..]);
        Value(x2).CopyTo(destination[32..]);
        Value(x3).CopyTo(destination[48..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void FillScalar(ulong key, PhiloxCounter counter, Span<float> destination)
    {
        for (int lane = 0; lane < Philox.Lanes; lane++)
        {
            var (x0, x1, x2, x3) = Philox.GenerateLane(key, counter, lane);
            destination[lane] = Value(x0);
            destination[lane + 16] = Value(x1);
            destination[lane + 32] = Value(x2);
            destination[lane + 48] = Value(x3);
        }
    }

    protected abstract Vector512<float> Value(Vector512<uint> x);

    protected abstract float Value(uint x);
}
