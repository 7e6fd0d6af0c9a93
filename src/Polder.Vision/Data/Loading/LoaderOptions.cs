namespace Polder.Vision.Data;

/// <summary>What happens to a training image before the network sees it.</summary>
public enum Augmentation
{
    /// <summary>Nothing: the centre of the image.</summary>
    None,

    /// <summary>A horizontal flip with probability 1/2.</summary>
    Flip,

    /// <summary>
    /// A random crop, then a flip with probability 1/2. Where the stored image is larger than the crop, the crop moves within it; otherwise it moves
    /// within the image framed by an eighth of its side of black on each edge (4 pixels at 32).
    /// </summary>
    CropFlip,

    /// <summary>
    /// A window of 25 to 100 % of the area, its sides in a ratio of 3/4 to 4/3, resized to the crop's size; then a flip with probability 1/2.
    /// </summary>
    ResizedCropFlip,
}

/// <summary>Which images an epoch takes.</summary>
public enum Sampling
{
    /// <summary>Every image once, in an order of the epoch's own.</summary>
    Shuffled,

    /// <summary>
    /// As many images in all, but equally many of each class, to one: a class's images come in an order of their own, again and again where the
    /// class is rare, and only some of them where it is frequent.
    /// </summary>
    Balanced,
}

/// <summary>How a <see cref="Loader"/> makes batches.</summary>
public sealed record LoaderOptions
{
    /// <summary>Images of a batch; the last batch of an epoch may be smaller. 1 or more, default 32.</summary>
    public int BatchSize { get; init => field = Require.Value(value, value >= 1, "an integer of at least 1"); } = 32;

    /// <summary>
    /// Whether a last batch of one image joins the batch before it, as in every training: the variance of one value, which BatchNorm would see in
    /// it, is not a number. Default false.
    /// </summary>
    public bool JoinLone { get; init; }

    /// <summary>The seed of order and augmentation. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>True (default): each epoch in an order of its own; false: in the set's order.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Which images an epoch takes where <see cref="Shuffle"/> is on. Default: every image once.</summary>
    public Sampling Sampling { get; init; }

    /// <summary>What is done to the images. Default none.</summary>
    public Augmentation Augmentation { get; init => field = Require.Value(value, Enum.IsDefined(value), "none, flip, crop-flip or resized-crop"); }

    /// <summary>What else is done to the images, after <see cref="Augmentation"/>. Default nothing.</summary>
    public Distortion Distortion { get; init; } = new();

    /// <summary>The side of the square that the network sees; at most the set's sides. Null (default): the set's own height and width.</summary>
    public int? ImageSize { get; init => field = Require.Value(value, value is null or >= 1, "an integer of at least 1"); }

    /// <summary>
    /// Mean and standard deviation, and by their number the channels of the batch: gray images are tripled for three, color is weighted down to one
    /// (ITU-R BT.601). Default <see cref="Data.Normalization.ImageNet"/>.
    /// </summary>
    public Normalization Normalization { get; init; } = Normalization.ImageNet;

    /// <summary>The form of the images of a batch. Default: float32, contiguous.</summary>
    public InputForm Form { get; init; }

    /// <summary>Batches made ahead. 1 or more, default 2.</summary>
    public int Prefetch { get; init => field = Require.Value(value, value >= 1, "an integer of at least 1"); } = 2;
}
