using Polder.Vision.Data;
using Polder.Vision.Data.Distortions;

namespace Polder.Vision.Tests.Data.Distortions;

public class PixelOperationTests
{
    private delegate void Operation(Span<byte> pixels);

    [Fact]
    public void Colors_change_as_worked_out_by_hand()
    {
        Assert.Equal([50, 100, 128], Apply([100, 200, 255], p => PixelOperations.Brightness(p, 0.5)));
        Assert.Equal([150, 255], Apply([100, 200], p => PixelOperations.Brightness(p, 1.5)));
        // The mean of 100 and 200 is 150.
        Assert.Equal([75, 225], Apply([100, 200], p => PixelOperations.Contrast(p, 1, 1.5)));
        // Gray of (200, 100, 0) is 0.299 * 200 + 0.587 * 100 = 118.5, rounded to the even 118.
        Assert.Equal([118, 118, 118], Apply([200, 100, 0], p => PixelOperations.Saturation(p, 3, 0)));
        Assert.Equal([0xF0, 0x10], Apply([0xFF, 0x1F], p => PixelOperations.Posterize(p, 4)));
        Assert.Equal([127, 127, 0], Apply([127, 128, 255], p => PixelOperations.Solarize(p, 128)));
        Assert.Equal([0, 128, 255], Apply([10, 60, 110], p => PixelOperations.AutoContrast(p, 1)));
        // The centre of a 3 x 3 image of ones around 14: (8 + 5 * 14) / 13 = 6 where the factor is 0.
        Assert.Equal(6, Apply([1, 1, 1, 1, 14, 1, 1, 1, 1], p => PixelOperations.Sharpness(p, 1, 3, 3, 0))[4]);
    }

    [Theory]
    [InlineData(1 / 3.0, new byte[] { 255, 0, 0 }, new byte[] { 0, 255, 0 })] // red to green
    [InlineData(-1 / 3.0, new byte[] { 255, 0, 0 }, new byte[] { 0, 0, 255 })] // and to blue
    [InlineData(0.5, new byte[] { 255, 0, 0 }, new byte[] { 0, 255, 255 })] // to its complement
    [InlineData(1 / 6.0, new byte[] { 0, 0, 255 }, new byte[] { 255, 0, 255 })] // blue over magenta
    // (200, 100, 50): value 200, chroma 150, hue 60 * 50 / 150 = 20 degrees.
    [InlineData(1 / 12.0, new byte[] { 200, 100, 50 }, new byte[] { 200, 175, 50 })] // 50 degrees: green is 50 + 150 * 50 / 60
    [InlineData(1 / 3.0, new byte[] { 200, 100, 50 }, new byte[] { 50, 200, 100 })] // 140 degrees: the channels change places
    [InlineData(0.5, new byte[] { 200, 100, 50 }, new byte[] { 50, 150, 200 })] // 200 degrees: green is 200 - 150 * 20 / 60
    [InlineData(-1 / 12.0, new byte[] { 200, 100, 50 }, new byte[] { 200, 50, 75 })] // -10 degrees: blue is 50 + 150 * 10 / 60
    [InlineData(0.3, new byte[] { 90, 90, 90 }, new byte[] { 90, 90, 90 })] // gray has no hue
    public void Hues_turn_as_worked_out_by_hand(double turn, byte[] color, byte[] expected)
    {
        Assert.Equal(expected, Apply(color, p => PixelOperations.Hue(p, 3, turn)));
        // A whole turn more or less is the same.
        Assert.Equal(expected, Apply(color, p => PixelOperations.Hue(p, 3, turn - 1)));
        Assert.Equal(expected, Apply(color, p => PixelOperations.Hue(p, 3, turn + 1)));
    }

