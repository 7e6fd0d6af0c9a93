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
    /// torchvision's ImageNet weights (its first edition, trained at 224 pixels after a resize to 256, which is what the architectures here expect):
    /// what <see cref="Architectures"/> names as published.
    /// </summary>
    public static IReadOnlyList<PublishedWeights> All { get; } =
    [
        .. Architectures.All.Where(a => a.Published is not null)
            .Select(a => new PublishedWeights(a.Name, a.Published!.Value.FileName, a.Published.Value.Summary)),
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
