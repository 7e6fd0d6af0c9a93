namespace Polder.Vision.Data.Pixels;

/// <summary>
/// The 256 values that a channel's pixels can take after normalization, computed in double precision: a look-up is as fast as the arithmetic.
/// </summary>
internal sealed class PixelTable
{
    private readonly float[] _values = new float[256];

    private PixelTable(double mean, double deviation)
    {
        for (int pixel = 0; pixel < 256; pixel++)
            _values[pixel] = (float)((pixel / 255.0 - mean) / deviation);
    }

    public float Black => _values[0];

    public static PixelTable[] Of(Normalization normalization) =>
        [.. normalization.Mean.Zip(normalization.StandardDeviation, (mean, deviation) => new PixelTable(mean, deviation))];

    public void Map(ReadOnlySpan<byte> pixels, Span<float> destination)
    {
        // Lengths are equal; the slice lets the compiler drop the bounds checks.
        float[] values = _values;
        destination = destination[..pixels.Length];
        for (int i = 0; i < pixels.Length; i++)
            destination[i] = values[pixels[i]];
    }
}

/// <summary>
/// Which window of the stored image the network sees: its upper left corner in the image's coordinates (negative: in the black frame), and whether
/// columns run backwards.
/// </summary>
internal readonly record struct Placement(int Top, int Left, bool Flip)
{
    /// <summary>The window of an image in an epoch.</summary>
    public static Placement Of(int height, int width, int cropHeight, int cropWidth, Augmentation augmentation, long seed, int epoch, int index)
    {
        var centre = new Placement((height - cropHeight) / 2, (width - cropWidth) / 2, false);
        if (augmentation == Augmentation.None)
            return centre;
        var random = new CounterRandom(seed, RandomPurpose.Augmentation, epoch, index);
        bool flip = (random.Next() & 1) != 0;
        if (augmentation == Augmentation.Flip)
            return centre with { Flip = flip };
        return new(Corner(ref random, height, cropHeight), Corner(ref random, width, cropWidth), flip);
    }

    /// <summary>Copies one channel's window, scaled; what lies outside the image is black (pixel 0).</summary>
    public void Write(ReadOnlySpan<byte> channel, int height, int width, Span<float> destination, int cropHeight, int cropWidth, PixelTable table)
    {
        for (int row = 0; row < cropHeight; row++)
        {
            Span<float> target = destination.Slice(row * cropWidth, cropWidth);
            int y = row + Top;
            if ((uint)y >= (uint)height)
            {
                target.Fill(table.Black);
                continue;
            }

            int first = Math.Clamp(-Left, 0, cropWidth), last = Math.Clamp(width - Left, first, cropWidth);
            target[..first].Fill(table.Black);
            target[last..].Fill(table.Black);
            table.Map(channel.Slice(y * width + Left + first, last - first), target[first..last]);
            if (Flip)
                target.Reverse();
        }
    }

    /// <summary>The same as bytes.</summary>
    public void Copy(ReadOnlySpan<byte> channel, int height, int width, Span<byte> destination, int cropHeight, int cropWidth)
    {
        int first = Math.Clamp(-Left, 0, cropWidth), last = Math.Clamp(width - Left, first, cropWidth);
        for (int row = 0; row < cropHeight; row++)
        {
            Span<byte> target = destination.Slice(row * cropWidth, cropWidth);
            int y = row + Top;
            target.Clear();
            if ((uint)y >= (uint)height)
                continue;
            channel.Slice(y * width + Left + first, last - first).CopyTo(target[first..last]);
            if (Flip)
                target.Reverse();
        }
    }

    private static int Corner(ref CounterRandom random, int side, int crop)
    {
        if (side > crop)
            return random.Below(side - crop + 1);
        int frame = Math.Max(1, crop / 8);
        return random.Below(2 * frame + 1) - frame;
    }
}
