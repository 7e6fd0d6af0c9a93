namespace Polder.Vision.Data.Pixels;

/// <summary>What the network sees of stored images: the window, its size and the flip that an augmentation draws, as bytes.</summary>
/// <param name="set">The images.</param>
/// <param name="augmentation">How the window is drawn.</param>
/// <param name="seed">The seed of the draw.</param>
/// <param name="height">Rows of the window.</param>
/// <param name="width">Columns of the window.</param>
internal sealed class AugmentedWindow(ImageSet set, Augmentation augmentation, long seed, int height, int width)
{
    /// <summary>Copies the window of an image in an epoch: all planes that the source has.</summary>
    /// <param name="epoch">The epoch.</param>
    /// <param name="index">The image's place in the set.</param>
    /// <param name="source">Planes of the stored image, each as large as the set's.</param>
    /// <param name="destination">As many planes of the window.</param>
    public void Copy(int epoch, int index, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        int plane = set.Height * set.Width, target = height * width;
        if (augmentation != Augmentation.ResizedCropFlip)
        {
            Placement placement = Placement.Of(set.Height, set.Width, height, width, augmentation, seed, epoch, index);
            for (int c = 0; c < source.Length / plane; c++)
                placement.Copy(source.Slice(c * plane, plane), set.Height, set.Width, destination.Slice(c * target, target), height, width);
            return;
        }
        var random = new CounterRandom(seed, RandomPurpose.Augmentation, epoch, index);
        bool flip = (random.Next() & 1) != 0;
        ResizedCrop crop = ResizedCrop.Of(ref random, set.Height, set.Width);
        for (int c = 0; c < source.Length / plane; c++)
        {
            Span<byte> output = destination.Slice(c * target, target);
            crop.Resize(source.Slice(c * plane, plane), set.Width, output, height, width);
            for (int y = 0; flip && y < height; y++)
                output.Slice(y * width, width).Reverse();
        }
    }
}
