using System.Diagnostics;
using Polder.Checkpoints.Onnx;
using TorchSharp;

namespace Polder.Checkpoints.Tests;

/// <summary>
/// Loading costs the memory of the tensors and little more. The file is small enough for every run of the tests; the figure in docs/checkpoints.md is that of
/// <c>POLDER_LARGE_FILE_MB=1074 dotnet test --project tests/Polder.Checkpoints.Tests</c>.
/// </summary>
public class LargeFileTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("large.safetensors")]
    [InlineData("large.pt")]
    [InlineData("large.onnx")]
    public void Loading_raises_the_peak_of_memory_by_the_file_and_a_tenth_at_most(string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the peak of resident memory is read from Linux");
        double megabytes = double.TryParse(Environment.GetEnvironmentVariable("POLDER_LARGE_FILE_MB"), out double wanted) ? wanted : 200;
        using TemporaryFolder folder = new();
        string path = folder.File(name);
        long side = (long)Math.Sqrt(megabytes * 1e6 / 8);
        using (torch.NewDisposeScope())
        {
            // Two tensors, so that holding the file and a tensor of it at once would show.
            torch.Tensor tensor = torch.ones(side, side);
            IEnumerable<(string, torch.Tensor)> tensors = [("first", tensor), ("second", torch.zeros(side, side))];
            switch (Path.GetExtension(name))
            {
                case ".pt":
                    PyTorchZip.Write(path, tensors);
                    break;
                case ".onnx":
                    OnnxFile.Write(path, Added(tensors));
                    break;
                default:
                    Safetensors.Write(path, tensors);
                    break;
            }
        }
        using Process process = TestProgram.Start(LargeFileLoader.Variable, path);
        string[] peaks = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0 && peaks.Length == 2, string.Join('\n', peaks));
        long size = new FileInfo(path).Length, rise = long.Parse(peaks[1]) - long.Parse(peaks[0]);
        output.WriteLine($"{name}: {size / 1e6:F0} MB, the peak of resident memory rose by {rise / 1e6:F0} MB");
        // Below the file's size it would have been mapped and not read, and the test would show nothing.
        Assert.InRange(rise, (long)(0.95 * size), (long)(1.1 * size));
    }

    private static OnnxModel Added(IEnumerable<(string Name, torch.Tensor Value)> tensors)
    {
        Dictionary<string, OnnxTensor> constants = tensors.ToDictionary(t => t.Name, t => OnnxTensor.Of(t.Name, t.Value));
        var output = new OnnxValue("sum", OnnxType.Float, null);
        return new OnnxModel(new OnnxGraph("large", [], [output], [new("Add", "", [.. constants.Keys], ["sum"], new Dictionary<string, object>())],
            constants), 17, 8);
    }
}
