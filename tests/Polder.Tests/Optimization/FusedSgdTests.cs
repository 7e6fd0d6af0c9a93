using Polder.Methods;
using Polder.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>The base optimizer's step is TorchSharp's, bit for bit, by whatever way it is made.</summary>
public class FusedSgdTests
{
    [Theory]
    [InlineData(0, 0, 0, false, false)]
    [InlineData(0, 0, 0.01, false, true)]
    [InlineData(0.9, 0, 0, false, false)]
    [InlineData(0.9, 0, 1e-4, false, false)]
    [InlineData(0.9, 0, 1e-4, true, false)]
    [InlineData(0.5, 0.3, 0.1, false, true)]
    public void A_step_is_that_of_SGD(double momentum, double dampening, double decay, bool nesterov, bool maximize)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        // Whole vectors, remainders, a scalar, and more than one piece of work.
        Tensor[] start = [.. new long[] { 64, 37, 1, 70_001 }.Select(n => randn(n, generator: generator))];
        Tensor[][] gradients = [.. Enumerable.Range(0, 4).Select(_ => start.Select(t => randn(t.shape, generator: generator)).ToArray())];
        Parameter[] expected = [.. start.Select(t => new Parameter(t.clone()))], found = [.. start.Select(t => new Parameter(t.clone()))];
        SGD Sgd(Parameter[] parameters) => optim.SGD(parameters, 0.1, momentum, dampening, decay, nesterov, maximize);
        using SGD plain = Sgd(expected), inner = Sgd(found);
        using var optimizer = new FlatMinimaOptimizer(inner, new Plain());
        for (int step = 0; step < gradients.Length; step++)
        {
            foreach (SGD sgd in (SGD[])[plain, inner])
                sgd.ParamGroups.Single().LearningRate = 0.1 / (step + 1);
            for (int i = 0; i < expected.Length; i++)
                expected[i].grad = gradients[step][i].clone();
            plain.step();
            optimizer.Step(() => found.Select((p, i) => (p * gradients[step][i]).sum()).Aggregate((a, b) => a + b));
            Assert.All(expected.Zip(found), pair => Assert.True(pair.First.bytes.SequenceEqual(pair.Second.bytes)));
        }
    }

    [Fact]
    public void A_parameter_that_has_a_gradient_of_its_own_is_followed_as_SGD_does()
    {
        using var scope = NewDisposeScope();
        var trained = new Parameter(ones(5));
        var frozen = new Parameter(ones(5), requires_grad: false) { grad = ones(5) };
        using SGD sgd = optim.SGD([trained, frozen], 0.5);
        using var optimizer = new FlatMinimaOptimizer(sgd, new Plain());
        optimizer.Step(() => trained.sum());
        Assert.Equal([0.5f], trained.data<float>().Distinct());
        Assert.Equal([0.5f], frozen.data<float>().Distinct());
    }
}
