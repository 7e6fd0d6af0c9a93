namespace Polder.Vision.Data.Distortions;

/// <summary>
/// Random changes of a training image beyond its window: applied after crop and flip, in the order of the members here. Everything random is a
/// function of (seed, epoch, image), so a resumed run sees the same images.
/// </summary>
public sealed record Distortion
{
    /// <summary>The largest magnitude of <see cref="RandAugment"/>.</summary>
    public const int LargestMagnitude = 30;

    /// <summary>
    /// Brightness, contrast and saturation, in a random order, each by a factor drawn evenly from 1 - s to 1 + s: s of 0 (none, the default) to 1.
    /// Saturation leaves gray images as they are.
    /// </summary>
    public double ColorJitter { get; init => field = Require.Value(value, value is >= 0 and <= 1, "0 to 1"); }

    /// <summary>
    /// The hue, turned by a share of the color circle drawn evenly from -h to h: h of 0 (none, the default) to 0.5, half the circle either way,
    /// which is any color. It takes its place in the random order of <see cref="ColorJitter"/>; gray images stay as they are.
    /// </summary>
    public double HueJitter { get; init => field = Require.Value(value, value is >= 0 and <= 0.5, "0 to 0.5"); }

    /// <summary>
    /// Operations of RandAugment (Cubuk et al. 2020) on an image, drawn evenly from fourteen: identity, contrast stretched or equalised, rotation,
    /// shear and shift along both axes, brightness, color, contrast, sharpness, fewer bits, inverted highlights. 0 (default) to 14.
    /// </summary>
    public int RandAugment { get; init => field = Require.Value(value, value is >= 0 and <= 14, "0 to 14"); }

    /// <summary>How strong the operations of <see cref="RandAugment"/> are: 0 to 30, default 9.</summary>
    public int Magnitude { get; init => field = Require.Value(value, value is >= 0 and <= LargestMagnitude, $"0 to {LargestMagnitude}"); } = 9;

    /// <summary>
    /// The probability that a rectangle of the image is set to the mean (random erasing, Zhong et al. 2020): 2 to 33 % of the area, sides in a ratio
    /// of 0.3 to 3.3. 0 (default) to 1.
    /// </summary>
    public double Erasing { get; init => field = Require.Value(value, value is >= 0 and <= 1, "0 to 1"); }

    /// <summary>Whether pixels are changed before normalization.</summary>
    internal bool ChangesPixels => ColorJitter > 0 || HueJitter > 0 || RandAugment > 0;
}
