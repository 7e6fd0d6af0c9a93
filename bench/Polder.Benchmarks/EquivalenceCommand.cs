using System.Text.Json;
using MathNet.Numerics.Distributions;
using Polder.Statistics;

namespace Polder.Benchmarks;

/// <summary>
/// The results of the study of docs/results/bf16.md, <c>SET-PRECISION-SEED.json</c> of <c>polder finetune --json</c>: bf16 against float32, paired by
/// seed, and two one-sided tests of equivalence (Schuirmann 1987).
/// </summary>
internal static class EquivalenceCommand
{
    private const double Margin = 0.5, Level = 0.05;

    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(arguments, "--runs");
        string folder = options.Path("--runs") ?? throw new ArgumentException("--runs: found nothing, allowed: a folder of results");
        Dictionary<(string Set, string Precision, int Seed), (double Accuracy, double Seconds)> runs = [];
        foreach (string file in Directory.EnumerateFiles(folder, "*-*-*.json").Order(StringComparer.Ordinal))
        {
            string[] parts = Path.GetFileNameWithoutExtension(file).Split('-');
            using var json = JsonDocument.Parse(File.ReadAllText(file));
            runs[(parts[0], parts[1], int.Parse(parts[2]))] =
                (json.RootElement.GetProperty("test").GetProperty("accuracy").GetDouble(), json.RootElement.GetProperty("secondsPerStep").GetDouble());
        }
        Console.WriteLine($"\n| set | pairs of seeds | float32, % | bf16, % | difference, points | 90 % interval | within +-{Margin} points | p |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (string set in runs.Keys.Select(k => k.Set).Distinct())
        {
            int[] seeds =
            [
                .. runs.Keys.Where(k => k.Set == set && k.Precision == "f32" && runs.ContainsKey((set, "bf16", k.Seed))).Select(k => k.Seed).Order(),
            ];
            if (seeds.Length < 2)
                continue;
            double[] Accuracies(string precision) => [.. seeds.Select(seed => 100 * runs[(set, precision, seed)].Accuracy)];
            double[] single = Accuracies("f32"), half = Accuracies("bf16");
            PairedDifference difference = PairedDifference.Of(half, single);
            double width = StudentT.InvCDF(0, 1, seeds.Length - 1, 1 - Level) * difference.StandardError;
            // The larger p of the two one-sided tests.
            double p = 1 - StudentT.CDF(0, 1, seeds.Length - 1, (Margin - Math.Abs(difference.Mean)) / difference.StandardError);
            (double low, double high) = (difference.Mean - width, difference.Mean + width);
            Console.WriteLine(FormattableString.Invariant($"| {set} | {seeds.Length} | {single.Average():F2} | {half.Average():F2} | {difference.Mean:F2} ")
                + FormattableString.Invariant($"| {low:F2} to {high:F2} | {(low > -Margin && high < Margin ? "yes" : "not shown")} | {p:F3} |"));
        }
    }
}
