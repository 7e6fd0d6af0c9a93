using System.Security.Cryptography;

namespace Polder.Vision.Data;

/// <summary>An image that is in two parts of a data set, pixel by pixel.</summary>
/// <param name="Part">The part that should not know it: <c>validation</c> or <c>test</c>.</param>
/// <param name="Origin">Where it came from there.</param>
/// <param name="SeenPart">The part that it is in, too: <c>train</c> or <c>validation</c>.</param>
/// <param name="SeenOrigin">Where it came from there.</param>
/// <param name="SameLabel">Whether both have the same label.</param>
public sealed record Duplicate(string Part, string Origin, string SeenPart, string SeenOrigin, bool SameLabel);

/// <summary>Finds images that leak from one part of a data set into another.</summary>
public static class Duplicates
{
    /// <summary>
    /// The images of the validation and test parts whose decoded pixels are also in an earlier part (training, then validation). Pixels are compared
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
                string hash = Convert.ToHexString(SHA256.HashData(set.Pixels(i)));
                if (seen.TryAdd(hash, (part, set, i)))
                    continue;
                var (earlier, from, index) = seen[hash];
                // Copies within a part tell nothing about another.
                if (earlier != part)
                    found.Add(new Duplicate(part, set.Origin(i), earlier, from.Origin(index), set.Labels[i] == from.Labels[index]));
            }
        }
        return found;
    }
}
