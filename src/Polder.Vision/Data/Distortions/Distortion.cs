namespace Polder.Vision.Data.Distortions;

/// <summary>
/// Random changes of a training image beyond its window: applied after crop and flip, in the order of the members here. Everything random is a
/// function of (seed, epoch, image), so a resumed run sees the same images.
/// </summary>
public sealed record Distortion
{
    /// <summary>The largest magnitude of <see cref="RandAugment"/>.</summary>
    public const int LargestMagnitude = 30;

    private readonly double _jitter;
    private readonly double _hue;
    private readonly int _operations;
    private readonly int _magnitude = 9;
    private readonly double _erasing;

    /// <summary>
    /// Brightness, contrast and saturation, in a random order, each by a factor drawn evenly from 1 - s to 1 + s: s of 0 (none, the default) to 1.
    /// Saturation leaves gray images as they are.
    /// </summary>
    public double ColorJitter
    {
        get => _jitter;
        init => _jitter = value is >= 0 and <= 1 ? value : throw Range(nameof(ColorJitter), value, "0 to 1");
    }

    /// <summary>
    /// The hue, turned by a share of the color circle drawn evenly from -h to h: h of 0 (none, the default) to 0.5, half the circle either way,
    /// which is any color. It takes its place in the random order of <see cref="ColorJitter"/>; gray images stay as they are.
    /// </summary>
    public double HueJitter
    {
        get => _hue;
        init => _hue = value is >= 0 and <= 0.5 ? value : throw Range(nameof(HueJitter), value, "0 to 0.5");
    }

    /// <summary>
    /// Operations of RandAugment (Cubuk et al. 2020) on an image, drawn evenly from fourteen: identity, contrast stretched or equalised, rotation,
    /// shear and shift along both axes, brightness, color, contrast, sharpness, fewer bits, inverted highlights. 0 (default) to 14.
    /// </summary>
    public int RandAugment
    {
        get => _operations;
        init => _operations = value is >= 0 and <= 14 ? value : throw Range(nameof(RandAugment), value, "0 to 14");
    }

    /// <summary>How strong the operations of <see cref="RandAugment"/> are: 0 to 30, default 9.</summary>
    public int Magnitude
    {
        get => _magnitude;
        init => _magnitude = value is >= 0 and <= LargestMagnitude ? value : throw Range(nameof(Magnitude), value, $"0 to {LargestMagnitude}");
    }

    /// <summary>
    /// The probability that a rectangle of the image is set to the mean (random erasing, Zhong et al. 2020): 2 to 33 % of the area, sides in a ratio
    /// of 0.3 to 3.3. 0 (default) to 1.
    /// </summary>
    public double Erasing
    {
        get => _erasing;
        init => _erasing = value is >= 0 and <= 1 ? value : throw Range(nameof(Erasing), value, "0 to 1");
    }

    /// <summary>Whether pixels are changed before normalization.</summary>
    internal bool ChangesPixels => ColorJitter > 0 || HueJitter > 0 || RandAugment > 0;

    private static ArgumentOutOfRangeException Range(string name, object value, string allowed) =>
        new(name, value, $"{name} is {value}; allowed are {allowed}");
}
