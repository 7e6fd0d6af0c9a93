using System.Globalization;

namespace Polder.Vision.Data.Layouts;

/// <summary>
/// Retinal photographs with the five grades of diabetic retinopathy, 0 (none) to 4 (proliferative), in a csv of names and grades. APTOS 2019:
/// <c>train.csv</c> (<c>id_code,diagnosis</c>) and <c>train_images/ID.png</c>; the competition's own test part has no grades. Messidor-2
/// (Decenciere et al. 2014) with the adjudicated grades of Krause et al. 2018: <c>messidor_data.csv</c>; ungradable images are left out.
/// Neither has official parts: 60 % are for training, 20 % for validation, 20 % for testing, grade by grade.
/// </summary>
internal static class Retinopathy
{
    private const int Grades = 5;
    private static readonly Shares Parts = new(Validation: 0.2, Test: 0.2);
    private static readonly string[] Names = ["id_code", "image_id", "image"];
    private static readonly string[] GradeColumns = ["diagnosis", "adjudicated_dr_grade"];

    public static ImageData LoadAptos(LayoutRequest request)
    {
        string root = Listed.Root(request.Folder, "train.csv", f => File.Exists(Path.Combine(f, "train.csv")), "aptos2019-blindness-detection");
        return Load(request, "aptos2019", Path.Combine(root, "train.csv"), [Path.Combine(root, "train_images")]);
    }

    public static ImageData LoadMessidor(LayoutRequest request)
    {
        string root = Listed.Root(request.Folder, "messidor_data.csv", f => File.Exists(Path.Combine(f, "messidor_data.csv")), "messidor2", "messidor-2");
        string[] folders = [.. ((string[])["images", "IMAGES", Path.Combine("messidor-2", "preprocess"), "."]).Select(f => Path.Combine(root, f))
            .Where(Directory.Exists)];
        return Load(request, "messidor2", Path.Combine(root, "messidor_data.csv"), folders);
    }

    private static ImageData Load(LayoutRequest request, string name, string csv, string[] folders)
    {
        (int Line, List<string>? Fields)[] lines = [.. TextTable.Records(TextTable.ReadText(csv), ',')];
        string[] header = lines.Length == 0 ? [] : [.. (lines[0].Fields ?? []).Select(name => name.ToLowerInvariant())];
        int id = Array.FindIndex(header, Names.Contains), grade = Array.FindIndex(header, GradeColumns.Contains);
        int gradable = Array.IndexOf(header, "adjudicated_gradable");
        if (id < 0 || grade < 0)
            throw new DataException(csv,
                $"has the columns {string.Join(", ", header)}; one of {string.Join(", ", Names)} and one of {string.Join(", ", GradeColumns)} are needed");
        var images = new List<ListedImage>();
        foreach ((int number, List<string>? fields) in lines.Skip(1))
        {
            if (fields?.Count != header.Length)
                throw new DataException(csv, $"line {number} has {fields?.Count ?? 0} fields; {header.Length} are needed");
            if (gradable >= 0 && fields[gradable] is "0" or "0.0")
                continue;
            // Tables that went through a spreadsheet have 2.0 for 2.
            if (!double.TryParse(fields[grade], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value) || value != Math.Floor(value)
                || value >= Grades)
                throw new DataException(csv, $"line {number}: the grade is '{fields[grade]}'; allowed are 0 to {Grades - 1}");
            images.Add(new ListedImage(FileOf(csv, number, folders, fields[id]), (int)value));
        }
        string[] classes = [.. Enumerable.Range(0, Grades).Select(g => g.ToString(CultureInfo.InvariantCulture))];
        return Listed.Decode(request, name, classes, images) with { Rule = Parts };
    }

    // The table may say a file's name with its ending, with another one, or without.
    private static string FileOf(string csv, int line, string[] folders, string id)
    {
        string stem = ImageDecoder.Endings.Contains(Path.GetExtension(id)) ? Path.GetFileNameWithoutExtension(id) : id;
        foreach (string folder in folders)
        {
            string exact = Path.Combine(folder, id);
            if (File.Exists(exact))
                return exact;
            foreach (string ending in ImageDecoder.Endings)
                foreach (string spelled in (string[])[ending, ending.ToUpperInvariant()])
                    if (File.Exists(Path.Combine(folder, stem + spelled)))
                        return Path.Combine(folder, stem + spelled);
        }
        throw new DataException(csv, $"line {line}: there is no image '{id}' in {string.Join(", ", folders)}");
    }
}
