namespace Polder.Cli.Measuring;

/// <summary>Which images a measurement is of.</summary>
/// <param name="Images">How many.</param>
/// <param name="Of">How many the part has.</param>
/// <param name="Seed">The seed that drew them; null where all are measured.</param>
/// <param name="ByClass">The images of each class, by its name.</param>
internal sealed record MeasuredSample(int Images, int Of, long? Seed, IReadOnlyDictionary<string, int> ByClass)
{
    /// <param name="images">The measured images.</param>
    /// <param name="all">How many the part has.</param>
    /// <param name="seed">The seed of the draw.</param>
    public static MeasuredSample Describe(ImageSet images, int all, long seed) => new(
        images.Count, all, images.Count < all ? seed : null, images.Classes.Zip(images.ClassCounts()).ToDictionary(c => c.First, c => c.Second));
}
