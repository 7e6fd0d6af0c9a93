using System.Runtime.Intrinsics;

namespace Polder.Noise;

/// <summary>The uniform distribution on (-sqrt 3, sqrt 3): sqrt 3 / 2^24 times an odd number of at most 24 bits, so exactly symmetric.</summary>
internal sealed class UniformDistribution : WordwiseDistribution
{
    private const float Unit = 1.7320508075688772f / (1 << 24);

    public override string Name => "uniform";

    protected override Vector512<float> Value(Vector512<uint> x)
    {
        Vector512<int> odd = ((x >> 8) << 1).AsInt32() + Vector512.Create(1 - (1 << 24));
        return Vector512.ConvertToSingle(odd) * Vector512.Create(Unit);
    }

    protected override float Value(uint x) => ((int)((x >> 8) << 1) + (1 - (1 << 24))) * Unit;
}
