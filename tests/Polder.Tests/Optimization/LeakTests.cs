using Polder.Methods;
using Polder.Objectives;
using Polder.Optimization;
using Polder.Testing;
using Polder.Tests.Methods;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>No method, policy or habit leaves tensors behind, also where the caller opens no dispose scope.</summary>
public class LeakTests
{
    public static TheoryData<int> Methods => [.. Enumerable.Range(0, MethodList.All.Count)];

    [Theory, MemberData(nameof(Methods))]
    public void A_method_leaks_nothing(int index)
    {
        using var scope = NewDisposeScope();
        Network network = new();
        using var optimizer = new FlatMinimaOptimizer(
            optim.SGD(network.Module.parameters(), 0.01, momentum: MethodList.MakesItsUpdate(MethodList.All[index]) ? 0 : 0.9), MethodList.All[index],
            network.Module);
        int step = 0;
        LiveTensors.AssertSteady(() => network.Take(optimizer, step++));
    }

    public static TheoryData<BatchNormPolicy, bool> Policies => new()
    {
        { BatchNormPolicy.OncePerStep, true }, { BatchNormPolicy.FirstProbe, false }, { BatchNormPolicy.EveryProbe, true }, { BatchNormPolicy.Frozen, false },
    };

    [Theory, MemberData(nameof(Policies))]
    public void A_policy_or_a_backward_inside_leaks_nothing(BatchNormPolicy policy, bool backwardInside)
    {
        using var scope = NewDisposeScope();
        Network network = new();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0.01, momentum: 0.9), new NoiseStability { CleanWeight = 0.5 },
            network.Module)
        { BatchNorm = policy };
        LiveTensors.AssertSteady(() => optimizer.step(() =>
        {
            Tensor loss = network.Loss(0);
            if (backwardInside)
                loss.backward();
            return loss;
        }).Dispose());
    }

    [Fact]
    public void Failures_and_changes_of_the_parameters_leak_nothing()
    {
        using var scope = NewDisposeScope();
        Network network = new();
        var bias = network.Module.parameters().Last();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0.01), new NoiseStability(),
            network.Module)
        { NonFinite = NonFinitePolicy.Skip };
        int step = 0;
        LiveTensors.AssertSteady(() =>
        {
            step++;
            bias.requires_grad = step % 2 == 0;
            optimizer.Step(() => network.Loss(0) * (step % 3 == 0 ? double.NaN : 1));
            Assert.Throws<NotSupportedException>(() => optimizer.Step(() =>
            {
                network.Loss(0).backward();
                throw new NotSupportedException();
            }));
        });
    }

    [Fact]
    public void A_disposed_optimizer_leaves_nothing_behind()
    {
        using var scope = NewDisposeScope();
        Network network = new();
        LiveTensors.AssertSteady(() =>
        {
            using var inner = NewDisposeScope();
            using var sgd = optim.SGD(network.Module.parameters(), 0.01, momentum: 0.9);
            using var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability(), network.Module);
            optimizer.Step(() => network.Loss(0));
        });
    }
}
