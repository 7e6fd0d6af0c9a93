using Polder.Parameters;
using Polder.Probes;

namespace Polder.Tests.Numerics;

public class SampleWalkTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 7)]
    [InlineData(513, 512)]
    [InlineData(1000, 512)]
    [InlineData(65535, 512)]
    [InlineData(65536, 512)]
    [InlineData(65536, 0)]
    public void A_walk_has_a_place_in_every_stretch_of_equal_length_and_each_stretch_once(int length, int samples)
    {
        var piece = new ParameterPieces.Piece(3, 0, 0, length);
        var walk = new SampleWalk(11, piece, samples);
        var places = new List<int>();
        while (walk.MoveNext())
        {
            long from = (long)length * walk.Index / samples, to = (long)length * (walk.Index + 1) / samples;
            Assert.Equal(to - from, walk.Length);
            Assert.InRange(walk.Place, from, to - 1);
            places.Add(walk.Place);
        }
        Assert.Equal(samples, places.Count);
        Assert.Equal(places, Places(11, piece, samples));
        if (samples > 0 && length >= 1000)
            Assert.NotEqual(places, Places(12, piece, samples));
    }

    private static List<int> Places(long step, ParameterPieces.Piece piece, int samples)
    {
        var places = new List<int>();
        for (var walk = new SampleWalk(step, piece, samples); walk.MoveNext();)
            places.Add(walk.Place);
        return places;
    }
}
