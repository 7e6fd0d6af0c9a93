namespace Polder.Vision.Data.Distortions;

/// <summary>Changes of colors, in place, on planar bytes of one or three channels. A factor of 1 leaves the image as it is.</summary>
internal static class PixelOperations
{
    /// <summary>Each value times the factor.</summary>
    public static void Brightness(Span<byte> pixels, double factor) => Blend(pixels, 0, factor);

    /// <summary>Away from or towards the image's mean gray.</summary>
    public static void Contrast(Span<byte> pixels, int channels, double factor)
    {
        int plane = pixels.Length / channels;
        double sum = 0;
        for (int i = 0; i < plane; i++)
            sum += Gray(pixels, channels, plane, i);
        Blend(pixels, Math.Round(sum / plane), factor);
    }

    /// <summary>Away from or towards each pixel's own gray; gray images stay.</summary>
    public static void Saturation(Span<byte> pixels, int channels, double factor)
    {
        if (channels == 1)
            return;
        int plane = pixels.Length / 3;
        for (int i = 0; i < plane; i++)
        {
            double gray = Math.Round(Gray(pixels, 3, plane, i));
            for (int c = 0; c < 3; c++)
                pixels[c * plane + i] = Byte(gray + factor * (pixels[c * plane + i] - gray));
        }
    }

    /// <summary>
    /// Turns each pixel's hue by a share of the color circle, a third of which leads from red to green; value and saturation (of HSV: the largest and
    /// the smallest channel) stay, and so do gray pixels and gray images.
    /// </summary>
    public static void Hue(Span<byte> pixels, int channels, double turn)
    {
        if (channels == 1)
            return;
        int plane = pixels.Length / 3;
        for (int i = 0; i < plane; i++)
        {
            int red = pixels[i], green = pixels[plane + i], blue = pixels[2 * plane + i];
            int value = Math.Max(red, Math.Max(green, blue)), chroma = value - Math.Min(red, Math.Min(green, blue));
            if (chroma == 0)
                continue;
            // The circle in sixths: red 0, green 2, blue 4.
            double hue = value == red ? (double)(green - blue) / chroma
                : value == green ? 2 + ((double)(blue - red) / chroma)
                : 4 + ((double)(red - green) / chroma);
            hue += 6 * turn;
            pixels[i] = Channel(hue + 5);
            pixels[plane + i] = Channel(hue + 3);
            pixels[2 * plane + i] = Channel(hue + 1);

            // A channel is at the value for a third of the circle, at the least for another, and between them on straight lines.
            byte Channel(double from)
            {
                double at = from - (6 * Math.Floor(from / 6));
                return Byte(value - (chroma * Math.Clamp(Math.Min(at, 4 - at), 0, 1)));
            }
        }
    }

    /// <summary>Away from or towards the image smoothed by the 3 x 3 kernel 1 1 1, 1 5 1, 1 1 1 over 13; the border stays.</summary>
    public static void Sharpness(Span<byte> pixels, int channels, int height, int width, double factor)
    {
        int plane = height * width;
        byte[] source = new byte[plane];
        for (int c = 0; c < channels; c++)
        {
            Span<byte> target = pixels.Slice(c * plane, plane);
            target.CopyTo(source);
            for (int y = 1; y < height - 1; y++)
            {
                for (int x = 1; x < width - 1; x++)
                {
                    int at = y * width + x, sum = 4 * source[at];
                    for (int dy = -width; dy <= width; dy += width)
                        sum += source[at + dy - 1] + source[at + dy] + source[at + dy + 1];
                    double smooth = Math.Round(sum / 13.0);
                    target[at] = Byte(smooth + factor * (source[at] - smooth));
                }
            }
        }
    }

    /// <summary>Keeps the highest bits of each value.</summary>
    public static void Posterize(Span<byte> pixels, int bits)
    {
        int mask = 0xFF << (8 - bits);
        foreach (ref byte value in pixels)
            value = (byte)(value & mask);
    }

    /// <summary>Inverts values at the threshold and above.</summary>
    public static void Solarize(Span<byte> pixels, double threshold)
    {
        foreach (ref byte value in pixels)
            value = value >= threshold ? (byte)(255 - value) : value;
    }

    /// <summary>Stretches each channel so that its darkest value becomes 0 and its lightest 255; a channel of one value stays.</summary>
    public static void AutoContrast(Span<byte> pixels, int channels)
    {
        int plane = pixels.Length / channels;
        for (int c = 0; c < channels; c++)
        {
            Span<byte> channel = pixels.Slice(c * plane, plane);
            byte low = 255, high = 0;
            foreach (byte value in channel)
                (low, high) = (Math.Min(low, value), Math.Max(high, value));
            if (high == low)
                continue;
            foreach (ref byte value in channel)
                value = Byte((value - low) * 255.0 / (high - low));
        }
    }

    /// <summary>Gives each channel values that are evenly frequent, as far as equal ones stay equal.</summary>
    public static void Equalize(Span<byte> pixels, int channels)
    {
        int plane = pixels.Length / channels;
        Span<int> counts = stackalloc int[256];
        Span<byte> table = stackalloc byte[256];
        for (int c = 0; c < channels; c++)
        {
            Span<byte> channel = pixels.Slice(c * plane, plane);
            counts.Clear();
            foreach (byte value in channel)
                counts[value]++;
            int last = 255;
            while (counts[last] == 0)
                last--;
            int step = (plane - counts[last]) / 255;
            if (step == 0)
                continue;
            int below = step / 2;
            for (int value = 0; value < 256; value++)
            {
                table[value] = (byte)Math.Min(255, below / step);
                below += counts[value];
            }
            foreach (ref byte value in channel)
                value = table[value];
        }
    }

    private static double Gray(ReadOnlySpan<byte> pixels, int channels, int plane, int i) =>
        channels == 1 ? pixels[i] : 0.299 * pixels[i] + 0.587 * pixels[plane + i] + 0.114 * pixels[2 * plane + i];

    private static void Blend(Span<byte> pixels, double other, double factor)
    {
        foreach (ref byte value in pixels)
            value = Byte(other + factor * (value - other));
    }

    private static byte Byte(double value) => (byte)Math.Clamp(Math.Round(value), 0, 255);
}
