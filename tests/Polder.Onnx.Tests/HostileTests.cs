using System.Diagnostics;
using Polder.Testing;
using TorchSharp;

namespace Polder.Onnx.Tests;

/// <summary>Files that are damaged, or made to hurt: refused in one line, in little time and memory, and only by our own exceptions.</summary>
public sealed class HostileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-onnx-").FullName;

    public static TheoryData<string> Files
    {
        get
        {
            string folder = Path.Combine(SharedFiles.Repository, "..", "shared", "checkpoints", "onnx", "hostile");
            return !Directory.Exists(folder) ? ["all"]
                : [.. Directory.GetFiles(folder, "*.onnx").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Files))]
    public void A_hostile_file_is_refused_in_one_line(string name)
    {
        string path = name == "all" ? SharedFiles.Require("checkpoints", "onnx", "hostile") : SharedFiles.Require("checkpoints", "onnx", "hostile", name);
        long before = Process.GetCurrentProcess().PeakWorkingSet64;
        var watch = Stopwatch.StartNew();
        OnnxException refused = Assert.Throws<OnnxException>(() => Use(path));
        Assert.StartsWith(path, refused.Message);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 2);
        Assert.InRange(Process.GetCurrentProcess().PeakWorkingSet64, 0, before + 300_000_000);
        TestContext.Current.TestOutputHelper!.WriteLine(refused.Reason);
    }

    [Fact]
    public void Every_beginning_of_a_file_is_refused()
    {
        using TrainedClassifier classifier = Networks.Make("digits-cnn");
        OnnxExport.Write(classifier, In("model.onnx"));
        byte[] whole = File.ReadAllBytes(In("model.onnx"));
        // After the graph come the version of the operators and the metadata, of which a file may have fewer.
        for (int length = 0; length < 600; length++)
        {
            File.WriteAllBytes(In("short.onnx"), whole[..length]);
            Assert.Throws<OnnxException>(() => OnnxFile.Open(In("short.onnx")));
        }
        Assert.Contains("there is no such file", Assert.Throws<OnnxException>(() => OnnxFile.Open(In("none.onnx"))).Message);
        Assert.Throws<OnnxException>(() => OnnxFile.Open(_folder));
    }

    [Fact]
    public void Data_of_a_closed_file_is_not_there()
    {
        using TrainedClassifier classifier = Networks.Make("digits-cnn");
        OnnxExport.Write(classifier, In("model.onnx"));
        ReadOnlyMemory<byte> data;
        using (OnnxFile file = OnnxFile.Open(In("model.onnx")))
            data = file.Model.Graph.Constants["fc.weight"].Data;
        Assert.Throws<ObjectDisposedException>(() => data.Span.Length);
    }

    [Fact]
    public void A_file_that_becomes_shorter_while_it_is_open_is_refused()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "what is open cannot be cut short there");
        using TrainedClassifier classifier = Networks.Make("resnet20");
        OnnxExport.Write(classifier, In("model.onnx"));
        using OnnxFile file = OnnxFile.Open(In("model.onnx"));
        OnnxTensor first = file.Model.Graph.Constants["conv1.weight"], last = file.Model.Graph.Constants["linear.weight"];
        using (var other = new FileStream(In("model.onnx"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
            other.SetLength(200_000);
        using Tensor there = first.ToTensor();
        Assert.True(there.eq(classifier.Network.state_dict()["conv1.weight"]).all().ToBoolean());
        Assert.Equal($"{In("model.onnx")}: the file became shorter while it was read", Assert.Throws<OnnxException>(() => last.ToTensor()).Message);
        Assert.Throws<OnnxException>(() => last.Data.Span.Length);
    }

    [Fact]
    public void Truth_values_of_a_file_become_0_or_1()
    {
        // Kernels index with them: any other byte would lead them out of bounds.
        using Tensor read = new OnnxTensor("t", OnnxType.Bool, [3], (byte[])[0, 1, 7]).ToTensor();
        Assert.Equal([0, 1, 1], read.bytes.ToArray());
    }

    // Reads all of it, imports it as a network, and computes it on zeros of the declared shape.
    internal static void Use(string path, Action? wasRead = null)
    {
        using OnnxFile file = OnnxFile.Open(path);
        foreach (OnnxTensor constant in file.Model.Graph.Constants.Values)
            constant.ToTensor().Dispose();
        wasRead?.Invoke();
        using (Checkpoints.Checkpoint imported = new OnnxFormat().Import(path, new ForeignOptions(), null))
            Assert.NotEmpty(imported.Metadata["graph"]);
        using DisposeScope scope = NewDisposeScope();
        OnnxValue? first = file.Model.Graph.Inputs.Count > 0 ? file.Model.Graph.Inputs[0] : null;
        long[] shape = [.. (first?.Shape ?? []).Select(d => d.Size ?? 1)];
        bool small = shape.Aggregate(1d, (a, b) => a * b) <= GraphEvaluator.DefaultLimit;
        GraphEvaluator.Run(file, zeros(small ? shape : [1], dtype: first?.Type.ToScalarType() ?? ScalarType.Float32));
    }

    private string In(string name) => Path.Combine(_folder, name);
}
