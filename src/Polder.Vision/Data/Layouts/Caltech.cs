namespace Polder.Vision.Data.Layouts;

/// <summary>
/// Caltech-101 (Fei-Fei et al. 2004) and Caltech-256 (Griffin et al. 2007): a folder a class, no official parts; 30 images a class are for training,
/// 20 for validation, 20 for testing, as studies of fine-tuning cut it. The class of background or clutter is left out.
/// </summary>
internal static class Caltech
{
    private static readonly PerClassCounts Counts = new(Train: 30, Validation: 20, Test: 20);

    public static ImageData Load101(LayoutRequest request) => Load(request, "101_ObjectCategories", "BACKGROUND_Google");

    public static ImageData Load256(LayoutRequest request) => Load(request, "256_ObjectCategories", "257.clutter");

    private static ImageData Load(LayoutRequest request, string below, string leftOut)
    {
        string root = Listed.Root(
            request.Folder, below, f => Directory.GetDirectories(f).Length > 1 && !Directory.Exists(Path.Combine(f, below)), below,
            Path.Combine("caltech-101", below), Path.Combine("caltech256", below));
        ImageData data = ImageFolder.Load(root, request.Options, leftOut, request.Progress, request.Cancellation);
        return data with { Rule = Counts };
    }
}
