namespace Polder.Vision.Models.Weights;

/// <summary>A file of pre-trained weights that is published on the web.</summary>
/// <param name="Name">What the user calls it: the name of its architecture.</param>
/// <param name="FileName">
/// The published name, <c>ARCHITECTURE-HASH.pth</c>: the hash is the beginning, 8 hexadecimal digits or more, of the file's SHA-256.
/// </param>
/// <param name="Summary">What it was trained on and how well it does, as its publisher says.</param>
public sealed record PublishedWeights(string Name, string FileName, string Summary)
{
    /// <summary>Where torchvision's files are published.</summary>
    public static Uri TorchVision { get; } = new("https://download.pytorch.org/models/");

    /// <summary>
    /// torchvision's ImageNet weights (its first edition, trained at 224 pixels after a resize to 256, which is what the architectures here expect);
    /// accuracies are torchvision's own.
    /// </summary>
    public static IReadOnlyList<PublishedWeights> All { get; } =
    [
        new("resnet18", "resnet18-f37072fd.pth", "ImageNet-1K, 69.8 %"),
        new("resnet34", "resnet34-b627a593.pth", "ImageNet-1K, 73.3 %"),
        new("resnet50", "resnet50-0676ba61.pth", "ImageNet-1K, 76.1 %"),
        new("resnet101", "resnet101-63fe2227.pth", "ImageNet-1K, 77.4 %"),
        new("resnet152", "resnet152-394f9c45.pth", "ImageNet-1K, 78.3 %"),
        new("wide_resnet50_2", "wide_resnet50_2-95faca4d.pth", "ImageNet-1K, 78.5 %"),
        new("resnext50_32x4d", "resnext50_32x4d-7cdf4587.pth", "ImageNet-1K, 77.6 %"),
    ];

    /// <summary>The beginning of the file's SHA-256 that its name carries, lower case.</summary>
    /// <exception cref="FormatException">The name carries none.</exception>
    public string HashPrefix
    {
        get
        {
            string stem = Path.GetFileNameWithoutExtension(FileName);
            string hash = stem[(stem.LastIndexOf('-') + 1)..].ToLowerInvariant();
            return hash.Length >= 8 && hash.All(char.IsAsciiHexDigitLower)
                ? hash
                : throw new FormatException($"the file name {FileName} does not end in -HASH, 8 hexadecimal digits or more");
        }
    }

    /// <summary>The weights of that name; null where none is published.</summary>
    /// <param name="name">A name of <see cref="All"/>.</param>
    public static PublishedWeights? Find(string name) => All.FirstOrDefault(w => w.Name == name);
}
