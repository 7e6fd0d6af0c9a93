namespace Polder.Vision.Data;

/// <summary>
/// How pixels become network inputs: <c>(pixel / 255 - mean) / standard deviation</c>, channel by channel.
/// </summary>
public sealed record Normalization
{
    /// <summary>ImageNet's statistics, RGB: what every built-in architecture uses unless its checkpoint says otherwise.</summary>
    public static Normalization ImageNet { get; } = new([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    /// <summary>ImageNet's statistics for one gray channel: the mean of the three.</summary>
    public static Normalization ImageNetGray { get; } = new([0.449f], [0.226f]);

    /// <summary>Makes a normalization.</summary>
    /// <param name="mean">Mean of a channel, pixels scaled to 0..1; one value (for gray) or three.</param>
    /// <param name="standardDeviation">Standard deviation of a channel, as many values, each above 0.</param>
    /// <exception cref="ArgumentException">The lengths differ or are not 1 or 3, or a value is not allowed.</exception>
    public Normalization(IReadOnlyList<float> mean, IReadOnlyList<float> standardDeviation)
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(standardDeviation);
        if (mean.Count is not (1 or 3) || standardDeviation.Count != mean.Count)
            throw new ArgumentException($"mean has {mean.Count} values and standard deviation {standardDeviation.Count}; allowed are 1 and 1, or 3 and 3");
        if (mean.Any(m => !float.IsFinite(m)))
            throw new ArgumentException("a mean is not a finite number", nameof(mean));
        if (standardDeviation.Any(s => !(s > 0) || !float.IsFinite(s)))
            throw new ArgumentException($"standard deviations are {string.Join(", ", standardDeviation)}; each must be above 0", nameof(standardDeviation));
        (Mean, StandardDeviation) = ([.. mean], [.. standardDeviation]);
    }

    /// <summary>Mean of a channel, pixels scaled to 0..1.</summary>
    public IReadOnlyList<float> Mean { get; }

    /// <summary>Standard deviation of a channel, pixels scaled to 0..1.</summary>
    public IReadOnlyList<float> StandardDeviation { get; }

    /// <summary>Number of channels: 1 or 3.</summary>
    public int Channels => Mean.Count;
}
