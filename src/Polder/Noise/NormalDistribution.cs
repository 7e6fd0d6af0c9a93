using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Polder.Noise;

/// <summary>
/// Standard normal values by the transform of Box and Muller (1958): from two words, r = sqrt(-2 ln u) with u in (0, 1], and the angle
/// 2 pi v; r cos and r sin are the two values. The largest possible |z| is sqrt(2 ln 2^32) = 6.66.
/// </summary>
/// <remarks>
/// Logarithm, sine and cosine are evaluated here by polynomials, with operations that round the same everywhere (no fused
/// multiply-add, no library function), once over vectors and once over scalars: the two give the same bits on every processor.
/// The angle is reduced on the integer word, where it is exact. Against double precision the values are right to 6e-7 + 2^-24 / r: the
/// second part is the rounding of u to a float, felt where u is close to 1 and the values close to 0 (it exceeds 2e-6 in one pair of 34 000).
/// </remarks>
internal sealed class NormalDistribution : NoiseDistribution
{
    private const float QuarterTurn = 1.5707963267948966f / (1 << 30);    // one unit of the angle's 30 bits within a quadrant

    public override string Name => "normal";

    internal override void FillBlock(ulong key, PhiloxCounter counter, Span<float> destination)
    {
        if (Vector512.IsHardwareAccelerated || Vector256.IsHardwareAccelerated)
            FillVector(key, counter, destination);
        else
            FillScalar(key, counter, destination);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void FillVector(ulong key, PhiloxCounter counter, Span<float> destination)
    {
        var (x0, x1, x2, x3) = Philox.GenerateBlock(key, counter);
        Vector512<float> r0 = Radius(x0), r1 = Radius(x2);
        var (cos0, sin0) = CosSin(x1);
        var (cos1, sin1) = CosSin(x3);
        (r0 * cos0).CopyTo(destination);
        (r0 * sin0).CopyTo(destination[16..]);
        (r1 * cos1).CopyTo(destination[32..]);
        (r1 * sin1).CopyTo(destination[48..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void FillScalar(ulong key, PhiloxCounter counter, Span<float> destination)
    {
        for (int lane = 0; lane < Philox.Lanes; lane++)
        {
            var (x0, x1, x2, x3) = Philox.GenerateLane(key, counter, lane);
            float r0 = Radius(x0), r1 = Radius(x2);
            var (cos0, sin0) = CosSin(x1);
            var (cos1, sin1) = CosSin(x3);
            destination[lane] = r0 * cos0;
            destination[lane + 16] = r0 * sin0;
            destination[lane + 32] = r1 * cos1;
            destination[lane + 48] = r1 * sin1;
        }
    }

    // The largest u rounds to 1, whose logarithm may come out a little above 0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Radius(Vector512<uint> x) =>
        Vector512.Sqrt(Vector512.Max(UniformLogarithm.Ln(x) * Vector512.Create(-2f), Vector512<float>.Zero));

    private static float Radius(uint x) => MathF.Sqrt(MathF.Max(UniformLogarithm.Ln(x) * -2f, 0f));

    // The word is the angle in units of a turn / 2^32: two bits of quadrant, 30 of angle within it, centred so that |a| <= pi / 4,
    // where Taylor's polynomials of degree 9 and 8 are right to a float's last place.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> Cos, Vector512<float> Sin) CosSin(Vector512<uint> x)
    {
        Vector512<int> centred = (x << 2).AsInt32() >> 2;               // the angle from the nearest quadrant boundary, signed 30 bits
        Vector512<uint> quadrant = (x - centred.AsUInt32()) >> 30;
        Vector512<float> a = Vector512.ConvertToSingle(centred) * Vector512.Create(QuarterTurn);
        Vector512<float> a2 = a * a;
        Vector512<float> sin = Vector512.Create(1f / 362880f);
        sin = (sin * a2) + Vector512.Create(-1f / 5040f);
        sin = (sin * a2) + Vector512.Create(1f / 120f);
        sin = (sin * a2) + Vector512.Create(-1f / 6f);
        sin = (sin * a2 * a) + a;
        Vector512<float> cos = Vector512.Create(1f / 40320f);
        cos = (cos * a2) + Vector512.Create(-1f / 720f);
        cos = (cos * a2) + Vector512.Create(1f / 24f);
        cos = (cos * a2) + Vector512.Create(-1f / 2f);
        cos = (cos * a2) + Vector512<float>.One;

        Vector512<float> swap = Vector512.Equals(quadrant & Vector512<uint>.One, Vector512<uint>.One).AsSingle();
        Vector512<uint> sinSign = (quadrant & Vector512.Create(2u)) << 30;
        Vector512<uint> cosSign = ((quadrant + Vector512<uint>.One) & Vector512.Create(2u)) << 30;
        Vector512<float> c = Vector512.ConditionalSelect(swap, sin, cos), s = Vector512.ConditionalSelect(swap, cos, sin);
        return ((c.AsUInt32() ^ cosSign).AsSingle(), (s.AsUInt32() ^ sinSign).AsSingle());
    }

    private static (float Cos, float Sin) CosSin(uint x)
    {
        int centred = (int)(x << 2) >> 2;
        uint quadrant = (x - (uint)centred) >> 30;
        float a = centred * QuarterTurn;
        float a2 = a * a;
        float sin = 1f / 362880f;
        sin = (sin * a2) + (-1f / 5040f);
        sin = (sin * a2) + (1f / 120f);
        sin = (sin * a2) + (-1f / 6f);
        sin = (sin * a2 * a) + a;
        float cos = 1f / 40320f;
        cos = (cos * a2) + (-1f / 720f);
        cos = (cos * a2) + (1f / 24f);
        cos = (cos * a2) + (-1f / 2f);
        cos = (cos * a2) + 1f;

        var (c, s) = (quadrant & 1) == 1 ? (sin, cos) : (cos, sin);
        return (((quadrant + 1) & 2) != 0 ? -c : c, (quadrant & 2) != 0 ? -s : s);
    }
}
