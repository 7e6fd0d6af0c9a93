using System.Diagnostics;
using System.IO.Compression;
using CsCheck;
using Polder.Testing;
using static Polder.Checkpoints.Tests.Fixtures;

namespace Polder.Checkpoints.Tests;

/// <summary>
/// Mutated files are read or refused, never anything else. A short run belongs to the tests; a long one is started by
/// <c>POLDER_FUZZ_FILES=100000 dotnet test --project tests/Polder.Checkpoints.Tests</c> (and <c>CsCheck_Seed</c> repeats a failing case).
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output) : IDisposable
{
    // What a file of at most 64 KiB may make the reader allocate on the managed heap: the bound of the pickle's operations, not a measure of speed.
    private const long MaximumAllocation = 256 << 20;

    // Whole files, and the pickles inside the zip archives: a change there would otherwise mostly end at the archive's own checks.
    private static readonly Seed[] Seeds =
        [.. OwnFiles().Concat(Corpus.SmallFiles(1 << 16)).SelectMany(file => new[] { new Seed(file, bytes => bytes), InnerPickle(file) }).OfType<Seed>()];

    private readonly TemporaryFolder _folder = new();

    private sealed record Seed(byte[] Bytes, Func<byte[], byte[]> Wrap);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_mutated_file_is_read_or_refused()
    {
        long files = long.TryParse(Environment.GetEnvironmentVariable("POLDER_FUZZ_FILES"), out long wanted) ? wanted : 1500;
        Gen<(MutationKind, double, double, byte)> mutation = Gen.Select(
            // Changes in place come more often than those that shift or cut the rest, after which little is read.
            Gen.Int[0, 19].Select(k => k < 8 ? (MutationKind)k : (MutationKind)(k % 2)), Gen.Double.Unit, Gen.Double.Unit, Gen.Byte,
            (kind, at, other, value) => (kind, at, other, value));
        string path = _folder.File("mutant");
        using TorchSharp.torch.Tensor warm = TorchSharp.torch.zeros(1); // the first tensor loads libtorch
        int read = 0, refused = 0;
        long largest = 0, slowest = 0;
        Gen.Select(Gen.Int[0, Seeds.Length - 1], mutation.Array[1, 3]).Sample(
            (seed, mutations) =>
            {
                byte[] bytes = Seeds[seed].Bytes;
                foreach ((MutationKind kind, double at, double other, byte value) in mutations)
                    bytes = Mutate(bytes, kind, at, other, value);
                File.WriteAllBytes(path, Seeds[seed].Wrap(bytes));
                long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
                try
                {
                    using Checkpoint checkpoint = Checkpoint.Load(path);
                    foreach (TorchSharp.torch.Tensor tensor in checkpoint.Tensors.Values)
                    {
                        // Whatever was accepted must be there to its last byte.
                        using TorchSharp.torch.Tensor copy = tensor.clone();
                    }
                    read++;
                }
                catch (CheckpointException e)
                {
                    Assert.Equal(path, e.Path);
                    refused++;
                }
                long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                (largest, slowest) = (Math.Max(largest, allocated), Math.Max(slowest, Stopwatch.GetTimestamp() - start));
                return allocated < MaximumAllocation;
            },
            iter: files, threads: 1);
        output.WriteLine($"{read} read, {refused} refused; at most {largest / 1e6:F1} MB managed and "
            + $"{Stopwatch.GetElapsedTime(0, slowest).TotalMilliseconds:F0} ms a file; "
            + $"peak working set {Process.GetCurrentProcess().PeakWorkingSet64 / 1e6:F0} MB");
        Assert.True(read > 0 && refused > 0);
    }

    private static byte[] Mutate(byte[] bytes, MutationKind kind, double at, double other, byte value)
    {
        // Half of all places are in the first 512 bytes, where headers and pickles are.
        int i = (int)(at < 0.5 ? at * 2 * Math.Min(bytes.Length, 512) : ((at - 0.5) * 2 * bytes.Length));
        return Mutation.Of(bytes, kind, Math.Clamp(i, 0, Math.Max(0, bytes.Length - 1)), (int)(other * bytes.Length), value);
    }

    private static Seed? InnerPickle(byte[] file)
    {
        if (!file.AsSpan().StartsWith("PK"u8))
            return null;
        using ZipArchive zip = new(new MemoryStream(file));
        (string Name, byte[] Bytes)[] entries = [.. zip.Entries.Select(entry =>
        {
            using MemoryStream content = new();
            using Stream stream = entry.Open();
            stream.CopyTo(content);
            return (entry.FullName, content.ToArray());
        })];
        int pickle = Array.FindIndex(entries, e => e.Name.EndsWith("data.pkl", StringComparison.Ordinal));
        return pickle < 0 ? null : new Seed(entries[pickle].Bytes, bytes => Zip(CompressionLevel.NoCompression,
            [.. entries.Select((e, i) => i == pickle ? (e.Name, bytes) : e)]));
    }

    private static IEnumerable<byte[]> OwnFiles()
    {
        byte[] root = Dictionary(
            ("state_dict", Dictionary(
                ("module.a", Tensor("FloatStorage", "0", 4, 0, [2, 2], [1, 2])),
                ("module.b", Tensor("BoolStorage", "1", 3, 0, [3], [1])))),
            ("epoch", Int(3)));
        yield return Legacy(root, ("0", 4, Floats(1, 2, 3, 4)), ("1", 3, [0, 1, 1]));
        yield return PyTorchZip(root, ("0", Floats(1, 2, 3, 4)), ("1", [0, 1, 1]));
        yield return Safetensors("""{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"__metadata__":{"k":"v"}}""", Floats(1, 2, 3, 4));
        yield return Npy("<f4", true, "(2, 2)", Floats(1, 2, 3, 4));
        yield return Zip(CompressionLevel.Optimal, ("x.npy", Npy("<i8", false, "(64,)", new byte[512])), ("y.npy", Npy("|b1", false, "(2,)", [0, 1])));
        yield return Tar(
            ("storages", Join(Pickle(Int(1)), Pickle(Join(Ascii("("), Int(1), Unicode("cpu"), Ascii("ctorch\nFloatStorage\nt"))), Longs(2), Floats(1, 2))),
            ("tensors", Join(
                Pickle(Int(1)), Pickle(Join(Ascii("("), Int(2), Int(1), Ascii("ctorch\nTensor\nt"))), BitConverter.GetBytes(1), new byte[4], Longs(2, 1, 0))),
            ("pickle", Pickle(Dictionary(("w", Join(Int(2), Ascii("Q")))))));
    }
}
