using System.Diagnostics;
using System.Text.Json;
using Polder.Checkpoints.IO;
using Polder.Curvature;
using Polder.Machine;
using TorchSharp;

namespace Polder.Benchmarks;

/// <summary>
/// Times variants in turn, round by round, so that a change of the machine's speed meets all of them; each round starts with another
/// variant, so that what one leaves behind (a cold cache, spinning threads) meets all of them, too.
/// </summary>
internal static class Interleaved
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private static readonly List<object> Tables = [];

    /// <summary>What was typed, for <see cref="Write"/>.</summary>
    public static string Command { get; set; } = "";

    /// <summary>Runs the variants and prints a Markdown table.</summary>
    /// <param name="title">The table's heading.</param>
    /// <param name="variants">The variants; the first is the reference of the ratios.</param>
    /// <param name="rounds">Rounds that count.</param>
    /// <param name="repeats">Calls of a variant in a round; the time is that of one.</param>
    /// <param name="warmup">Rounds that do not count.</param>
    /// <param name="processorTime">Whether the processor's time counts, which other programs disturb less: of all threads together.</param>
    public static void Compare(
        string title, IReadOnlyList<(string Name, Action Run)> variants, int rounds, int repeats = 1, int warmup = 2, bool processorTime = false)
    {
        Func<double> now = processorTime ? ProcessorMilliseconds : () => Stopwatch.GetTimestamp() * 1000.0 / Stopwatch.Frequency;
        var times = variants.Select(_ => new List<double>()).ToArray();
        for (int round = -warmup; round < rounds; round++)
        {
            for (int turn = 0; turn < variants.Count; turn++)
            {
                int v = (turn + round + warmup) % variants.Count;
                // Short variants run untimed first: their own data comes back into the cache.
                for (int r = 0; r < repeats / 2; r++)
                    variants[v].Run();
                double start = now();
                for (int r = 0; r < repeats; r++)
                    variants[v].Run();
                if (round >= 0)
                    times[v].Add((now() - start) / repeats);
            }
        }
        Tables.Add(new
        {
            title,
            unit = processorTime ? "ms of processor time" : "ms",
            variants = variants.Select((variant, v) => new
            {
                name = variant.Name,
                median = Median(times[v]),
                least = times[v].Min(),
                most = times[v].Max(),
                ratioToFirst = Median([.. times[v].Zip(times[0], (a, b) => a / b)]),
            }),
        });
        Console.WriteLine($"\n### {title}\n");
        Console.WriteLine($"| variant | {(processorTime ? "ms of processor time" : "ms")}, median (min to max) "
            + "| ratio to the first, median of the rounds | to the second |\n|---|---|---|---|");
        for (int v = 0; v < variants.Count; v++)
        {
            double first = Median([.. times[v].Zip(times[0], (a, b) => a / b)]), second = Median([.. times[v].Zip(times[1], (a, b) => a / b)]);
            Console.WriteLine($"| {variants[v].Name} | {Median(times[v]):F2} ({times[v].Min():F2} to {times[v].Max():F2}) | {first:F3} | {second:F3} |");
        }
    }

    /// <summary>Writes what was timed as JSON, with the machine and the command; nothing where no file is named.</summary>
    public static void Write(string? file)
    {
        if (file is not null)
        {
            AtomicFile.WriteText(file, JsonSerializer.Serialize(new
            {
                polder = typeof(Hessian).Assembly.GetName().Version?.ToString(3),
                command = Command,
                environment = new
                {
                    processor = ProcessorFacts.Name,
                    processors = Environment.ProcessorCount,
                    threads = torch.get_num_threads(),
                    dotnet = $"{Environment.Version}",
                    libtorch = NativeRuntime.LibTorchVersion,
                },
                tables = Tables,
            }, Indented));
        }
    }

    private static double ProcessorMilliseconds()
    {
        using Process process = Process.GetCurrentProcess();
        return process.TotalProcessorTime.TotalMilliseconds;
    }

    private static double Median(IReadOnlyList<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
