using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace Polder.EndToEnd;

public sealed class CheckpointCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-checkpoint-").FullName;

    public CheckpointCommandTests()
    {
        // safetensors by hand; the reader goes by the content, not by the name.
        byte[] header = Encoding.UTF8.GetBytes(
            """{"module.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"module.steps":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}""");
        File.WriteAllBytes(
            In("model.pt"),
            [.. BitConverter.GetBytes((long)header.Length), .. header, .. BitConverter.GetBytes(3f), .. BitConverter.GetBytes(-4f),
                .. BitConverter.GetBytes(7L)]);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Inspect_says_what_a_file_holds()
    {
        (int code, string output, string error) = PolderProcess.Run("inspect", In("model.pt"), "--json", "-", "--quiet");
        Assert.Equal((0, ""), (code, error));
        JsonNode json = JsonNode.Parse(output)!;
        Assert.Equal(("safetensors", "module."), ((string)json["format"]!, (string)json["prefix"]!));
        JsonNode weight = json["tensors"]![0]!;
        Assert.Equal(("weight", "Float32", 2, 5.0), ((string)weight["name"]!, (string)weight["dtype"]!, (int)weight["shape"]![0]!, (double)weight["norm"]!));
        Assert.Equal((3, 16), ((int)json["elements"]!, (int)json["bytes"]!));

        (code, output, _) = PolderProcess.Run("inspect", In("model.pt"), "--verbatim");
        Assert.Equal(0, code);
        Assert.Contains("module.weight", output);
    }

    [Fact]
    public void Inspect_does_without_libtorch()
    {
        // The program without its native libraries, and without the list that says where they are.
        string program = Path.GetDirectoryName(PolderProcess.Program)!, bare = Directory.CreateDirectory(In("bare")).FullName;
        foreach (string file in Directory.GetFiles(program).Where(f => f.EndsWith(".dll", StringComparison.Ordinal)
            || f.EndsWith(".runtimeconfig.json", StringComparison.Ordinal)))
            File.Copy(file, Path.Combine(bare, Path.GetFileName(file)));
        string copy = Path.Combine(bare, Path.GetFileName(PolderProcess.Program));
        using (Process inspect = PolderProcess.StartDotNet([copy, "inspect", In("model.pt"), "--json", "-", "--quiet"]))
        {
            JsonNode json = JsonNode.Parse(inspect.StandardOutput.ReadToEnd())!;
            Assert.Equal("", inspect.StandardError.ReadToEnd());
            Assert.Equal((5.0, 7.0), ((double)json["tensors"]![0]!["norm"]!, (double)json["tensors"]![1]!["norm"]!));
        }
        using Process convert = PolderProcess.StartDotNet([copy, "convert", In("model.pt"), In("model.safetensors"), "--quiet"]);
        Assert.StartsWith("polder: libtorch does not load", convert.StandardError.ReadToEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void Convert_writes_a_file_once()
    {
        (int code, _, string error) = PolderProcess.Run("convert", In("model.pt"), In("model.safetensors"), "--precision", "f64", "--quiet");
        Assert.Equal((0, ""), (code, error));
        byte[] before = File.ReadAllBytes(In("model.safetensors"));
        Assert.Equal([.. BitConverter.GetBytes(3.0), .. BitConverter.GetBytes(-4.0), .. BitConverter.GetBytes(7L)], before[^24..]);
        Assert.DoesNotContain("module.", Encoding.UTF8.GetString(before));

        (code, _, error) = PolderProcess.Run("convert", In("model.pt"), In("model.safetensors"), "--quiet");
        Assert.Equal(2, code);
        Assert.Contains("which exists", error);
        Assert.Equal(before, File.ReadAllBytes(In("model.safetensors")));
        Assert.Equal(0, PolderProcess.Run("convert", In("model.pt"), In("model.safetensors"), "--quiet", "--overwrite").ExitCode);
        Assert.NotEqual(before, File.ReadAllBytes(In("model.safetensors")));
    }

    [Theory]
    [InlineData("FILE: found nothing", "inspect")]
    [InlineData("OUT: found nothing", "convert", "model.pt")]
    [InlineData("no.pt: there is no such file", "inspect", "no.pt")]
    [InlineData("allowed: a file that ends in .safetensors", "convert", "model.pt", "model.npz")]
    [InlineData("missing/model.pth, allowed: a file in a folder that exists", "convert", "model.pt", "missing/model.pth")]
    [InlineData("takes no such argument", "inspect", "model.pt", "more.pt")]
    public void Wrong_input_is_one_line(string words, params string[] arguments)
    {
        (int code, string output, string error) = PolderProcess.Run(
            [.. arguments.Select(a => a.Contains('.', StringComparison.Ordinal) ? In(a) : a), "--quiet"]);
        Assert.Equal((2, ""), (code, output));
        Assert.Contains(words, error);
        Assert.Equal(error.Length - 1, error.IndexOf('\n'));
    }

    private string In(string name) => Path.Combine(_folder, name);
}
