using Polder.Vision.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Models;

/// <summary>Pooling by rows and columns against libtorch's, number by number.</summary>
public class MaxPoolingTests
{
    [Theory]
    [InlineData(3, 2, 1, 8, 8)] // a ResNet's
    [InlineData(3, 2, 1, 7, 10)]
    [InlineData(3, 2, 1, 1, 2)]
    [InlineData(3, 1, 1, 5, 4)]
    [InlineData(3, 2, 0, 9, 12)]
    [InlineData(2, 2, 0, 5, 6)]
    [InlineData(2, 1, 1, 4, 3)]
    [InlineData(5, 3, 2, 11, 6)]
    [InlineData(1, 2, 0, 5, 4)]
    [InlineData(2, 3, 0, 9, 8)]
    [InlineData(13, 1, 6, 4, 9)]
    public void It_is_the_largest_of_each_window(int window, int stride, int padding, int height, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(5);
        foreach (ScalarType type in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16 })
        {
            Tensor map = randn([2, 3, height, width], ScalarType.Float32, generator: generator);
            map[0, 1] = float.NegativeInfinity;
            map = map.to(type);
            Assert.Equal(padding * 2 < window, MaxPooling.Suits(map, [window, window], [stride, stride], [padding, padding]));
            RequireSame(nn.functional.max_pool2d(map, window, stride, padding), MaxPooling.Of(map, window, stride, padding));
        }
    }

    [Fact]
    public void Height_and_width_have_windows_of_their_own()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(6);
        Tensor map = randn([2, 3, 9, 14], generator: generator);
        RequireSame(nn.functional.max_pool2d(map, [1, 5], [1, 3], [0, 2]), MaxPooling.Of(map, [1, 5], [1, 3], [0, 2]));
        RequireSame(nn.functional.max_pool2d(map, [3, 2], [2, 1], [1, 0]), MaxPooling.Of(map, [3, 2], [2, 1], [1, 0]));
    }

    [Fact]
    public void Many_pixels_are_taken_image_by_image_and_come_to_the_same()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(8);
        Tensor map = randn([3, 64, 75, 80], generator: generator);
        RequireSame(nn.functional.max_pool2d(map, 3, 2, 1), MaxPooling.Of(map, 3, 2, 1));
        Assert.True(MaxPooling.Of(map, 3, 2, 1).is_contiguous());
    }

    [Fact]
    public void What_is_not_a_number_is_not_lost()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor map = zeros(1, 1, 8, 8);
        map[0, 0, 3, 3] = float.NaN;
        Tensor pooled = MaxPooling.Of(map, 3, 2, 1);
        Assert.Equal(4, pooled.isnan().sum().item<long>());
        Assert.Equal(nn.functional.max_pool2d(map, 3, 2, 1).isnan().bytes.ToArray(), pooled.isnan().bytes.ToArray());
    }

    [Fact]
    public void Its_gradient_and_other_layouts_are_the_librarys()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(7);
        Tensor map = randn([2, 3, 8, 8], generator: generator).requires_grad_(true);
        Tensor gradient = autograd.grad([MaxPooling.Of(map, 3, 2, 1).square().sum()], [map])[0];
        RequireSame(autograd.grad([nn.functional.max_pool2d(map, 3, 2, 1).square().sum()], [map])[0], gradient);
        using (no_grad())
            Assert.True(MaxPooling.Suits(map, [3, 3], [2, 2], [1, 1]));
        Assert.False(MaxPooling.Suits(map, [3, 3], [2, 2], [1, 1]));
        Assert.False(MaxPooling.Suits(map.detach().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2), [3, 3], [2, 2], [1, 1]));
    }

    [Fact]
    public void One_tensor_is_left_and_its_input_is_as_it_was()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor map = arange(64, dtype: ScalarType.Float32).view(1, 1, 8, 8), copy = map.clone();
        foreach ((long window, long padding) in new[] { (1L, 0L), (2, 0), (3, 1) })
        {
            using DisposeScope inner = NewDisposeScope();
            _ = MaxPooling.Of(map, window, 2, padding);
            Assert.Equal(1, inner.DisposablesCount);
        }
        RequireSame(copy, map);
    }

    private static void RequireSame(Tensor expected, Tensor found)
    {
        Assert.Equal(expected.shape, found.shape);
        Assert.Equal(expected.dtype, found.dtype);
        Assert.Equal(expected.contiguous().bytes.ToArray(), found.contiguous().bytes.ToArray());
    }
}
