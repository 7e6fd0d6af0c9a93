using System.Diagnostics;

namespace Polder.Benchmarks;

/// <summary>
/// Times variants in turn, round by round, so that a change of the machine's speed meets all of them; each round starts with another
/// variant, so that what one leaves behind (a cold cache, spinning threads) meets all of them, too.
/// </summary>
internal static class Interleaved
{
    /// <summary>Runs the variants and prints a Markdown table.</summary>
    /// <param name="title">The table's heading.</param>
    /// <param name="variants">The variants; the first is the reference of the ratios.</param>
    /// <param name="rounds">Rounds that count.</param>
    /// <param name="repeats">Calls of a variant in a round; the time is that of one.</param>
    /// <param name="warmup">Rounds that do not count.</param>
    public static void Compare(string title, IReadOnlyList<(string Name, Action Run)> variants, int rounds, int repeats = 1, int warmup = 2)
    {
        var times = variants.Select(_ => new List<double>()).ToArray();
        for (int round = -warmup; round < rounds; round++)
        {
            for (int turn = 0; turn < variants.Count; turn++)
            {
                int v = (turn + round + warmup) % variants.Count;
                // Short variants run untimed first: their own data comes back into the cache.
                for (int r = 0; r < repeats / 2; r++)
                    variants[v].Run();
                long start = Stopwatch.GetTimestamp();
                for (int r = 0; r < repeats; r++)
                    variants[v].Run();
                if (round >= 0)
                    times[v].Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds / repeats);
            }
        }
        Console.WriteLine($"\n### {title}\n");
        Console.WriteLine("| variant | ms, median (min to max) | ratio to the first, median of the rounds | to the second |\n|---|---|---|---|");
        for (int v = 0; v < variants.Count; v++)
        {
            double first = Median([.. times[v].Zip(times[0], (a, b) => a / b)]), second = Median([.. times[v].Zip(times[1], (a, b) => a / b)]);
            Console.WriteLine($"| {variants[v].Name} | {Median(times[v]):F2} ({times[v].Min():F2} to {times[v].Max():F2}) | {first:F3} | {second:F3} |");
        }
    }

    private static double Median(IReadOnlyList<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
