using System.Runtime.Intrinsics;

namespace Polder.Noise;

/// <summary>+1 or -1: the top bit is the sign.</summary>
internal sealed class RademacherDistribution : WordwiseDistribution
{
    private const uint SignBit = 0x80000000, One = 0x3F800000;

    public override string Name => "rademacher";

    protected override Vector512<float> Value(Vector512<uint> x) =>
        ((x & Vector512.Create(SignBit)) | Vector512.Create(One)).AsSingle();

    protected override float Value(uint x) => BitConverter.UInt32BitsToSingle((x & SignBit) | One);
}
