using Polder.Vision.Data;

namespace Polder.Vision.Tests.Data;

public class ResamplerTests
{
    [Fact]
    public void Halving_weights_four_pixels_by_the_widened_triangle()
    {
        // 1 x 4 to 1 x 2 by hand: support 2, centres 1 and 3. At centre 1 the pixels' distances are .5 .5 1.5: weights 3/4, 3/4, 1/4 over 7/4.
        Assert.Equal(Bytes((3 * 0 + 3 * 70 + 1 * 140) / 7.0, (1 * 70 + 3 * 140 + 3 * 210) / 7.0), Row([0, 70, 140, 210], 2));
    }

    [Fact]
    public void Doubling_interpolates_between_neighbours_and_holds_the_border()
    {
        // Centres at -0.25 (border), 0.25, 0.75, 1.25 (border) of pixels 0 and 1.
        Assert.Equal(Bytes(0, 25, 75, 100), Row([0, 100], 4));
    }

    [Theory]
    [InlineData(37, 61, 16)]
    [InlineData(200, 133, 64)]
    [InlineData(5, 9, 32)]
    public void A_constant_image_stays_constant(int height, int width, int side)
    {
        byte[] image = new byte[height * width];
        Array.Fill(image, (byte)201);
        Assert.All(Resampler.Square(image, 1, height, width, side), p => Assert.Equal(201, p));
    }

    [Fact]
    public void A_window_equals_the_same_part_of_the_whole_and_a_naive_implementation()
    {
        const int Height = 97, Width = 141, To = 40, ToWidth = 58;
        byte[] image = new byte[Height * Width];
        new Random(1).NextBytes(image);
        byte[] window = new byte[30 * 20];
        Resampler.Resize(image, Width, new Resampler.Filter(Height, To, 5, 30), new Resampler.Filter(Width, ToWidth, 11, 20), window);
        for (int y = 0; y < 30; y++)
        {
            for (int x = 0; x < 20; x++)
            {
                double value = 0;
                double[] rows = Triangle(Height, To, y + 5), columns = Triangle(Width, ToWidth, x + 11);
                for (int i = 0; i < Height; i++)
                    for (int j = 0; j < Width; j++)
                        value += rows[i] * columns[j] * image[i * Width + j];
                Assert.InRange(window[y * 20 + x], Math.Floor(value + 0.499), Math.Floor(value + 0.501)); // float32 sums may fall either side of a half
            }
        }
    }

    [Theory]
    [InlineData(375, 500, 256, 256, 341)] // torchvision's Resize(256) of a 500 x 375 photograph
    [InlineData(500, 375, 256, 341, 256)]
    [InlineData(10, 10, 32, 32, 32)]
    [InlineData(1, 3000, 4, 4, 12000)]
    public void The_shorter_side_becomes_the_side(int height, int width, int side, int toHeight, int toWidth) =>
        Assert.Equal((toHeight, toWidth), Resampler.ShorterSide(height, width, side));

    [Fact]
    public void The_square_is_cut_in_the_centre_plane_by_plane()
    {
        // 2 x 6, side 2: no scaling, columns 2 and 3.
        byte[] image = [.. Enumerable.Range(0, 24).Select(i => (byte)i)];
        Assert.Equal([2, 3, 8, 9, 14, 15, 20, 21], Resampler.Square(image, 2, 2, 6, 2));
    }

    [Fact]
    public void A_letterbox_has_the_whole_picture_in_the_middle_of_black()
    {
        // 2 x 6, side 6: no scaling, rows 2 and 3; upright, columns 2 and 3.
        byte[] image = [.. Enumerable.Range(1, 24).Select(i => (byte)i)], black = new byte[12];
        Assert.Equal([.. black, .. image[..12], .. black, .. black, .. image[12..], .. black], Resampler.Square(image, 2, 2, 6, 6, ImageFit.Letterbox));
        byte[] upright = Resampler.Square(image, 1, 12, 2, 12, ImageFit.Letterbox);
        for (int y = 0; y < 12; y++)
            Assert.Equal([0, 0, 0, 0, 0, image[2 * y], image[2 * y + 1], 0, 0, 0, 0, 0], upright[(12 * y)..(12 * y + 12)]);
        // 4 x 8 to 4: halved, as a crop of the same picture between two black halves would be.
        byte[] random = new byte[32];
        new Random(2).NextBytes(random);
        byte[] halved = new byte[8];
        Resampler.Resize(random, 8, new Resampler.Filter(4, 2, 0, 2), new Resampler.Filter(8, 4, 0, 4), halved);
        Assert.Equal([0, 0, 0, 0, .. halved, 0, 0, 0, 0], Resampler.Square(random, 1, 4, 8, 4, ImageFit.Letterbox));
        // So long that its shorter side vanishes: a line is left.
        Assert.Equal(4, Resampler.Square([.. Enumerable.Repeat((byte)9, 3000)], 1, 1, 3000, 4, ImageFit.Letterbox).Count(pixel => pixel == 9));
    }

    [Fact]
    public void A_stretched_picture_has_each_axis_by_itself()
    {
        const int Height = 5, Width = 9, Side = 4;
        byte[] image = new byte[Height * Width];
        new Random(3).NextBytes(image);
        byte[] square = Resampler.Square(image, 1, Height, Width, Side, ImageFit.Stretch);
        for (int y = 0; y < Side; y++)
        {
            for (int x = 0; x < Side; x++)
            {
                double[] rows = Triangle(Height, Side, y), columns = Triangle(Width, Side, x);
                double value = Enumerable.Range(0, Height * Width).Sum(i => rows[i / Width] * columns[i % Width] * image[i]);
                Assert.InRange(square[y * Side + x], Math.Floor(value + 0.499), Math.Floor(value + 0.501));
            }
        }
    }

    [Fact]
    public void A_square_picture_is_the_same_in_every_fit()
    {
        byte[] image = new byte[3 * 20 * 20];
        new Random(4).NextBytes(image);
        foreach (int side in (int[])[7, 20, 33])
            foreach (ImageFit fit in Enum.GetValues<ImageFit>())
                Assert.Equal(Resampler.Square(image, 3, 20, 20, side), Resampler.Square(image, 3, 20, 20, side, fit));
    }

    private static double[] Triangle(int input, int output, int position)
    {
        double scale = (double)input / output, support = Math.Max(1, scale), centre = (position + 0.5) * scale;
        double[] weights = [.. Enumerable.Range(0, input).Select(k => Math.Max(0, 1 - Math.Abs(k + 0.5 - centre) / support))];
        return [.. weights.Select(w => w / weights.Sum())];
    }

    private static byte[] Row(byte[] row, int to)
    {
        byte[] output = new byte[to];
        Resampler.Resize(row, row.Length, new Resampler.Filter(1, 1, 0, 1), new Resampler.Filter(row.Length, to, 0, to), output);
        return output;
    }

    private static byte[] Bytes(params double[] values) => [.. values.Select(v => (byte)Math.Floor(v + 0.5))];
}
