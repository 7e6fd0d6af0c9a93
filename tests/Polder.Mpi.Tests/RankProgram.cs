using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Polder.Testing;

namespace Polder.Mpi.Tests;

/// <summary>
/// The other life of the test program: one rank of a job, which writes what it came to into a folder. It runs before the program's own entry point, which
/// belongs to the test framework.
/// </summary>
internal static class RankProgram
{
    private const string FolderVariable = "POLDER_TEST_RANKS_FOLDER", SizeVariable = "POLDER_TEST_RANKS_SIZE";

    /// <summary>Starts a job and waits for it; the lines of each rank.</summary>
    public static (int ExitCode, string Error, string[][] Lines) Run(
        string launcher, int ranks, int? expected = null, string? library = null, TwoHosts? hosts = null)
    {
        string folder = Directory.CreateTempSubdirectory("polder-ranks-").FullName;
        try
        {
            ProcessStartInfo start = MpiLauncher.Command(launcher, ranks, Path.Combine(AppContext.BaseDirectory, "Polder.Mpi.Tests"));
            start.Environment[FolderVariable] = folder;
            start.Environment[SizeVariable] = $"{expected ?? ranks}";
            hosts?.Move(start);
            if (library is not null)
                start.Environment[MpiJob.LibraryVariable] = library;
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(TimeSpan.FromMinutes(2)))
            {
                process.Kill(entireProcessTree: true);
                Assert.Fail("the job does not end");
            }
            string[][] lines = [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(File.ReadAllLines)];
            return (process.ExitCode, error.Result + output.Result, lines);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What the trainings of a rank come to; on one process where there are no ranks.</summary>
    public static IEnumerable<string> Trainings(IRanks ranks)
    {
        foreach (IGradientMethod method in Training.Methods)
            foreach (int parts in (int[])[1, 3])
            {
                using var training = new Training(dropout: true);
                yield return $"{method.Name} {parts} {training.Run(method, ranks, new RankOptions { Reproducible = true, Parts = parts }).Bits}";
            }
    }

#pragma warning disable CA2255 // a module initializer is the one place before the test framework's Main
    [ModuleInitializer]
    internal static void Run()
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is not { Length: > 0 } folder)
            return;
        try
        {
            Threads.One();
            using MpiJob job = MpiJob.Start(int.Parse(Environment.GetEnvironmentVariable(SizeVariable)!, CultureInfo.InvariantCulture));
            File.WriteAllLines(Path.Combine(folder, $"{job.Rank:D3}"), [.. Collectives(job), .. Trainings(job)]);
        }
        catch (MpiException e)
        {
            Console.Error.WriteLine(e.Message);
            Environment.Exit(2);
        }
        Environment.Exit(0);
    }
#pragma warning restore CA2255

    /// <summary>Every operation with numbers whose outcome is known.</summary>
    private static IEnumerable<string> Collectives(MpiJob job)
    {
        int n = job.Size;
        // More than two chunks.
        float[] floats = [.. Enumerable.Range(0, 2_500_000).Select(i => (float)((i % 97) + job.Rank))];
        job.Sum(floats);
        yield return $"floats {floats.Index().All(v => v.Item == (n * (v.Index % 97)) + (n * (n - 1) / 2))}";
        double[] doubles = [job.Rank + 0.5, -1];
        job.Sum(doubles);
        yield return $"doubles {doubles[0] == (n * (n - 1) / 2) + (0.5 * n) && doubles[1] == -n}";
        ulong[] words = [(ulong)job.Rank, ~(ulong)job.Rank];
        job.Greatest(words);
        yield return $"greatest {words[0] == (ulong)(n - 1) && words[1] == ulong.MaxValue}";
        byte[] all = new byte[2 * n];
        job.Gather([(byte)job.Rank, 7], all);
        yield return $"gather {all.Index().All(v => v.Item == (v.Index % 2 == 0 ? v.Index / 2 : 7))}";
        byte[] parts = [.. Enumerable.Range(0, n).Select(to => (byte)((10 * job.Rank) + to))], received = new byte[n];
        job.Exchange(parts, received);
        yield return $"exchange {received.Index().All(v => v.Item == (10 * v.Index) + job.Rank)}";
        byte[] told = [(byte)(job.Rank + 1), 0];
        job.Broadcast(told, n - 1);
        yield return $"broadcast {told[0] == n && told[1] == 0}";
        yield return $"empty {Empty(job)}";
    }

    private static bool Empty(MpiJob job)
    {
        job.Sum(Span<float>.Empty);
        job.Gather([], []);
        return MemoryMarshal.AsBytes<double>([]).IsEmpty;
    }
}
