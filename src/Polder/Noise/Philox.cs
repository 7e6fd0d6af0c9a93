using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Polder.Noise;

/// <summary>The counter of a block: (low word of the block's index, high words of block and step, draw, low word of the step).</summary>
/// <param name="Block">The index of the block of 64 words within the draw.</param>
/// <param name="Step">The step.</param>
/// <param name="Draw">The draw within the step.</param>
internal readonly record struct PhiloxCounter(long Block, long Step, int Draw);

/// <summary>
/// Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011): a bijection of a 128-bit counter
/// under a 64-bit key. Sixteen counters at a time make a block of 64 words, laid out word by word: word w of counter l stands at 16 w + l,
/// so that a vector register is stored without shuffling.
/// </summary>
internal static class Philox
{
    /// <summary>Words of a block.</summary>
    public const int BlockLength = 64;

    /// <summary>Counters of a block.</summary>
    public const int Lanes = 16;

    private const uint MultiplierA = 0xD2511F53, MultiplierB = 0xCD9E8D57;
    private const uint WeylA = 0x9E3779B9, WeylB = 0xBB67AE85;
    private const int Rounds = 10;

    // Loops over millions of elements are compiled for speed at once, here and where its words become noise: a first step is as fast as any.

    /// <summary>One counter, one key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (uint X0, uint X1, uint X2, uint X3) Generate(uint x0, uint x1, uint x2, uint x3, uint key0, uint key1)
    {
        for (int round = 0; round < Rounds; round++)
        {
            ulong a = (ulong)MultiplierA * x0, b = (ulong)MultiplierB * x2;
            (x0, x1, x2, x3) = ((uint)(b >> 32) ^ x1 ^ key0, (uint)b, (uint)(a >> 32) ^ x3 ^ key1, (uint)a);
            key0 += WeylA;
            key1 += WeylB;
        }
        return (x0, x1, x2, x3);
    }

    /// <summary>The four words of one lane of a block.</summary>
    public static (uint X0, uint X1, uint X2, uint X3) GenerateLane(ulong key, PhiloxCounter counter, int lane)
    {
        ulong index = ((ulong)counter.Block * Lanes) + (uint)lane;
        return Generate((uint)index, High(index, counter.Step), (uint)counter.Draw, (uint)counter.Step, (uint)key, (uint)(key >> 32));
    }

    /// <summary>The sixteen lanes of a block at once: the same words as <see cref="GenerateLane"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (Vector512<uint> X0, Vector512<uint> X1, Vector512<uint> X2, Vector512<uint> X3) GenerateBlock(ulong key, PhiloxCounter counter)
    {
        ulong index = (ulong)counter.Block * Lanes; // a multiple of 16: adding a lane never carries out of the low word
        Vector512<ulong> first = (Vector512.Create((uint)index) + Vector512<uint>.Indices).AsUInt64();
        Halves x0 = new(first, first >> 32);
        Halves x1 = Halves.Of(High(index, counter.Step)), x2 = Halves.Of((uint)counter.Draw), x3 = Halves.Of((uint)counter.Step);
        uint key0 = (uint)key, key1 = (uint)(key >> 32);
        for (int round = 0; round < Rounds; round++)
        {
            Halves a = x0.Times(MultiplierA), b = x2.Times(MultiplierB);
            (x0, x1, x2, x3) = (b.High(x1, key0), b, a.High(x3, key1), a);
            key0 += WeylA;
            key1 += WeylB;
        }
        return (x0.Words, x1.Words, x2.Words, x3.Words);
    }

    // 36 bits of counters a draw (2^36 x 4 elements) and 48 of steps: both far beyond what a run reaches.
    private static uint High(ulong index, long step) => ((uint)(index >> 32) & 0xFFFF) | ((uint)(step >> 32) << 16);

    /// <summary>
    /// Sixteen words as eight and eight, each in the lower half of 64 bits: a product of 32 bits by 32 is then one of 64 and needs no shuffling. The
    /// upper halves hold what is left of earlier products, which the next one does not look at.
    /// </summary>
    private readonly struct Halves(Vector512<ulong> even, Vector512<ulong> odd)
    {
        private readonly Vector512<ulong> _even = even, _odd = odd;

        public Vector512<uint> Words
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => ((_even & Vector512.Create(0xFFFFFFFFul)) | (_odd << 32)).AsUInt32();
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Halves Of(uint word) => new(Vector512.Create((ulong)word), Vector512.Create((ulong)word));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Halves Times(uint multiplier) => new(Product(_even, multiplier), Product(_odd, multiplier));

        // The upper words of the products, mixed with another word and the key.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Halves High(Halves other, uint key) => new(
            (_even >> 32) ^ other._even ^ Vector512.Create((ulong)key), (_odd >> 32) ^ other._odd ^ Vector512.Create((ulong)key));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<ulong> Product(Vector512<ulong> x, uint multiplier) => Avx512F.IsSupported
            ? Avx512F.Multiply(x.AsUInt32(), Vector512.Create(multiplier))
            : (x & Vector512.Create(0xFFFFFFFFul)) * Vector512.Create((ulong)multiplier);
    }
}
