using System.Text.Json.Nodes;

namespace Polder.EndToEnd;

public sealed class SenseTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-sense-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Json_has_a_curve_every_fifty_steps_and_the_last()
    {
        string plot = Path.Combine(_folder, "curves.png");
        (int code, string output, string error) = PolderProcess.Run(
            "sense", "--dimension", "12", "--rank", "2", "--steps", "120", "--learning-rate", "0.01", "--sigma", "0.05", "--seeds", "3,5", "--json", "-",
            "--plot", plot, "--quiet");
        Assert.Equal(0, code);
        Assert.DoesNotContain("defect", error);
        JsonNode json = JsonNode.Parse(output)!;
        Assert.Equal(120, (int)json["settings"]!["measurements"]!);
        JsonNode[] results = [.. json["results"]!.AsArray().Select(r => r!)];
        Assert.Equal(["gd 3", "wp 3", "nso 3", "gd 5", "wp 5", "nso 5"], results.Select(r => $"{r["method"]} {r["seed"]}"));
        Assert.All(results, r =>
        {
            Assert.Equal([0, 50, 100, 120], r["curve"]!["step"]!.AsArray().Select(s => (int)s!));
            foreach (string figure in (string[])["train", "validation", "distance"])
                Assert.Equal((double)r[figure]!, (double)r["curve"]![figure]!.AsArray()[^1]!);
            Assert.True((double)r["train"]! < (double)r["curve"]!["train"]!.AsArray()[0]!);
        });
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(plot)[..4]);
    }

    [Theory]
    [InlineData("--rank: found 30, allowed: 1 to the dimension, 20", "--dimension", "20", "--rank", "30")]
    [InlineData("--plot: found curves.pdf, allowed: a file name that ends in .svg or .png", "--plot", "curves.pdf")]
    [InlineData("--methods: found gd,adam", "--methods", "gd,adam")]
    [InlineData("lower the learning rate", "--dimension", "10", "--rank", "2", "--steps", "50", "--learning-rate", "1e6")]
    public void Wrong_input_is_one_line(string words, params string[] arguments)
    {
        (int code, string output, string error) = PolderProcess.Run(["sense", "--quiet", .. arguments]);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("polder: ", error);
        Assert.Contains(words, error);
        Assert.Equal(error.Length - 1, error.IndexOf('\n'));
    }
}
