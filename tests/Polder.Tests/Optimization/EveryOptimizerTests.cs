using Polder.Methods;
using Polder.Optimization;
using Polder.Tests.Methods;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>Every method with every base optimizer: what reaches the weights is the base optimizer's step on the method's gradient.</summary>
public class EveryOptimizerTests
{
    public static TheoryData<int, string> Cases() => StateDictTests.Cases();

    /// <summary>
    /// A twin without Polder takes the gradients that the method has composed and makes the steps of a plain TorchSharp loop, with its own
    /// scheduler and its own group added half-way: bit for bit the same weights and learning rates.
    /// </summary>
    [Theory, MemberData(nameof(Cases))]
    public void Steps_schedules_and_added_groups_are_the_base_optimizers(int index, string optimizerName)
    {
        using var scope = NewDisposeScope();
        IGradientMethod method = MethodList.All[index];
        Network network = new(), twin = new();
        OptimizerHelper inner = BaseOptimizers.All[optimizerName](Body(network)), plain = BaseOptimizers.All[optimizerName](Body(twin));
        using var optimizer = new FlatMinimaOptimizer(inner, method, network.Module, seed: 2);
        var recorder = new Recorder();
        optimizer.Hooks.Add(recorder);
        var schedule = optim.lr_scheduler.StepLR(optimizer, 2, 0.5);
        var plainSchedule = optim.lr_scheduler.StepLR(plain, 2, 0.5);
        byte[][] start = Bits.Of(network.Module.parameters());
        for (int step = 0; step < 6; step++)
        {
            if (step == 3)
            {
                // As when a frozen body is thawed. A new scheduler takes in the new group.
                optimizer.add_param_group(BaseOptimizers.Group(inner, Head(network), 0.03));
                plain.add_param_group(BaseOptimizers.Group(plain, Head(twin), 0.03));
                schedule = optim.lr_scheduler.StepLR(optimizer, 2, 0.5);
                plainSchedule = optim.lr_scheduler.StepLR(plain, 2, 0.5);
            }
            optimizer.zero_grad();
            network.Take(optimizer, step);
            schedule.step();

            Parameter[] moved = [.. plain.parameters()];
            Assert.Equal(moved.Length, recorder.Gradients.Count);
            for (int i = 0; i < moved.Length; i++)
                moved[i].grad = recorder.Gradients[i];
            plain.step();
            plainSchedule.step();

            Assert.Equal(plain.ParamGroups.Select(g => g.LearningRate), optimizer.ParamGroups.Select(g => g.LearningRate));
            Bits.AssertEqual(twin.Module.parameters(), network.Module.parameters());
        }
        // The bias before a BatchNorm has no gradient but rounding; all else has moved.
        byte[][] end = Bits.Of(network.Module.parameters());
        Assert.All([0, 2, 3, 4, 5], i => Assert.False(start[i].AsSpan().SequenceEqual(end[i])));
    }

    private static IEnumerable<Parameter> Body(Network network) => network.Module.parameters().SkipLast(2);

    private static IEnumerable<Parameter> Head(Network network) => network.Module.parameters().TakeLast(2);

    private sealed class Recorder : IUpdateHook
    {
        public List<Tensor> Gradients { get; private set; } = [];

        public void BeforeUpdate(UpdateContext context) => Gradients = [.. context.Gradient.Blocks.Select(b => b.detach().clone())];
    }
}
