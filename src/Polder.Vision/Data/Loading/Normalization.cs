using System.Globalization;

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

    /// <summary>
    /// What a text says: <c>imagenet</c>, <c>none</c> (pixels from 0 to 1), or means and deviations as <c>0.5,0.5,0.5/0.5,0.5,0.5</c>; null for none
    /// of these.
    /// </summary>
    /// <param name="text">The text.</param>
    public static Normalization? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text is "imagenet" or "none")
            return text == "none" ? new([0], [1]) : ImageNet;
        float[][] parts = [.. text.Split('/').Select(part => part.Split(',').Select(Number).ToArray())];
        return parts is [var mean, var deviation] && mean.Length is 1 or 3 && mean.Length == deviation.Length
            && Array.TrueForAll(mean, float.IsFinite) && Array.TrueForAll(deviation, d => d > 0 && float.IsFinite(d)) ? new(mean, deviation) : null;

        static float Number(string word) => float.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) ? number : float.NaN;
    }

    /// <summary>The same for a network of so many channels: one mean and deviation hold for three, and ImageNet's has a form for gray.</summary>
    /// <exception cref="Settings.SettingException">There is none.</exception>
    internal Normalization For(int channels) => channels == Channels ? this
        : Equals(ImageNet) ? ImageNetGray
        : Channels == 1 ? new([.. Enumerable.Repeat(Mean[0], channels)], [.. Enumerable.Repeat(StandardDeviation[0], channels)])
        : throw new Settings.SettingException("normalize", $"{this}", "one mean and one deviation: the network takes gray images");

    /// <summary>Whether another normalization makes the same inputs.</summary>
    /// <param name="other">The other.</param>
    public bool Equals(Normalization? other) =>
        other is not null && Mean.SequenceEqual(other.Mean) && StandardDeviation.SequenceEqual(other.StandardDeviation);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Mean[0], StandardDeviation[0], Channels);

    /// <summary>As <see cref="Parse"/> reads it.</summary>
    public override string ToString() => $"{string.Join(',', Mean.Select(Text))}/{string.Join(',', StandardDeviation.Select(Text))}";

    private static string Text(float number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Mean of a channel, pixels scaled to 0..1.</summary>
    public IReadOnlyList<float> Mean { get; }

    /// <summary>Standard deviation of a channel, pixels scaled to 0..1.</summary>
    public IReadOnlyList<float> StandardDeviation { get; }

    /// <summary>Number of channels: 1 or 3.</summary>
    public int Channels => Mean.Count;
}
