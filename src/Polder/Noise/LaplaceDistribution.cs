using System.Runtime.Intrinsics;

namespace Polder.Noise;

/// <summary>Laplace's distribution of variance 1: the top bit is the sign, the other 31 bits give u, and the magnitude is -ln u / sqrt 2.</summary>
internal sealed class LaplaceDistribution : WordwiseDistribution
{
    private const float Scale = -0.70710678118654752f;
    private const uint SignBit = 0x80000000;

    public override string Name => "laplace";

    protected override Vector512<float> Value(Vector512<uint> x)
    {
        Vector512<float> magnitude = Vector512.Max(UniformLogarithm.Ln(x << 1) * Vector512.Create(Scale), Vector512<float>.Zero);
        return (magnitude.AsUInt32() ^ (x & Vector512.Create(SignBit))).AsSingle();
    }

    protected override float Value(uint x)
    {
        float magnitude = MathF.Max(UniformLogarithm.Ln(x << 1) * Scale, 0f);
        return BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(magnitude) ^ (x & SignBit));
    }
}
