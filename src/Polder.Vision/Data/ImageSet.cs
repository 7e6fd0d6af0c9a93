namespace Polder.Vision.Data;

/// <summary>
/// Labelled images in memory, decoded once: bytes, planar (channel, row, column), all of one size. A set is immutable; subsets share the pixels.
/// </summary>
public sealed class ImageSet
{
    private readonly byte[][] _pixels;
    private readonly int[] _labels;
    private readonly string[]? _origins;

    /// <summary>Makes a set of given pixels, which it does not copy.</summary>
    /// <param name="pixels">An image an element: channels x height x width bytes, planar.</param>
    /// <param name="labels">The class of each image, 0 to classes - 1.</param>
    /// <param name="classes">The names of the classes.</param>
    /// <param name="channels">1 (gray) or 3 (RGB).</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="origins">Where each image came from (a path), for messages and reports; null: nothing to say.</param>
    /// <exception cref="ArgumentException">Counts or sizes do not fit, or a label is outside the classes.</exception>
    public ImageSet(
        IReadOnlyList<byte[]> pixels, IReadOnlyList<int> labels, IReadOnlyList<string> classes, int channels, int height, int width,
        IReadOnlyList<string>? origins = null)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentNullException.ThrowIfNull(classes);
        Require.That(channels is 1 or 3, channels, "1 (gray) or 3 (RGB)");
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (labels.Count != pixels.Count || (origins is not null && origins.Count != pixels.Count))
            throw new ArgumentException($"{pixels.Count} images, but {labels.Count} labels and {origins?.Count ?? pixels.Count} origins");
        int size = checked(channels * height * width);
        for (int i = 0; i < pixels.Count; i++)
        {
            if (pixels[i].Length != size)
                throw new ArgumentException($"image {i} has {pixels[i].Length} bytes; {channels} x {height} x {width} are {size}", nameof(pixels));
            if ((uint)labels[i] >= (uint)classes.Count)
                throw new ArgumentException($"image {i} has label {labels[i]}; there are {classes.Count} classes, 0 to {classes.Count - 1}", nameof(labels));
        }

