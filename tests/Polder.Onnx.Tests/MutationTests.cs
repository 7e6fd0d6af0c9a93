using System.Diagnostics;
using Polder.Testing;

namespace Polder.Onnx.Tests;

/// <summary>
/// Mutated files are read or refused, never anything else. A short run, of an export of ours, belongs to the tests; a long one, of files that others
/// wrote too, is started by <c>POLDER_FUZZ_FILES=100000 dotnet test --project tests/Polder.Onnx.Tests</c> (<c>POLDER_FUZZ_FIRST</c> is the first one's number).
/// </summary>
public sealed class MutationTests(ITestOutputHelper output) : IDisposable
{
    // What one file may make the reader allocate on the managed heap, and the time of the processor, whoever else uses it, after which it hangs: bounds
    // against bombs, not measures of speed.
    private const long MaximumAllocation = 256 << 20;
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-mutations-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Mutations_of_a_file_meet_only_our_exceptions()
    {
        bool isLong = long.TryParse(Environment.GetEnvironmentVariable("POLDER_FUZZ_FILES"), out long count);
        (byte[] Bytes, int[] Places)[] files = [.. (isLong ? Real() : [Export("digits-cnn")]).Select(f => (File.ReadAllBytes(f), StructureOf(f)))];
        string path = Path.Combine(_folder, "mutant.onnx");
        int read = 0, refused = 0, computed = 0;
        long largest = 0, slowest = 0, started = 0, startedAt = 0;
        string? what = null;
        using var watch = new Timer(_ =>
        {
            if (Volatile.Read(ref startedAt) > 0 && Environment.CpuUsage.TotalTime.Ticks - Volatile.Read(ref startedAt) > Longest.Ticks)
                Environment.FailFast($"{what} hangs");
        }, null, Longest, TimeSpan.FromSeconds(10));
        int first = int.TryParse(Environment.GetEnvironmentVariable("POLDER_FUZZ_FIRST"), out int given) ? given : 0;
        for (int i = first; i < first + (isLong ? count : 1000); i++)
        {
            (byte[] bytes, int[] places) = files[i % files.Length];
            File.WriteAllBytes(path, Mutated(bytes, places, new Random(i)));
            what = $"mutation {i}";
            long before = GC.GetAllocatedBytesForCurrentThread();
            Volatile.Write(ref startedAt, Environment.CpuUsage.TotalTime.Ticks);
            started = Stopwatch.GetTimestamp();
            try
            {
                HostileTests.Use(path, () => read++);
                computed++;
            }
            catch (OnnxException e)
            {
                Assert.True(e.Message.StartsWith(path, StringComparison.Ordinal) && !e.Message.Contains('\n'), $"{what}: {e.Message}");
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"{what}: {e}");
            }
            slowest = Math.Max(slowest, Stopwatch.GetTimestamp() - started);
            largest = Math.Max(largest, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.True(largest < MaximumAllocation, $"{what} takes {largest / 1e6:F0} MB");
        }
        output.WriteLine($"{refused + computed} mutations of {files.Length} file(s): {refused} refused ({refused + computed - read} as they were read), "
            + $"{computed} computed; at most {largest / 1e6:F1} MB managed and {Stopwatch.GetElapsedTime(0, slowest).TotalMilliseconds:F0} ms a file; "
            + $"peak working set {Process.GetCurrentProcess().PeakWorkingSet64 / 1e6:F0} MB");
        Assert.True(refused > 500 && read > 40 && computed > 10, $"{refused} refused, {read} read, {computed} computed");
    }

    // One to three changes; most leave the rest in its place, since after the others little is read.
    private static byte[] Mutated(byte[] bytes, int[] places, Random random)
    {
        for (int change = random.Next(1, 4); change > 0; change--)
        {
            int kind = random.Next(24);
            bytes = Mutation.Of(bytes, (MutationKind)(kind < 8 ? kind : kind % 2), places[random.Next(places.Length)], places[random.Next(places.Length)],
                (byte)random.Next(256));
        }
        return bytes;
    }

    // The weights are most of a file, and any bits are weights: what stands around them is what can be damaged, and the beginning of each weight.
    private static int[] StructureOf(string path)
    {
        byte[] whole = File.ReadAllBytes(path);
        using OnnxFile file = OnnxFile.Open(path);
        var taken = new bool[whole.Length];
        foreach (OnnxTensor constant in file.Model.Graph.Constants.Values.Where(c => c.Data.Length >= 32))
        {
            int at = whole.AsSpan().IndexOf(constant.Data.Span);
            if (at >= 0)
                taken.AsSpan(at + 4, constant.Data.Length - 4).Fill(true);
        }
        return [.. Enumerable.Range(0, whole.Length).Where(i => !taken[i])];
    }

    private string[] Real() =>
    [
        SharedFiles.Require("checkpoints", "onnx", "ppocr_cls.onnx"), SharedFiles.Require("checkpoints", "onnx", "exported", "shufflenet_v2.bn.onnx"),
        SharedFiles.Require("checkpoints", "onnx", "exported", "squeezenet1_1.eval.onnx"), Export("resnet20"),
    ];

    private string Export(string family)
    {
        using TrainedClassifier classifier = Networks.Make(family);
        string path = Path.Combine(_folder, $"{family}.onnx");
        OnnxExport.Write(classifier, path, new ExportOptions { Input = classifier.Network.Channels == 1 ? ImageInput.BytesNhwc : ImageInput.Pixels255 });
        return path;
    }
}
