using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Polder.Noise;

/// <summary>
/// ln u of a random word x, u = (x + 1/2) / 2^32 rounded to a float, so 2^-33 &lt;= u &lt;= 1: by operations that round the same
/// everywhere, over vectors and over scalars, with equal bits.
/// </summary>
/// <remarks>
/// u = m 2^e with m in [sqrt(1/2), sqrt(2)), and ln m = 2 s + s^3 (2/3 + 2/5 s^2 + ...) with s = (m - 1) / (m + 1), the series of the
/// inverse hyperbolic tangent doubled.
/// </remarks>
internal static class UniformLogarithm
{
    private const float Ln2High = 0.693359375f, Ln2Low = -2.12194440e-4f; // ln 2 in two parts, the first with few bits

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Ln(Vector512<uint> x)
    {
        // The halves are converted apart and added: the one rounding of the sum is the same with and without a native conversion.
        Vector512<float> high = Vector512.ConvertToSingle((x >> 16).AsInt32()) * Vector512.Create(65536f);
        Vector512<float> low = Vector512.ConvertToSingle((x & Vector512.Create(0xFFFFu)).AsInt32()) + Vector512.Create(0.5f);
        Vector512<float> u = (high + low) * Vector512.Create(1f / 4294967296f);
        Vector512<int> bits = u.AsInt32();
        Vector512<int> exponent = (bits - Vector512.Create(0x3F3504F3)) >> 23; // 0x3F3504F3 is sqrt(1/2)
        Vector512<float> m = (bits - (exponent << 23)).AsSingle();
        Vector512<float> e = Vector512.ConvertToSingle(exponent);
        Vector512<float> s = (m - Vector512<float>.One) / (m + Vector512<float>.One);
        Vector512<float> s2 = s * s;
        Vector512<float> p = Vector512.Create(2f / 9f);
        p = (p * s2) + Vector512.Create(2f / 7f);
        p = (p * s2) + Vector512.Create(2f / 5f);
        p = (p * s2) + Vector512.Create(2f / 3f);
        return ((p * s2 * s) + (e * Vector512.Create(Ln2Low))) + (s + s) + (e * Vector512.Create(Ln2High));
    }

    public static float Ln(uint x)
    {
        float u = ((int)(x >> 16) * 65536f + ((int)(x & 0xFFFF) + 0.5f)) * (1f / 4294967296f);
        int bits = BitConverter.SingleToInt32Bits(u);
        int exponent = (bits - 0x3F3504F3) >> 23;
        float m = BitConverter.Int32BitsToSingle(bits - (exponent << 23));
        float e = exponent;
        float s = (m - 1f) / (m + 1f);
        float s2 = s * s;
        float p = 2f / 9f;
        p = (p * s2) + (2f / 7f);
        p = (p * s2) + (2f / 5f);
        p = (p * s2) + (2f / 3f);
        return ((p * s2 * s) + (e * Ln2Low)) + (s + s) + (e * Ln2High);
    }
}
