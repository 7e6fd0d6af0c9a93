using System.Globalization;

namespace Polder.Vision.Data.Layouts;

/// <summary>
/// CUB-200-2011 (Wah et al. 2011): <c>images.txt</c> (<c>ID PATH</c>), <c>image_class_labels.txt</c> (<c>ID CLASS</c>), <c>train_test_split.txt</c>
/// (<c>ID 1</c> for training), <c>classes.txt</c> (<c>CLASS NAME</c>), images below <c>images/</c>.
/// </summary>
internal static class Cub
{
    public static ImageData Load(LayoutRequest request)
    {
        string root = Listed.Root(request.Folder, "train_test_split.txt", f => File.Exists(Path.Combine(f, "train_test_split.txt")), "CUB_200_2011");
        Dictionary<string, string> names = Table("classes.txt"), paths = Table("images.txt"), labels = Table("image_class_labels.txt"),
            parts = Table("train_test_split.txt");
        // Classes are numbered from 1, without gaps.
        string[] classes = [.. Enumerable.Range(1, names.Count).Select(c => names.TryGetValue(Text(c), out string? name)
            ? name
            : throw new DataException(Path.Combine(root, "classes.txt"), $"has {names.Count} classes, but none of number {c}"))];
        var train = new List<ListedImage>();
        var test = new List<ListedImage>();
        foreach ((string id, string path) in paths)
        {
            string label = Entry(labels, "image_class_labels.txt", id), part = Entry(parts, "train_test_split.txt", id);
            if (!int.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number < 1 || number > classes.Length)
                throw new DataException(Path.Combine(root, "image_class_labels.txt"), $"image {id} has class '{label}'; allowed are 1 to {classes.Length}");
            List<ListedImage> into = part switch
            {
                "1" => train,
                "0" => test,
                _ => throw new DataException(Path.Combine(root, "train_test_split.txt"), $"image {id} has '{part}'; allowed are 1 (train) and 0 (test)"),
            };
            into.Add(new ListedImage(Path.Combine(root, "images", path), number - 1));
        }
        return Listed.Decode(request, "cub200", classes, train, test: test);

        Dictionary<string, string> Table(string name)
        {
            var table = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach ((int line, string key, string value) in Listed.Pairs(Path.Combine(root, name)))
                if (!table.TryAdd(key, value))
                    throw new DataException(Path.Combine(root, name), $"line {line}: {key} comes twice");
            return table;
        }

        string Entry(Dictionary<string, string> table, string name, string id) =>
            table.TryGetValue(id, out string? value) ? value : throw new DataException(Path.Combine(root, name), $"lacks image {id} of images.txt");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
