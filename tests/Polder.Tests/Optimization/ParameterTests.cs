using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>Parameters of every kind: frozen, unused, tied, in groups, added, thawed, of two precisions, replaced.</summary>
public class ParameterTests
{
    [Fact]
    public void A_frozen_parameter_gets_neither_noise_nor_decay()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(3)), frozen = new(ones(3), requires_grad: false);
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([frozen, w], 0.1, weight_decay: 0.5), new NoiseStability { Sigma = 1, Pairs = 2 });
        for (int step = 0; step < 3; step++)
            optimizer.Step(() =>
            {
                Assert.Equal([1f, 1f, 1f], frozen.data<float>().ToArray());
                return (w * frozen).pow(2).sum();
            });
        Assert.Equal([1f, 1f, 1f], frozen.data<float>().ToArray());
        Assert.NotEqual([1f, 1f, 1f], w.data<float>().ToArray());
    }

    [Fact]
    public void A_parameter_that_the_loss_never_uses_stays_despite_weight_decay()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(3)), unused = new(ones(3));
        foreach (bool backwardInside in new[] { false, true })
        {
            using var optimizer = new FlatMinimaOptimizer(optim.SGD([unused, w], 0.1, momentum: 0.9, weight_decay: 0.5), new NoiseStability { Sigma = 0.1 });
            for (int step = 0; step < 3; step++)
                optimizer.step(() =>
                {
                    Tensor loss = w.pow(2).sum();
                    if (backwardInside)
                        loss.backward();
                    return loss;
                });
            Assert.Equal([1f, 1f, 1f], unused.data<float>().ToArray());
        }
    }

    // A parameter that joins the loss later is trained from then on, as by the plain optimizer.
    [Fact]
    public void A_parameter_that_the_loss_uses_later_is_trained_from_then_on()
    {
        using var scope = NewDisposeScope();
        Parameter a = new(ones(2)), late = new(ones(2)), b = new(ones(2)), lateToo = new(ones(2));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([a, late], 0.1, momentum: 0.9, weight_decay: 0.5), new Plain());
        var raw = optim.SGD([b, lateToo], 0.1, momentum: 0.9, weight_decay: 0.5);
        for (int step = 0; step < 6; step++)
        {
            optimizer.step(() => step < 2 ? a.pow(2).sum() : a.pow(2).sum() + late.pow(4).sum());
            raw.zero_grad();
            (step < 2 ? b.pow(2).sum() : b.pow(2).sum() + lateToo.pow(4).sum()).backward();
            raw.step();
            Bits.AssertEqual([b, lateToo], [a, late]);
        }
        Assert.NotEqual(1f, late[0].ToSingle());
    }

    // A weight used twice has one draw of noise: on f = (w + w)^2 / 2 = 2 w^2 a pair's gradient is 4 w without noise.
    [Fact]
    public void Tied_weights_are_one_parameter()
    {
        using var scope = NewDisposeScope();
        var first = nn.Linear(3, 3, hasBias: false);
        var second = nn.Linear(3, 3, hasBias: false);
        second.weight = first.weight;
        var model = nn.Sequential(("first", first), ("second", second));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(model.parameters(), 0.25), new NoiseStability { Sigma = 0.5 }, model);
        Assert.Single(optimizer.Space.Parameters);
        Assert.Equal(9, optimizer.Space.Dimension);
        Tensor before = first.weight!.detach().clone();
        optimizer.step(() => (first.weight! + second.weight!).pow(2).sum() * 0.5);
        // 1 - 0.25 x 4 = 0
        Assert.True(first.weight!.abs().max().ToSingle() < 1e-6f * before.abs().max().ToSingle() + 1e-6f);
        Assert.Equal(Bits.Of(first.weight!), Bits.Of(second.weight!));
    }

    [Fact]
    public void Groups_keep_their_own_learning_rates()
    {
        using var scope = NewDisposeScope();
        Parameter a = new(tensor(new[] { 1.0 })), b = new(tensor(new[] { 1.0 }));
        SGD.ParamGroup[] groups =
        [
            new() { Parameters = [a], Options = new SGD.Options { LearningRate = 0.1 } },
            new() { Parameters = [b], Options = new SGD.Options { LearningRate = 0.3 } },
        ];
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(groups, 0.1), new NoiseStability { Sigma = 0.2 });
        optimizer.step(() => a.sum() + b.sum());
        Assert.Equal(0.9, a.item<double>(), 1e-15);
        Assert.Equal(0.7, b.item<double>(), 1e-15);
        Assert.Equal([0.1, 0.3], optimizer.ParamGroups.Select(g => g.LearningRate));
    }

    [Fact]
    public void A_group_added_between_steps_joins_noise_and_training()
    {
        using var scope = NewDisposeScope();
        Parameter a = new(tensor(new[] { 1.0 })), b = new(tensor(new[] { 1.0 }));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([a], 0.1), new WeightPerturbation { Sigma = 0.5 }, noise: new Alternating());
        optimizer.step(() => (a.pow(2) * 0.5).sum());
        Assert.Equal(1 - (0.1 * 1.5), a.item<double>(), 1e-15);
        optimizer.add_param_group(new SGD.ParamGroup { Parameters = [b], Options = new SGD.Options { LearningRate = 0.2 } });
        optimizer.step(() => (a.pow(2) * 0.5).sum() + (b.pow(2) * 0.5).sum());
        Assert.Equal(2, optimizer.Space.Dimension);
        Assert.Equal(0.85 - (0.1 * 1.35), a.item<double>(), 1e-15);
        Assert.Equal(1 - (0.2 * 0.5), b.item<double>(), 1e-15);
    }

    [Fact]
    public void Freezing_and_thawing_between_steps_is_followed()
    {
        using var scope = NewDisposeScope();
        Parameter a = new(ones(2)), b = new(ones(2)), c = new(ones(2)), d = new(ones(2));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([a, b], 0.1, momentum: 0.9, weight_decay: 0.1), new NoiseStability { Sigma = 0 });
        var raw = optim.SGD([c, d], 0.1, momentum: 0.9, weight_decay: 0.1);
        for (int step = 0; step < 9; step++)
        {
            b.requires_grad = d.requires_grad = step is < 3 or >= 6;
            Assert.Equal(step is < 3 or >= 6, b.requires_grad);
            byte[] before = Bits.Of(b);
            optimizer.step(() => (a.pow(2) + b.pow(2)).sum());
            if (step is >= 3 and < 6)
                Assert.Equal(before, Bits.Of(b));
            foreach (Parameter p in new[] { c, d })
                p.grad = null;
            (c.pow(2) + d.pow(2)).sum().backward();
            raw.step();
            Bits.AssertEqual([c, d], [a, b]);
        }
    }

    // f = w^2 / 2 in each precision, noise given: float64 parameters see the unrounded numbers.
    [Fact]
    public void Two_precisions_in_one_model()
    {
        using var scope = NewDisposeScope();
        Parameter wide = new(tensor(new[] { 1.0 })), narrow = new(tensor(new[] { 1f }));
        using var optimizer = new FlatMinimaOptimizer(
            optim.SGD([wide, narrow], 0.5), new WeightPerturbation { Sigma = 0.1 }, noise: new FixedNoise(new double[,,] { { { 1.0 / 3, 1.0 / 3 } } }));
        optimizer.step(() => (wide.pow(2) * 0.5).sum() + (narrow.pow(2) * 0.5).sum().to(ScalarType.Float64));
        Assert.Equal(1 - (0.5 * (1 + (0.1 / 3))), wide.item<double>(), 1e-15);
        Assert.Equal(1 - (0.5 * (1 + (0.1 / 3))), narrow.item<float>(), 1e-7);
    }

    [Fact]
    public void A_converted_model_is_told_to_be_converted_first()
    {
        using var scope = NewDisposeScope();
        var model = nn.Linear(3, 2);
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(model.parameters(), 0.1), new NoiseStability(), model);
        model.to(ScalarType.Float64);
        var thrown = Assert.Throws<InvalidOperationException>(() => optimizer.step(() => model.forward(ones([4, 3], ScalarType.Float64)).pow(2).mean()));
        Assert.Contains("convert the model (data type, device) before making the optimizer", thrown.Message);
    }

    [Fact]
    public void Parameters_keep_their_handles_and_their_memory()
    {
        using var scope = NewDisposeScope();
        Network network = new();
        Parameter[] parameters = [.. network.Module.parameters()];
        IntPtr[] handles = [.. parameters.Select(p => p.Handle)];
        long[] addresses = [.. parameters.Select(Address)];
        using var optimizer = new FlatMinimaOptimizer(optim.AdamW(parameters, 0.01), new NoiseStability { Sigma = 0.1, CleanWeight = 0.5 }, network.Module);
        for (int step = 0; step < 3; step++)
            optimizer.step(() => network.Loss(step));
        Assert.Equal(handles, parameters.Select(p => p.Handle));
        Assert.Equal(addresses, parameters.Select(Address));

        static unsafe long Address(Parameter parameter)
        {
            fixed (byte* start = parameter.bytes)
                return (long)start;
        }
    }

    [Fact]
    public void Parameters_that_the_model_does_not_have_are_refused_when_they_appear()
    {
        using var scope = NewDisposeScope();
        Network network = new(), other = new();
        var e = Assert.Throws<ArgumentException>(() => new FlatMinimaOptimizer(
            optim.SGD([.. network.Module.parameters(), .. other.Module.parameters().Take(2)], 0.1), new NoiseStability(), network.Module));
        Assert.StartsWith("the base optimizer has 2 of its 8 trainable parameters from somewhere else than the model (the first has shape [16, 6])", e.Message);

        var sgd = optim.SGD(network.Module.parameters(), 0.1);
        using var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability(), network.Module);
        optimizer.add_param_group(new SGD.ParamGroup(other.Module.parameters().TakeLast(1), new SGD.Options { LearningRate = 1 }));
        byte[][] before = Bits.Of([.. network.Module.parameters(), .. other.Module.parameters()]);
        Assert.Throws<ArgumentException>(() => optimizer.Step(() => network.Loss(0)));
        Bits.AssertEqual(before, Bits.Of([.. network.Module.parameters(), .. other.Module.parameters()]));
    }

    /// <summary>1, -1, 1, ... for any number of elements.</summary>
    private sealed class Alternating : NoiseStream
    {
        public override void Fill(long step, int draw, long offset, Span<float> destination)
        {
            for (int i = 0; i < destination.Length; i++)
                destination[i] = (offset + i) % 2 == 0 ? 1 : -1;
        }
    }
}
