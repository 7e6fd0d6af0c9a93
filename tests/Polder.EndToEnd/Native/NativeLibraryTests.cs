namespace Polder.EndToEnd.Native;

public class NativeLibraryTests
{
    [Fact]
    public void The_library_that_the_build_put_beside_the_test_loads() => Assert.Equal(3f, TorchSharp.torch.ones(3).sum().item<float>());
}
