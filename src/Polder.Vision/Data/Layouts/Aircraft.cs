namespace Polder.Vision.Data.Layouts;

/// <summary>
/// FGVC-Aircraft (Maji et al. 2013): <c>data/variants.txt</c>, <c>data/images_variant_{train,val,test}.txt</c> with <c>ID VARIANT</c> a line, and
/// <c>data/images/ID.jpg</c>. The photographer's banner in the lowest 20 rows stays in the picture.
/// </summary>
internal static class Aircraft
{
    public static ImageData Load(LayoutRequest request)
    {
        string root = Listed.Root(
            request.Folder, "images_variant_train.txt", f => File.Exists(Path.Combine(f, "images_variant_train.txt")), "data",
            Path.Combine("fgvc-aircraft-2013b", "data"));
        string list = Path.Combine(root, "variants.txt");
        string[] classes = [.. Listed.Lines(list).Select(line => line.Text)];
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach ((int number, string name) in classes.Index())
            if (!numbers.TryAdd(name, number))
                throw new DataException(list, $"names '{name}' twice");
        return Listed.Decode(request, "aircraft", classes, Part("train"), Part("val"), Part("test"));

        ListedImage[] Part(string part)
        {
            string path = Path.Combine(root, $"images_variant_{part}.txt");
            return
            [
                .. Listed.Pairs(path).Select(line => numbers.TryGetValue(line.Value, out int label)
                    ? new ListedImage(Path.Combine(root, "images", line.Key + ".jpg"), label)
                    : throw new DataException(path, $"line {line.Number}: '{line.Value}' is no variant of {list}")),
            ];
        }
    }
}