    [Fact]
    public void Hue_jitter_draws_turns_evenly_up_to_its_strength_and_leaves_the_rest_alone()
    {
        double sum = 0, largest = 0;
        for (int i = 0; i < 1000; i++)
        {
            byte[] red = [255, 0, 0];
            var random = new CounterRandom(4, RandomPurpose.Distortion, 0, i);
            Distorter.ChangePixels(new Distortion { HueJitter = 0.1 }, ref random, red, 3, 1, 1);
            Assert.Equal(255, red[0]);
            Assert.Equal(0, Math.Min(red[1], red[2]));
            // Within a sixth of the circle of red, green (or blue) is 255 * 6 * turn.
            double turn = (red[1] - red[2]) / (255.0 * 6);
            Assert.InRange(turn, -0.1005, 0.1005);
            (sum, largest) = (sum + turn, Math.Max(largest, Math.Abs(turn)));
        }
        // Even on -0.1 to 0.1: a standard deviation of 0.0577, 0.0018 for the mean of 1000.
        Assert.InRange(sum / 1000, -0.007, 0.007);
        Assert.InRange(largest, 0.099, 0.1005);
    }

    [Fact]
    public void Hue_joins_the_other_colors_and_leaves_gray_images_alone()
    {
        byte[] image = [.. Enumerable.Range(0, 75).Select(i => (byte)(i * 37))], gray = [.. Enumerable.Range(0, 75).Select(i => (byte)(i / 3))];
        byte[] Jittered(byte[] of, int channels, Distortion distortion)
        {
            byte[] copy = [.. of];
            var random = new CounterRandom(4, RandomPurpose.Distortion, 0, 7);
            Distorter.ChangePixels(distortion, ref random, copy, channels, 5, 75 / 5 / channels);
            return copy;
        }
        byte[] plain = Jittered(image, 3, new Distortion { ColorJitter = 0.4 });
        Assert.NotEqual(image, plain);
        Assert.NotEqual(plain, Jittered(image, 3, new Distortion { ColorJitter = 0.4, HueJitter = 0.2 }));
        Assert.Equal(gray, Jittered(gray, 1, new Distortion { HueJitter = 0.5 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Distortion { HueJitter = 0.6 });
    }

    [Fact]
    public void A_factor_of_one_changes_nothing()
    {
        byte[] image = [.. Enumerable.Range(0, 75).Select(i => (byte)(i * 37))];
        foreach (Operation operation in (Operation[])
            [
                p => PixelOperations.Brightness(p, 1), p => PixelOperations.Contrast(p, 3, 1), p => PixelOperations.Saturation(p, 3, 1),
                p => PixelOperations.Hue(p, 3, 0),
                p => PixelOperations.Sharpness(p, 3, 5, 5, 1), p => PixelOperations.Posterize(p, 8), p => PixelOperations.Solarize(p, 256),
                p => AffineMap.Rotation(0).Apply(p, 3, 5, 5), p => AffineMap.Shift(0, 0).Apply(p, 3, 5, 5),
            ])
            Assert.Equal(image, Apply(image, operation));
    }

    [Fact]
    public void Equalising_spreads_the_values_evenly()
    {
        // Four values, each 255 times.
        byte[] image = [.. Enumerable.Range(0, 1020).Select(i => (byte)(10 * (i % 4 + 1)))];
        Assert.Equal([0, 85, 170, 255], Apply(image, p => PixelOperations.Equalize(p, 1)).Take(4));
        byte[] even = [.. Enumerable.Range(0, 512).Select(i => (byte)i)];
        Assert.Equal(even, Apply(even, p => PixelOperations.Equalize(p, 1)));
    }

    [Fact]
    public void Maps_move_pixels_where_they_should_be()
    {
        byte[] image = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        Assert.Equal([0, 1, 2, 0, 4, 5, 0, 7, 8], Apply(image, p => AffineMap.Shift(1, 0).Apply(p, 1, 3, 3)));
        Assert.Equal([0, 0, 0, 1, 2, 3, 4, 5, 6], Apply(image, p => AffineMap.Shift(0, 1).Apply(p, 1, 3, 3)));
        // A quarter anticlockwise: the right column becomes the upper row.
        Assert.Equal([3, 6, 9, 2, 5, 8, 1, 4, 7], Apply(image, p => AffineMap.Rotation(90).Apply(p, 1, 3, 3)));
        // The upper row looks one to the left of itself, the lower one to the right.
        Assert.Equal([0, 1, 2, 4, 5, 6, 8, 9, 0], Apply(image, p => AffineMap.ShearX(1).Apply(p, 1, 3, 3)));
    }

    [Fact]
    public void A_distorted_epoch_is_a_function_of_seed_epoch_and_image()
    {
        ImageSet set = Gradient(6);
        var options = new LoaderOptions
        {
            Seed = 3,
            BatchSize = 2,
            Shuffle = false,
            Augmentation = Augmentation.ResizedCropFlip,
            Distortion = new Distortion { ColorJitter = 0.4, HueJitter = 0.2, RandAugment = 2, Erasing = 0.5 },
        };
        float[] first = Pixels(new Loader(set, options), 4), again = Pixels(new Loader(set, options with { BatchSize = 5 }), 4);
        Assert.Equal(first, again);
        Assert.NotEqual(first, Pixels(new Loader(set, options), 5));
        Assert.NotEqual(first, Pixels(new Loader(set, options with { Seed = 4 }), 4));
        Assert.All(first, value => Assert.True(float.IsFinite(value)));
        // Evaluation sees the image as it is.
        Assert.Equal(Pixels(new Loader(set, new LoaderOptions { Shuffle = false }), 0), Pixels(new Loader(set, options).ForEvaluation(), 7));
    }

    [Fact]
    public void Erased_rectangles_are_mean_and_as_frequent_and_as_large_as_asked_for()
    {
        int erased = 0;
        for (int i = 0; i < 1000; i++)
        {
            float[] image = [.. Enumerable.Repeat(1f, 3 * 20 * 20)];
            var random = new CounterRandom(1, RandomPurpose.Distortion, 0, i);
            Distorter.Erase(0.25, ref random, image, 3, 20, 20);
            int count = image.Count(v => v == 0);
            Assert.Equal(0, count % 3);
            if (count == 0)
                continue;
            erased++;
            // Rounded sides: a little beyond 2 and 33 %.
            Assert.InRange(count / 3 / 400.0, 0.01, 0.4);
        }
        // 250 expected with a standard deviation of 13.7.
        Assert.InRange(erased, 190, 310);
    }

    [Fact]
    public void Resized_windows_lie_in_the_image_and_have_the_area_and_sides_asked_for()
    {
        for (int i = 0; i < 500; i++)
        {
            var random = new CounterRandom(2, RandomPurpose.Augmentation, 0, i);
            ResizedCrop crop = ResizedCrop.Of(ref random, 60, 80);
            Assert.True(crop.Top >= 0 && crop.Left >= 0 && crop.Top + crop.Height <= 60 && crop.Left + crop.Width <= 80);
            Assert.InRange(crop.Height * crop.Width / 4800.0, 0.23, 1);
            Assert.InRange((double)crop.Width / crop.Height, 0.72, 1.38);
        }
    }

    [Fact]
    public void The_whole_window_at_its_own_size_is_the_image()
    {
        byte[] image = [.. Enumerable.Range(0, 48).Select(i => (byte)(5 * i))], found = new byte[48];
        new ResizedCrop(0, 0, 6, 8).Resize(image, 8, found, 6, 8);
        Assert.Equal(image, found);
        byte[] part = new byte[6];
        new ResizedCrop(2, 3, 2, 3).Resize(image, 8, part, 2, 3);
        Assert.Equal([image[19], image[20], image[21], image[27], image[28], image[29]], part);
    }

    private static ImageSet Gradient(int count) => new(
        [.. Enumerable.Range(0, count).Select(i => Enumerable.Range(0, 3 * 16 * 16).Select(p => (byte)(p * (i + 3))).ToArray())],
        new int[count], ["a", "b"], 3, 16, 16);

    private static float[] Pixels(Loader loader, int epoch)
    {
        var all = new List<float>();
        foreach (Batch batch in loader.Epoch(epoch))
            all.AddRange(batch.Images.data<float>().ToArray());
        return [.. all];
    }

    private static byte[] Apply(byte[] image, Operation operation)
    {
        byte[] copy = [.. image];
        operation(copy);
        return copy;
    }
}
