using Polder.Noise;

namespace Polder.Tests.Noise;

public class PhiloxTests
{
    // The known answers that the authors of Philox publish with it (Random123, kat_vectors, philox4x32 of 10 rounds).
    [Theory]
    [InlineData(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Known_answers(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint x0, uint x1, uint x2, uint x3) =>
        Assert.Equal((x0, x1, x2, x3), Philox.Generate(c0, c1, c2, c3, k0, k1));

    public static TheoryData<ulong, long, long, int> Counters => new()
    {
        { 0, 0, 0, 0 },
        { ulong.MaxValue, 7, 3, 1 },
        { 0xa4093822299f31d0, 12345, 99, 2 },
        { 5, (1L << 28) - 1, 1L << 33, int.MaxValue }, // the last block of the low word, a step beyond it
        { 5, 1L << 28, 0, 0 },                          // the first block beyond the low word
    };

    [Theory, MemberData(nameof(Counters))]
    public void A_block_holds_the_words_of_its_lanes(ulong key, long block, long step, int draw)
    {
        var counter = new PhiloxCounter(block, step, draw);
        var (x0, x1, x2, x3) = Philox.GenerateBlock(key, counter);
        for (int lane = 0; lane < Philox.Lanes; lane++)
            Assert.Equal(Philox.GenerateLane(key, counter, lane), (x0[lane], x1[lane], x2[lane], x3[lane]));
    }

    [Fact]
    public void Every_part_of_the_counter_and_of_the_key_counts()
    {
        var counters = new[]
        {
            (0ul, new PhiloxCounter(0, 0, 0)), (1ul, new PhiloxCounter(0, 0, 0)), (1ul << 40, new PhiloxCounter(0, 0, 0)),
            (0ul, new PhiloxCounter(1, 0, 0)), (0ul, new PhiloxCounter(1L << 30, 0, 0)), (0ul, new PhiloxCounter(0, 1, 0)),
            (0ul, new PhiloxCounter(0, 1L << 32, 0)), (0ul, new PhiloxCounter(0, 0, 1)),
        };
        Assert.Equal(counters.Length * Philox.Lanes,
            counters.SelectMany(c => Enumerable.Range(0, Philox.Lanes).Select(l => Philox.GenerateLane(c.Item1, c.Item2, l))).Distinct().Count());
    }
}
