using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Checkpoints.Tests;

public class TensorStatisticsTests
{
    public static TheoryData<ScalarType> Types => SafetensorsTests.Types;

    [Theory]
    [MemberData(nameof(Types))]
    public void Values_of_each_type_are_those_of_float64(ScalarType type)
    {
        using Tensor tensor = Of(type);
        using Tensor real = (tensor.is_complex() ? tensor.abs() : tensor).to(ScalarType.Float64);
        TensorStatistics found = TensorStatistics.Of(tensor);
        Assert.Equal(24, found.Count);
        Assert.Equal(tensor.numel() * tensor.ElementSize, found.Bytes);
        Assert.Equal(real.pow(2).sum().sqrt().ToDouble(), found.Norm, 1e-12 * found.Norm);
        Assert.Equal(tensor.is_complex() ? null : real.min().ToDouble(), found.Minimum);
        Assert.Equal(tensor.is_complex() ? null : real.max().ToDouble(), found.Maximum);
        Assert.Equal(0, found.NonFinite);

        // A strided view has other values in another order, and the same numbers.
        using Tensor view = tensor.reshape(4, 6).t();
        Assert.Equal(found.Norm, TensorStatistics.Of(view).Norm, 1e-12 * found.Norm);

        static Tensor Of(ScalarType type) => (arange(-12, 12, ScalarType.Float32) * (type == ScalarType.Byte ? -1 : 1)).abs().to(type);
    }

    [Fact]
    public void Elements_that_are_not_finite_are_counted_and_left_out()
    {
        using Tensor five = tensor(new[] { 3f, float.NaN, -4f, float.PositiveInfinity, float.NegativeInfinity });
        Assert.Equal(new TensorStatistics(5, 20, 5, -4, 3, 3), TensorStatistics.Of(five));
        using Tensor half = five.to(ScalarType.BFloat16);
        Assert.Equal(new TensorStatistics(5, 10, 5, -4, 3, 3), TensorStatistics.Of(half));
    }

    [Fact]
    public void An_empty_tensor_has_no_smallest_element()
    {
        using Tensor tensor = zeros(0, 3);
        Assert.Equal(new TensorStatistics(0, 0, 0, null, null, 0), TensorStatistics.Of(tensor));
    }
}
