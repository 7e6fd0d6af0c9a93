namespace Polder.Vision.Data.Layouts;

/// <summary>
/// MIT Indoor-67 (Quattoni and Torralba 2009): <c>TrainImages.txt</c> and <c>TestImages.txt</c> with <c>CLASS/FILE</c> a line, images in
/// <c>Images/CLASS/FILE</c>. Classes are those of the training list, sorted by code points.
/// </summary>
internal static class Indoor
{
    public static ImageData Load(LayoutRequest request)
    {
        string root = Listed.Root(request.Folder, "TrainImages.txt", f => File.Exists(Path.Combine(f, "TrainImages.txt")), "indoorCVPR_09", "indoor67");
        string images = Path.Combine(root, "Images");
        (string Class, string File)[] train = Read("TrainImages.txt"), test = Read("TestImages.txt");
        string[] classes = [.. train.Select(line => line.Class).Distinct().Order(StringComparer.Ordinal)];
        return Listed.Decode(request, "indoor67", classes, Label(train), test: Label(test));

        (string, string)[] Read(string name)
        {
            string path = Path.Combine(root, name);
            return
            [
                .. Listed.Lines(path).Select(line => line.Text.Split('/') is [var category, _]
                    ? (category, Path.Combine(images, line.Text))
                    : throw new DataException(path, $"line {line.Number} is '{line.Text}'; CLASS/FILE is needed")),
            ];
        }

        ListedImage[] Label((string Class, string File)[] lines) =>
        [
            .. lines.Select(line => Array.BinarySearch(classes, line.Class, StringComparer.Ordinal) is var label and >= 0
                ? new ListedImage(line.File, label)
                : throw new DataException(Path.Combine(root, "TestImages.txt"), $"class '{line.Class}' has no image for training")),
        ];
    }
}
