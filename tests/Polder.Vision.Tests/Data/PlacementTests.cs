using Polder.Vision.Data;

namespace Polder.Vision.Tests.Data;

public class PlacementTests
{
    private static readonly PixelTable Plain = PixelTable.Of(new Normalization([0], [1 / 255f]))[0];
    private static readonly byte[] Image = [1, 2, 3, 4, 5, 6, 7, 8, 9];

    [Theory]
    [InlineData(0, 0, false, new float[] { 1, 2, 4, 5 })]
    [InlineData(1, 1, false, new float[] { 5, 6, 8, 9 })]
    [InlineData(1, 1, true, new float[] { 6, 5, 9, 8 })]
    [InlineData(-1, -1, false, new float[] { 0, 0, 0, 1 })]
    [InlineData(-1, -1, true, new float[] { 0, 0, 1, 0 })]
    [InlineData(2, 2, false, new float[] { 9, 0, 0, 0 })]
    [InlineData(0, -2, false, new float[] { 0, 0, 0, 0 })]
    [InlineData(0, 3, true, new float[] { 0, 0, 0, 0 })]
    [InlineData(-5, 0, false, new float[] { 0, 0, 0, 0 })]
    public void A_window_of_a_3_by_3_image(int top, int left, bool flip, float[] expected)
    {
        float[] window = [-1, -1, -1, -1];
        new Placement(top, left, flip).Write(Image, 3, 3, window, 2, 2, Plain);
        for (int i = 0; i < 4; i++)
            Assert.Equal(expected[i], window[i], 1e-5f);
    }

    [Fact]
    public void Normalization_is_exact_to_float_for_every_pixel_value()
    {
        PixelTable[] tables = PixelTable.Of(Normalization.ImageNet);
        byte[] all = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        float[] values = new float[256];
        tables[1].Map(all, values);
        for (int i = 0; i < 256; i++)
            Assert.Equal((float)((i / 255.0 - (double)0.456f) / (double)0.224f), values[i]);
    }

    [Fact]
    public void Crops_reach_every_corner_equally_and_flips_are_half()
    {
        // Image 32, crop 32: corners -4 to 4 in both directions, 81 places, and a fair coin.
        const int Draws = 16200;
        var places = new Dictionary<(int, int), int>();
        int flips = 0;
        for (int i = 0; i < Draws; i++)
        {
            Placement placement = Placement.Of(32, 32, 32, 32, Augmentation.CropFlip, seed: 5, epoch: i / 100, index: i % 100);
            Assert.InRange(placement.Top, -4, 4);
            Assert.InRange(placement.Left, -4, 4);
            places[(placement.Top, placement.Left)] = places.GetValueOrDefault((placement.Top, placement.Left)) + 1;
            flips += placement.Flip ? 1 : 0;
        }

        Assert.Equal(81, places.Count);
        Assert.All(places.Values, n => Assert.InRange(n, 200 - 75, 200 + 75)); // expected 200, deviation 14: more than five of them
        Assert.InRange(flips, Draws / 2 - 320, Draws / 2 + 320); // deviation 64
    }

    [Fact]
    public void A_larger_stored_image_is_cropped_inside_and_evaluated_in_its_centre()
    {
        for (int i = 0; i < 200; i++)
        {
            Placement placement = Placement.Of(36, 40, 32, 32, Augmentation.CropFlip, 0, 0, i);
            Assert.InRange(placement.Top, 0, 4);
            Assert.InRange(placement.Left, 0, 8);
        }

        Assert.Equal(new Placement(2, 4, false), Placement.Of(36, 40, 32, 32, Augmentation.None, 0, 0, 7));
    }

    [Fact]
    public void Augmentation_is_a_function_of_seed_epoch_and_image()
    {
        Placement[] Places(long seed, int epoch) =>
            [.. Enumerable.Range(0, 50).Select(i => Placement.Of(32, 32, 32, 32, Augmentation.CropFlip, seed, epoch, i))];
        Assert.Equal(Places(1, 2), Places(1, 2));
        Assert.NotEqual(Places(1, 2), Places(1, 3));
        Assert.NotEqual(Places(1, 2), Places(2, 2));
        Assert.True(Places(1, 2).Distinct().Count() > 30);
    }
}