        (_pixels, _labels, _origins) = ([.. pixels], [.. labels], origins is null ? null : [.. origins]);
        (Classes, Channels, Height, Width) = ([.. classes], channels, height, width);
    }

    private ImageSet(ImageSet from, byte[][] pixels, int[] labels, string[]? origins, IReadOnlyList<string> classes)
    {
        (_pixels, _labels, _origins) = (pixels, labels, origins);
        (Classes, Channels, Height, Width) = (classes, from.Channels, from.Height, from.Width);
    }

    /// <summary>Number of images.</summary>
    public int Count => _pixels.Length;

    /// <summary>The names of the classes; a label is an index into them.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>1 (gray) or 3 (RGB).</summary>
    public int Channels { get; }

    /// <summary>Rows of every image.</summary>
    public int Height { get; }

    /// <summary>Columns of every image.</summary>
    public int Width { get; }

    /// <summary>The class of each image.</summary>
    public IReadOnlyList<int> Labels => _labels;

    /// <summary>The pixels of an image: <see cref="Channels"/> planes of <see cref="Height"/> rows of <see cref="Width"/> bytes.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public ReadOnlySpan<byte> Pixels(int index) => _pixels[index];

    /// <summary>The same array for the same image in all subsets.</summary>
    internal byte[] Array(int index) => _pixels[index];

    /// <summary>Where an image came from: a path, or its number where nothing better is known.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public string Origin(int index) => _origins is null ? $"image {index}" : _origins[index];

    /// <summary>A hash of classes, labels and every pixel, in their order: what ranks of a job compare.</summary>
    public ulong ContentHash()
    {
        return RankAgreement.HashOf(Blocks());

        IEnumerable<ReadOnlyMemory<byte>> Blocks()
        {
            yield return System.Text.Encoding.UTF8.GetBytes(
                string.Join('\n', [$"{Channels} {Height} {Width}", .. Classes, .. _labels.Select(label => $"{label}")]));
            foreach (byte[] pixels in _pixels)
                yield return pixels;
        }
    }

    /// <summary>Number of images of each class.</summary>
    public IReadOnlyList<int> ClassCounts()
    {
        int[] counts = new int[Classes.Count];
        foreach (int label in _labels)
            counts[label]++;
        return counts;
    }

    /// <summary>The images of these indices, in this order; pixels are shared.</summary>
    /// <param name="indices">Indices into this set.</param>
    public ImageSet Subset(IReadOnlyList<int> indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        return new(
            this, [.. indices.Select(i => _pixels[i])], [.. indices.Select(i => _labels[i])],
            _origins is null ? null : [.. indices.Select(i => _origins[i])], Classes);
    }

    /// <summary>The images of this set, then those of another; pixels are shared.</summary>
    /// <param name="other">A set of the same classes and sizes.</param>
    /// <exception cref="ArgumentException">They differ.</exception>
    public ImageSet Then(ImageSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (!Classes.SequenceEqual(other.Classes) || (Channels, Height, Width) != (other.Channels, other.Height, other.Width))
            throw new ArgumentException("the sets have other classes or sizes", nameof(other));
        return new(
            this, [.. _pixels, .. other._pixels], [.. _labels, .. other._labels],
            [.. Enumerable.Range(0, Count).Select(Origin), .. Enumerable.Range(0, other.Count).Select(other.Origin)], Classes);
    }

    /// <summary>The images of some classes only, labelled anew 0, 1, ... in the order given.</summary>
    /// <param name="classes">Labels of this set, each once.</param>
    public ImageSet OfClasses(params IReadOnlyList<int> classes)
    {
        ArgumentNullException.ThrowIfNull(classes);
        int[] renamed = new int[Classes.Count];
        renamed.AsSpan().Fill(-1);
        for (int i = 0; i < classes.Count; i++)
        {
            if ((uint)classes[i] >= (uint)Classes.Count || renamed[classes[i]] >= 0)
                throw new ArgumentException($"class {classes[i]} is named twice or is not among 0 to {Classes.Count - 1}", nameof(classes));
            renamed[classes[i]] = i;
        }

        ImageSet chosen = Subset([.. Enumerable.Range(0, Count).Where(i => renamed[_labels[i]] >= 0)]);
        return new(
            chosen, chosen._pixels, [.. chosen._labels.Select(label => renamed[label])], chosen._origins, [.. classes.Select(c => Classes[c])]);
    }

    /// <summary>The same images with other names for the classes.</summary>
    /// <param name="classes">As many names as there are classes.</param>
    public ImageSet Renamed(IReadOnlyList<string> classes)
    {
        ArgumentNullException.ThrowIfNull(classes);
        return classes.Count == Classes.Count
            ? new(this, _pixels, _labels, _origins, [.. classes])
            : throw new ArgumentException($"{classes.Count} names for {Classes.Count} classes", nameof(classes));
    }

    /// <summary>The same images among more classes, or in another order of them.</summary>
    /// <param name="classes">The names.</param>
    /// <param name="places">Where each class of this set is among them.</param>
    internal ImageSet Among(IReadOnlyList<string> classes, int[] places) =>
        new(this, _pixels, [.. _labels.Select(label => places[label])], _origins, [.. classes]);

    /// <summary>The same images with other labels.</summary>
    internal ImageSet WithLabels(int[] labels) => new(this, _pixels, labels, _origins, Classes);

    /// <summary>
    /// Symmetric label noise, for studies: a share of the images, drawn by the seed, gets a label drawn evenly from the other classes. The same seed
    /// changes the same images, whatever the share: a smaller share is part of a larger one.
    /// </summary>
    /// <param name="share">The share of wrong labels, 0 to 1; its number of images is rounded.</param>
    /// <param name="seed">The seed.</param>
    public ImageSet WithLabelNoise(double share, long seed)
    {
        Require.Share(share);
        if (Classes.Count < 2)
            throw new InvalidOperationException("there is no other class to take a wrong label from");
        int[] labels = [.. _labels], order = [.. Enumerable.Range(0, Count)];
        new CounterRandom(seed, RandomPurpose.LabelNoise).Shuffle(order);
        foreach (int i in order.Take((int)Math.Round(share * Count, MidpointRounding.AwayFromZero)))
            labels[i] = (labels[i] + 1 + new CounterRandom(seed, RandomPurpose.LabelNoise, 1, i).Below(Classes.Count - 1)) % Classes.Count;
        return WithLabels(labels);
    }

    /// <summary>
    /// A few images of each class, drawn by the seed: the first <paramref name="count"/> of each class's order, so that a smaller draw of the same
    /// seed is part of a larger one. Images keep the set's order.
    /// </summary>
    /// <param name="count">Images of each class, 1 or more; a class that has fewer gives what it has.</param>
    /// <param name="seed">The seed.</param>
    public ImageSet PerClass(int count, long seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return Subset([.. Stratification.Orders(_labels, Classes.Count, seed).SelectMany(order => order.Take(count)).Order()]);
    }

    /// <summary>
    /// Images that stand for the set, drawn by the seed: of every class its share, up to one image, so that a mean over them estimates the mean over
    /// the set. They keep the set's order, and a smaller draw of the same seed is part of a larger one.
    /// </summary>
    /// <param name="count">The number of images, 1 or more; as many as there are, or more, is the set itself.</param>
    /// <param name="seed">The seed.</param>
    public ImageSet Sample(int count, long seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (count >= Count)
            return this;
        // The k-th of a class's n images comes when the (k - 1/2) / n-th part of all has been drawn.
        return Subset([.. Stratification.Orders(_labels, Classes.Count, seed)
            .SelectMany(order => order.Select((image, k) => (Image: image, At: (k + 0.5) / order.Length)))
            .OrderBy(i => i.At).ThenBy(i => _labels[i.Image]).Take(count).Select(i => i.Image).Order()]);
    }

    /// <summary>
    /// Every image as a training on this set with this augmentation and seed sees it in one epoch: for what is measured of augmented images over and over,
    /// on the same ones each time.
    /// </summary>
    /// <param name="augmentation">The augmentation.</param>
    /// <param name="seed">The seed of the training.</param>
    /// <param name="imageSize">The side of the square that the network sees; null: the set's own height and width.</param>
    /// <param name="epoch">The epoch, from 0.</param>
    /// <returns>A set of this size, in this set's order; a loader that augments this set gives the same images.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1 or above the images', or the epoch below 0.</exception>
    public ImageSet Augmented(Augmentation augmentation, long seed, int? imageSize = null, int epoch = 0)
    {
        Require.That(Enum.IsDefined(augmentation), augmentation, "none, flip, crop-flip or resized-crop");
        Require.That(imageSize is null || (imageSize >= 1 && imageSize <= Math.Min(Height, Width)), imageSize, $"1 to {Math.Min(Height, Width)}");
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        (int height, int width) = (imageSize ?? Height, imageSize ?? Width);
        var window = new AugmentedWindow(this, augmentation, seed, height, width);
        byte[][] pixels = new byte[Count][];
        for (int i = 0; i < pixels.Length; i++)
            window.Copy(epoch, i, _pixels[i], pixels[i] = new byte[Channels * height * width]);
        return new ImageSet(pixels, _labels, Classes, Channels, height, width, _origins);
    }

    /// <summary>
    /// Parts of as many images each, up to one, with the classes spread evenly over them: how a figure differs between the parts tells how far it
    /// depends on the choice of images.
    /// </summary>
    /// <param name="parts">The number of parts, 1 or more; as many as there are images where that is fewer.</param>
    /// <param name="seed">The seed.</param>
    public IReadOnlyList<ImageSet> Parts(int parts, long seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(parts, 1);
        int[] byClass = [.. Stratification.Orders(_labels, Classes.Count, seed).SelectMany(order => order)];
        parts = Math.Min(parts, byClass.Length);
        return [.. Enumerable.Range(0, parts).Select(part => Subset([.. byClass.Where((_, i) => i % parts == part).Order()]))];
    }

    /// <summary>A share of each class, drawn by the seed like <see cref="PerClass"/>; at least one image of a class that has any.</summary>
    /// <param name="fraction">Above 0, at most 1.</param>
    /// <param name="seed">The seed.</param>
    public ImageSet Fraction(double fraction, long seed)
    {
        Require.That(fraction is > 0 and <= 1, fraction, "above 0 and at most 1");
        return Subset(
        [
            .. Stratification.Orders(_labels, Classes.Count, seed)
                .SelectMany(order => order.Take(Math.Max(1, (int)Math.Round(fraction * order.Length, MidpointRounding.AwayFromZero)))).Order(),
        ]);
    }
}
