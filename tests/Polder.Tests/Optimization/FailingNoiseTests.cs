using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>Noise that fails in the midst of the pass that also saves the weights leaves them as they were.</summary>
public class FailingNoiseTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(70_000)]
    [InlineData(149_999)]
    [InlineData(150_500)]
    [InlineData(151_300)]
    public void The_weights_are_as_before(long place)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        // Several pieces of work, one that only torch reaches (strided), and a small one.
        Parameter[] parameters =
        [
            new(randn(150_000, generator: generator)), new(randn([40, 30], generator: generator).t()), new(randn(200, generator: generator)),
        ];
        Tensor[] before = [.. parameters.Select(p => p.detach().clone())];
        using SGD sgd = optim.SGD(parameters, 0.1, 0.9);
        using var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability { Sigma = 0.1 }, noise: new Failing(place));
        for (int attempt = 0; attempt < 2; attempt++)
        {
            Assert.Throws<TimeoutException>(() => optimizer.Step(() => parameters.Select(p => p.square().sum()).Aggregate((a, b) => a + b)));
            Assert.All(parameters.Zip(before), pair => Assert.True(pair.First.eq(pair.Second).all().item<bool>()));
        }
    }

    private sealed class Failing(long place) : NoiseStream
    {
        public override void Fill(long step, int draw, long offset, Span<float> destination)
        {
            if (place >= offset && place < offset + destination.Length)
                throw new TimeoutException();
            destination.Fill(1);
        }
    }
}
