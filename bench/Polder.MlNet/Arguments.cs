using System.Globalization;

namespace Polder.MlNet;

/// <summary>What was typed.</summary>
internal sealed record Arguments(IReadOnlyList<string> Lists, IReadOnlyList<string> Runs, string? Train, string? Test, int Seed, string? Json)
{
    private const string Allowed = "--list FILE|DIR, --run DIR (each may come again), --train LIST --test LIST, --seed N, --json FILE";

    /// <summary>Reads pairs of name and value.</summary>
    /// <exception cref="ArgumentException">One is unknown, or there are no images.</exception>
    public static Arguments Of(string[] words)
    {
        List<string> lists = [], runs = [];
        string? train = null, test = null, json = null;
        int seed = 0;
        for (int i = 0; i < words.Length; i += 2)
        {
            string value = i + 1 < words.Length ? words[i + 1] : throw new ArgumentException($"{words[i]}: found nothing, allowed: {Allowed}");
            switch (words[i])
            {
                case "--list":
                    lists.AddRange(Directory.Exists(value) ? Directory.GetFiles(value, "*.csv").Order(StringComparer.Ordinal) : [value]);
                    break;
                case "--run":
                    runs.Add(value);
                    break;
                case "--train":
                    train = value;
                    break;
                case "--test":
                    test = value;
                    break;
                case "--json":
                    json = value;
                    break;
                case "--seed":
                    seed = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
                        : throw new ArgumentException($"--seed: found {value}, allowed: a whole number >= 0");
                    break;
                default:
                    throw new ArgumentException($"found {words[i]}, allowed: {Allowed}");
            }
        }
        return (train is null) == (test is null) && lists.Count + runs.Count + (train is null ? 0 : 1) > 0
            ? new Arguments(lists, runs, train, test, seed, json)
            : throw new ArgumentException($"found no images to train and test on, allowed: {Allowed}");
    }

    /// <summary>The images of every training that was asked for.</summary>
    public IReadOnlyList<ImagePart> Parts() =>
    [
        .. Lists.Select(list => ImagePart.OfList(list, list)), .. Runs.Select(ImagePart.OfRun),
        .. Train is null ? [] : (ImagePart[])[ImagePart.OfList(Train, Test!)],
    ];
}
