namespace Polder.Vision.Data;

/// <summary>How images are brought into memory.</summary>
public sealed record ImageSourceOptions
{
    /// <summary>The side of the square that the network sees, in pixels: 1 to 4 096. Default 32.</summary>
    public int ImageSize { get; init => field = Require.Value(value, value is >= 1 and <= 4096, "1 to 4096 pixels"); } = 32;

    /// <summary>How pictures that are not square become so. Default: the centre square.</summary>
    public ImageFit Fit { get; init => field = Require.Value(value, Enum.IsDefined(value), "crop, letterbox or stretch"); }

    /// <summary>
    /// Whether the images are to be judged and not trained on: one class will then do, and a test part without a training part. Default: no.
    /// </summary>
    public bool ToJudge { get; init; }

    /// <summary>
    /// Pixels by which stored images are larger than <see cref="ImageSize"/>, for crops that move within the picture: 0 to 4 096. Default 0.
    /// Evaluation then sees the centre.
    /// </summary>
    public int Margin { get; init => field = Require.Value(value, value is >= 0 and <= 4096, "0 to 4096 pixels"); }

    /// <summary>
    /// True: files that cannot be decoded are left out and listed in <see cref="ImageData.Skipped"/>; false (default): they are an error that names them.
    /// </summary>
    public bool SkipUnreadable { get; init; }

    /// <summary>Threads that decode: 1 or more; null (default): one fewer than there are processors.</summary>
    public int? Threads { get; init => field = Require.Value(value, value is null or >= 1, "an integer of at least 1"); }

    /// <summary>The side of stored images: <see cref="ImageSize"/> + <see cref="Margin"/>.</summary>
    public int StoredSize => ImageSize + Margin;

    internal int DecodingThreads => Threads ?? Math.Max(1, Environment.ProcessorCount - 1);
}

/// <summary>How far decoding is.</summary>
/// <param name="Done">Images decoded.</param>
/// <param name="Total">Images to decode.</param>
public readonly record struct DecodingProgress(int Done, int Total);
