using System.Security.Cryptography;

namespace Polder.Vision.Data;

/// <summary>An image that is in two parts of a data set, pixel by pixel, or in the training part under two labels.</summary>
/// <param name="Part">The part that should not know it: <c>validation</c> or <c>test</c>; <c>train</c> where it has two labels there.</param>
/// <param name="Origin">Where it came from there.</param>
/// <param name="SeenPart">The part that it is in, too: <c>train</c> or <c>validation</c>.</param>
/// <param name="SeenOrigin">Where it came from there.</param>
/// <param name="SameLabel">Whether both have the same label.</param>
public sealed record Duplicate(string Part, string Origin, string SeenPart, string SeenOrigin, bool SameLabel);

/// <summary>Finds images that leak from one part of a data set into another.</summary>
public static class Duplicates
{
    /// <summary>The number of images that equal an earlier one of the set, whatever their labels.</summary>
    /// <param name="images">The images.</param>
    public static int Count(ImageSet images)
    {
        ArgumentNullException.ThrowIfNull(images);
        return images.Count - Enumerable.Range(0, images.Count).Select(i => Hash(images, i)).Distinct().Count();
    }

    /// <summary>
    /// The images of the training part that equal an earlier one of it under another label, and those of the validation and test parts whose decoded
    /// pixels are also in an earlier part (training, then validation). Pixels are compared
    /// at the size at which they are stored: pictures that differ in their files but not there count, too.
    /// </summary>
    /// <param name="splits">The parts.</param>
    public static IReadOnlyList<Duplicate> Across(DataSplits splits)
    {
        ArgumentNullException.ThrowIfNull(splits);
        var seen = new Dictionary<string, (string Part, ImageSet Set, int Index)>(StringComparer.Ordinal);
        var found = new List<Duplicate>();
        foreach ((string part, ImageSet set) in ((string, ImageSet)[])[("train", splits.Train), ("validation", splits.Validation), ("test", splits.Test)])
        {
            for (int i = 0; i < set.Count; i++)
            {
                string hash = Hash(set, i);
                if (seen.TryAdd(hash, (part, set, i)))
                    continue;
                var (earlier, from, index) = seen[hash];
                // Copies within a part tell nothing about another; but no network can learn two labels of one image.
                if (earlier != part || (part == "train" && set.Labels[i] != from.Labels[index]))
                    found.Add(new Duplicate(part, set.Origin(i), earlier, from.Origin(index), set.Labels[i] == from.Labels[index]));
            }
        }
        return found;
    }

    /// <summary>The same data without images that equal an earlier one: of the training part, then of the validation part, then of the test part.</summary>
    /// <param name="data">The data.</param>
    /// <returns>The data, with a remark that says how many there were of each part; the same where there were none.</returns>
    public static ImageData WithoutDuplicates(this ImageData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        ImageSet train = Fresh(data.Train);
        ImageSet? validation = data.Validation is { } v ? Fresh(v) : null, test = data.Test is { } t ? Fresh(t) : null;
        (string Name, int Count)[] dropped =
        [
            ("training", data.Train.Count - train.Count),
            ("validation", (data.Validation?.Count ?? 0) - (validation?.Count ?? 0)),
            ("test", (data.Test?.Count ?? 0) - (test?.Count ?? 0)),
        ];
        if (dropped.All(part => part.Count == 0))
            return data;
        string words = string.Join(", ", dropped.Where(part => part.Count > 0).Select(part => $"{part.Count} of the {part.Name} part"));
        return data with
        {
            Train = train,
            Validation = validation,
            Test = test,
            Remarks = [.. data.Remarks, $"images that equal an earlier one are left out: {words}"],
        };

        ImageSet Fresh(ImageSet set)
        {
            int[] kept = [.. Enumerable.Range(0, set.Count).Where(i => seen.Add(Hash(set, i)))];
            return kept.Length == set.Count ? set : set.Subset(kept);
        }
    }

    private static string Hash(ImageSet set, int index) => Convert.ToHexString(SHA256.HashData(set.Pixels(index)));
}
