namespace Polder.Cli.Tests;

public class PlaceholderTests
{
    [Fact]
    public void Libtorch_loads() => Assert.Equal(3f, TorchSharp.torch.ones(3).sum().item<float>());
}
