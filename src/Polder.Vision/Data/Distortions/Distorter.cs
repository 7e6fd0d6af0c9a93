namespace Polder.Vision.Data.Distortions;

/// <summary>Draws and applies what a <see cref="Distortion"/> asks for, image by image.</summary>
internal static class Distorter
{
    private const int ErasingAttempts = 10;

    /// <summary>The operations of RandAugment.</summary>
    private enum Operation
    {
        Identity, AutoContrast, Equalize, Rotate, ShearX, ShearY, TranslateX, TranslateY, Brightness, Color, Contrast, Sharpness, Posterize, Solarize,
    }

    /// <summary>Changes the pixels of an image, planar bytes, in place.</summary>
    public static void ChangePixels(Distortion distortion, ref CounterRandom random, Span<byte> pixels, int channels, int height, int width)
    {
        if (distortion.ColorJitter > 0 || distortion.HueJitter > 0)
            Jitter(distortion, ref random, pixels, channels);
        for (int i = 0; i < distortion.RandAugment; i++)
            Apply((Operation)random.Below(14), distortion.Magnitude, ref random, pixels, channels, height, width);
    }

    /// <summary>Sets a random rectangle of a normalized image to 0, the mean.</summary>
    public static void Erase(double probability, ref CounterRandom random, Span<float> image, int channels, int height, int width)
    {
        if (!(random.Unit() < probability))
            return;
        for (int attempt = 0; attempt < ErasingAttempts; attempt++)
        {
            double area = height * width * (0.02 + (0.33 - 0.02) * random.Unit());
            // Evenly on a logarithmic scale, so that high and wide rectangles are equally frequent.
            double ratio = Math.Exp(Math.Log(0.3) + (Math.Log(3.3) - Math.Log(0.3)) * random.Unit());
            int rows = (int)Math.Round(Math.Sqrt(area * ratio)), columns = (int)Math.Round(Math.Sqrt(area / ratio));
            if (rows < 1 || columns < 1 || rows >= height || columns >= width)
                continue;
            int top = random.Below(height - rows + 1), left = random.Below(width - columns + 1);
            for (int c = 0; c < channels; c++)
                for (int y = top; y < top + rows; y++)
                    image.Slice((c * height + y) * width + left, columns).Clear();
            return;
        }
    }

    private static void Jitter(Distortion distortion, ref CounterRandom random, Span<byte> pixels, int channels)
    {
        // A hue that is off takes no random number: the other three are then what they are without it.
        Span<int> order = [0, 1, 2, 3];
        if (distortion.HueJitter <= 0)
            order = order[..3];
        random.Shuffle(order);
        foreach (int which in order)
        {
            double strength = which == 3 ? distortion.HueJitter : distortion.ColorJitter;
            double unit = random.Unit(), factor = 1 - strength + 2 * strength * unit;
            switch (which)
            {
                case 0:
                    PixelOperations.Brightness(pixels, factor);
                    break;
                case 1:
                    PixelOperations.Contrast(pixels, channels, factor);
                    break;
                case 2:
                    PixelOperations.Saturation(pixels, channels, factor);
                    break;
                default:
                    PixelOperations.Hue(pixels, channels, strength * (2 * unit - 1));
                    break;
            }
        }
    }

    // The ranges at the largest magnitude are those of the published policy's usual implementations: 30 degrees, a slope of 0.3, 45 % of the side,
    // factors of 1 +- 0.9, 4 bits less, the threshold down to 0.
    private static void Apply(Operation operation, int magnitude, ref CounterRandom random, Span<byte> pixels, int channels, int height, int width)
    {
        double strength = (double)magnitude / Distortion.LargestMagnitude;
        double signed = (random.Next() & 1) != 0 ? strength : -strength;
        switch (operation)
        {
            case Operation.AutoContrast:
                PixelOperations.AutoContrast(pixels, channels);
                break;
            case Operation.Equalize:
                PixelOperations.Equalize(pixels, channels);
                break;
            case Operation.Rotate:
                AffineMap.Rotation(30 * signed).Apply(pixels, channels, height, width);
                break;
            case Operation.ShearX:
                AffineMap.ShearX(0.3 * signed).Apply(pixels, channels, height, width);
                break;
            case Operation.ShearY:
                AffineMap.ShearY(0.3 * signed).Apply(pixels, channels, height, width);
                break;
            case Operation.TranslateX:
                AffineMap.Shift((int)(0.45 * signed * width), 0).Apply(pixels, channels, height, width);
                break;
            case Operation.TranslateY:
                AffineMap.Shift(0, (int)(0.45 * signed * height)).Apply(pixels, channels, height, width);
                break;
            case Operation.Brightness:
                PixelOperations.Brightness(pixels, 1 + 0.9 * signed);
                break;
            case Operation.Color:
                PixelOperations.Saturation(pixels, channels, 1 + 0.9 * signed);
                break;
            case Operation.Contrast:
                PixelOperations.Contrast(pixels, channels, 1 + 0.9 * signed);
                break;
            case Operation.Sharpness:
                PixelOperations.Sharpness(pixels, channels, height, width, 1 + 0.9 * signed);
                break;
            case Operation.Posterize:
                PixelOperations.Posterize(pixels, 8 - (int)Math.Round(4 * strength));
                break;
            case Operation.Solarize:
                PixelOperations.Solarize(pixels, 255 * (1 - strength));
                break;
            default:
                break;
        }
    }
}
