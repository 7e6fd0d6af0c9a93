using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Checkpoints.Tests;

public sealed class ConversionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.safetensors", "safetensors")]
    [InlineData("a.pth", "PyTorch zip")]
    [InlineData("a.PT", "PyTorch zip")]
    public void The_ending_names_the_format_and_every_tensor_stays(string name, string format)
    {
        using Checkpoint original = Original(1e5);
        bool whole = CheckpointConversion.Write(original, _folder.File(name));
        using Checkpoint copy = Checkpoint.Load(_folder.File(name));
        Assert.Equal(format, copy.Format);
        Assert.Equal(original.Tensors.Keys, copy.Tensors.Keys);
        foreach ((string key, Tensor tensor) in original.Tensors)
            SafetensorsTests.AssertSameBytes(tensor, copy.Tensors[key]);
        // PyTorch's state dictionary has no place for text.
        Assert.Equal(format == "safetensors", whole);
        Assert.Equal(whole ? "b" : null, copy.Metadata.GetValueOrDefault("a"));
    }

    [Fact]
    public void A_narrower_type_rounds_real_tensors_alone()
    {
        using Checkpoint original = Original(1.0009765625); // 1 + 2^-10: f16 holds it, bf16 does not
        CheckpointConversion.Write(original, _folder.File("h.safetensors"), ScalarType.Float16);
        CheckpointConversion.Write(original, _folder.File("b.safetensors"), ScalarType.BFloat16);
        using Checkpoint half = Checkpoint.Load(_folder.File("h.safetensors")), brain = Checkpoint.Load(_folder.File("b.safetensors"));
        Assert.Equal(ScalarType.Float16, half.Tensors["w"].dtype);
        Assert.Equal(1.0009765625, half.Tensors["w"][0].ToDouble());
        Assert.Equal(1.0, brain.Tensors["w"][0].ToDouble());
        Assert.Equal(ScalarType.Int64, half.Tensors["n"].dtype);
        Assert.Equal(ScalarType.ComplexFloat32, half.Tensors["c"].dtype);
    }

    [Fact]
    public void A_value_that_the_type_cannot_hold_is_named_and_nothing_is_written()
    {
        using Checkpoint original = Original(1e5);
        CheckpointException refusal = Assert.Throws<CheckpointException>(() => CheckpointConversion.Write(original, _folder.File("h.pth"), ScalarType.Float16));
        Assert.Contains("'w' has a value that Float16 cannot hold", refusal.Message);
        Assert.False(File.Exists(_folder.File("h.pth")));
        CheckpointConversion.Write(original, _folder.File("b.pth"), ScalarType.BFloat16);
    }

    [Fact]
    public void An_unknown_ending_or_type_is_refused()
    {
        using Checkpoint original = Original(1);
        Assert.Contains(".safetensors", Assert.Throws<ArgumentException>(() => CheckpointConversion.Write(original, _folder.File("a.npz"))).Message);
        Assert.Throws<ArgumentException>(() => CheckpointConversion.Write(original, _folder.File("a.pth"), ScalarType.Int8));
    }

    private Checkpoint Original(double value)
    {
        using Tensor w = full(3, value), n = arange(4, ScalarType.Int64), c = complex(ones(2), ones(2));
        Polder.Checkpoints.Safetensors.Write(
            _folder.File("original"), [("w", w), ("n", n), ("c", c), ("inf", full(1, double.PositiveInfinity))],
            new Dictionary<string, string> { ["a"] = "b" });
        return Checkpoint.Load(_folder.File("original"));
    }
}
