using Polder.Methods;
using Polder.Optimization;
using Polder.Tests.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Objectives;

/// <summary>One contract serves every habit of writing closures, bit for bit; a closure outside it is told what is wrong.</summary>
public class ClosureObjectiveTests
{
    private static readonly Dictionary<string, Action<FlatMinimaOptimizer, Network, int>> Habits = new()
    {
        ["loss only"] = (o, n, t) => o.step(() => n.Loss(t)),
        ["zero_grad of the optimizer, backward"] = (o, n, t) => o.step(() => Backward(o.zero_grad, n, t)),
        ["zero_grad of the base, backward"] = (o, n, t) => o.step(() => Backward(o.Base.zero_grad, n, t)),
        ["zero_grad of the model, backward"] = (o, n, t) => o.step(() => Backward(() => n.Module.zero_grad(), n, t)),
        ["backward without zero_grad"] = (o, n, t) => o.step(() => Backward(() => { }, n, t)),
        ["zero_grad alone"] = (o, n, t) => o.step(() =>
        {
            o.zero_grad();
            return n.Loss(t);
        }),
        ["a detached loss after backward"] = (o, n, t) => o.step(() => Backward(o.zero_grad, n, t).detach()),
        ["backward that keeps the graph"] = (o, n, t) => o.step(() =>
        {
            Tensor loss = n.Loss(t);
            loss.backward(retain_graph: true);
            return loss;
        }),
        ["called under no_grad"] = (o, n, t) =>
        {
            using var noGrad = no_grad();
            o.step(() => n.Loss(t));
        },
        ["backward, called under no_grad"] = (o, n, t) =>
        {
            using var noGrad = no_grad();
            o.step(() => Backward(o.zero_grad, n, t));
        },
        ["stale gradients before the step"] = (o, n, t) =>
        {
            foreach (Parameter p in n.Module.parameters())
                p.grad = full_like(p, 7, requires_grad: false);
            o.step(() => n.Loss(t));
        },
        ["stale gradients, backward without zero_grad"] = (o, n, t) =>
        {
            foreach (Parameter p in n.Module.parameters())
                p.grad = full_like(p, 7, requires_grad: false);
            o.step(() => Backward(() => { }, n, t));
        },
    };

    public static TheoryData<string> HabitNames => [.. Habits.Keys];

    [Theory, MemberData(nameof(HabitNames))]
    public void Every_habit_gives_the_same_bits(string name)
    {
        using var scope = NewDisposeScope();
        Network expected = new(), actual = new();
        using FlatMinimaOptimizer a = Make(expected), b = Make(actual);
        for (int step = 0; step < 6; step++)
        {
            a.step(() => expected.Loss(step));
            Habits[name](b, actual, step);
            Bits.AssertEqual(expected.Module.parameters(), actual.Module.parameters());
            Bits.AssertEqual(expected.Module.buffers(), actual.Module.buffers());
        }
    }

    // Each micro-batch has its own backward; the sum of their losses is the other way to write it.
    [Fact]
    public void Micro_batches_with_a_backward_each_add_up()
    {
        using var scope = NewDisposeScope();
        Parameter u = new(linspace(-1, 1, 4, ScalarType.Float64)), v = new(linspace(-1, 1, 4, ScalarType.Float64));
        using var a = new FlatMinimaOptimizer(optim.SGD([u], 0.1), new NoiseStability { Sigma = 0.2, CleanWeight = 0.25 });
        using var b = new FlatMinimaOptimizer(optim.SGD([v], 0.1), new NoiseStability { Sigma = 0.2, CleanWeight = 0.25 });
        for (int step = 0; step < 5; step++)
        {
            a.step(() => u.pow(4).sum() + u.sin().sum());
            b.step(() =>
            {
                Tensor first = v.pow(4).sum();
                first.backward();
                Tensor second = v.sin().sum();
                second.backward();
                return first.detach() + second.detach();
            });
            Assert.True(u.detach().sub(v.detach()).abs().max().ToDouble() < 1e-15);
        }
    }

    [Fact]
    public void The_last_of_several_micro_batches_may_be_returned_with_its_spent_graph()
    {
        using var scope = NewDisposeScope();
        Parameter v = new(linspace(-1, 1, 4));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([v], 0.1), new Plain());
        Tensor before = v.detach().clone();
        optimizer.step(() =>
        {
            v.pow(2).sum().backward();
            Tensor last = v.pow(4).sum();
            last.backward();
            return last;
        });
        Assert.True(allclose(before - (0.1 * ((2 * before) + (4 * before.pow(3)))), v.detach()));
    }

    public static TheoryData<string, string> WrongClosures => new()
    {
        { "null", "returned no loss" },
        { "disposed", "returned no loss" },
        { "vector", "shape [2]" },
        { "integer", "Int64" },
        { "no graph", "does not depend on the optimizer's parameters" },
        { "other parameter", "does not depend on the optimizer's parameters" },
        { "live other graph", "called backward on one loss and returned another" },
    };

    [Theory, MemberData(nameof(WrongClosures))]
    public void A_wrong_closure_is_told_what_is_wrong(string name, string message)
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(2)), other = new(ones(2));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.1), new NoiseStability());
        byte[] before = Bits.Of(w);
        var thrown = Assert.Throws<InvalidOperationException>(() => optimizer.step(() => Loss()));
        Assert.Contains(message, thrown.Message);
        Assert.Equal(before, Bits.Of(w));
        Assert.Equal(0, optimizer.StepCount);

        Tensor Loss()
        {
            switch (name)
            {
                case "null":
                    return null!;
                case "disposed":
                    Tensor gone = w.sum();
                    gone.Dispose();
                    return gone;
                case "vector":
                    return w * 2;
                case "integer":
                    return tensor(3L);
                case "no graph":
                    return w.pow(2).sum().detach();
                case "other parameter":
                    return other.pow(2).sum();
                default:
                    w.pow(2).sum().backward();
                    return w.pow(4).sum();
            }
        }
    }

    [Fact]
    public void A_step_without_a_closure_is_told_what_is_wrong()
    {
        using var scope = NewDisposeScope();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([new Parameter(ones(2))], 0.1), new Plain());
        Assert.Contains("step(() => loss)", Assert.Throws<ArgumentNullException>("closure", () => optimizer.step()).Message);
    }

    [Fact]
    public void A_loss_of_one_element_in_any_shape_is_taken()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(2));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.5), new NoiseStability { Sigma = 0.01 });
        Tensor loss = optimizer.step(() => w.sum().view(1, 1));
        Assert.Empty(loss.shape);
        Assert.False(loss.requires_grad);
        Assert.Equal([0.5f, 0.5f], w.data<float>().ToArray());
    }

    private static FlatMinimaOptimizer Make(Network network) =>
        new(optim.SGD(network.Module.parameters(), 0.1, momentum: 0.9, weight_decay: 1e-2), new NoiseStability { Sigma = 0.1, CleanWeight = 0.5 },
            network.Module, seed: 1);

    private static Tensor Backward(Action zeroGrad, Network network, int step)
    {
        zeroGrad();
        Tensor loss = network.Loss(step);
        loss.backward();
        return loss;
    }
}
