using static TorchSharp.torch;

namespace Polder.Tests;

/// <summary>Tensors compared bit by bit, so that NaN equals itself and 0 is not -0.</summary>
internal static class Bits
{
    public static byte[] Of(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().contiguous().bytes.ToArray();
    }

    public static byte[][] Of(IEnumerable<Tensor> tensors) => [.. tensors.Select(Of)];

    public static void AssertEqual(IEnumerable<Tensor> expected, IEnumerable<Tensor> actual) => AssertEqual(Of(expected), Of(actual));

    public static void AssertEqual(byte[][] expected, byte[][] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(expected[i].AsSpan().SequenceEqual(actual[i]), $"tensor {i} differs");
    }
}
