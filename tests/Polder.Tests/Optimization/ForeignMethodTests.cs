using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using Polder.Parameters;
using Polder.Probes;
using Polder.Testing;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>A method of somebody else's may do what it likes: the weights come back bit for bit, and no step trains on what another has left.</summary>
public class ForeignMethodTests
{
    private const string Reason = "the method gives up";

    /// <summary>Ways to move the weights beside the probes.</summary>
    private static readonly Dictionary<string, Action<MethodContext>> Moves = new()
    {
        ["along a draw"] = context =>
        {
            ParameterVector noise = context.State.Scratch("noise");
            context.Materialize(0, noise);
            context.Space.Move(noise, 0.3);
        },
        ["before the first probe"] = context =>
        {
            context.Space.Mirror(context.State.Scratch("zero"));
            context.Run(Probe.Noise(0, 0.1, 0.5), Probe.Noise(0, -0.1, 0.5));
        },
        ["between probes"] = context =>
        {
            context.Run(Probe.Noise(0, 0.1, 1));
            context.Space.MoveTo(context.Gradient, new PhiloxNoise(1), 0, 0, 2);
            context.Run(Probe.Along(context.Gradient, 0.1));
            context.Space.Move(context.Gradient, -1);
        },
        ["by hand"] = context =>
        {
            using var noGrad = no_grad();
            context.Space.Parameters[0].add_(1);
            context.WhenAccepted(() =>
            {
                using var again = no_grad();
                context.Space.Parameters[0].mul_(2);
            });
        },
    };

    public static TheoryData<string> MoveNames => [.. Moves.Keys];

    [Theory, MemberData(nameof(MoveNames))]
    public void Weights_that_a_method_moves_come_back(string move)
    {
        using var scope = NewDisposeScope();
        Network network = new();
        using FlatMinimaOptimizer optimizer = Make(network, 0, new Foreign(context =>
        {
            Moves[move](context);
            context.Run(Probe.Centre());
        }));
        byte[][] before = Bits.Of(network.Module.parameters());
        for (int step = 0; step < 3; step++)
            optimizer.Step(() => network.Loss(step));
        Bits.AssertEqual(before, Bits.Of(network.Module.parameters()));
    }

    [Theory, MemberData(nameof(MoveNames))]
    public void Weights_that_a_method_moves_come_back_where_it_throws(string move)
    {
        using var scope = NewDisposeScope();
        Network network = new();
        using FlatMinimaOptimizer optimizer = Make(network, 0.1, new Foreign(context =>
        {
            Moves[move](context);
            throw new InvalidOperationException(Reason);
        }));
        byte[][] before = Bits.Of([.. network.Module.parameters(), .. network.Module.buffers()]);
        for (int step = 0; step < 3; step++)
            Assert.Equal(Reason, Assert.Throws<InvalidOperationException>(() => optimizer.Step(() => network.Loss(step))).Message);
        Bits.AssertEqual(before, Bits.Of([.. network.Module.parameters(), .. network.Module.buffers()]));
    }

    [Theory, MemberData(nameof(MoveNames))]
    public void A_probe_at_the_centre_is_at_W_wherever_the_method_has_left_the_weights(string move)
    {
        using var scope = NewDisposeScope();
        Network network = new(), plain = new();
        using FlatMinimaOptimizer optimizer = Make(network, 0.1, new Foreign(context =>
        {
            Moves[move](context);
            context.Run(Probe.Centre());
        }));
        using FlatMinimaOptimizer expected = Make(plain, 0.1, new Plain());
        for (int step = 0; step < 3; step++)
        {
            optimizer.Step(() => network.Loss(step));
            expected.Step(() => plain.Loss(step));
            Bits.AssertEqual(plain.Module.parameters(), network.Module.parameters());
        }
    }

    [Fact]
    public void A_method_that_runs_no_probe_is_refused()
    {
        using var scope = NewDisposeScope();
        Network network = new();
        using FlatMinimaOptimizer optimizer = Make(network, 0.1, new Foreign(context =>
        {
            if (context.Step == 0)
                context.Run(Probe.Centre());
        }));
        optimizer.Step(() => network.Loss(0));
        byte[][] before = Bits.Of(network.Module.parameters());
        var e = Assert.Throws<InvalidOperationException>(() => optimizer.Step(() => network.Loss(1)));
        Assert.Equal("foreign ran no probe at step 1: ComputeGradient must run at least one", e.Message);
        Bits.AssertEqual(before, Bits.Of(network.Module.parameters()));
        Assert.Equal(1, optimizer.StepCount);
    }

    [Fact]
    public void A_gradient_that_the_method_does_not_fill_is_zero()
    {
        using var scope = NewDisposeScope();
        Network network = new();
        using FlatMinimaOptimizer optimizer = Make(network, 0.1, new Foreign(context =>
        {
            if (context.Step == 0)
                context.Run(Probe.Centre());
            else
                context.RunInto(context.State.Scratch("other"), Probe.Centre());
        }));
        optimizer.Step(() => network.Loss(0));
        byte[][] before = Bits.Of(network.Module.parameters());
        Assert.Equal(0, optimizer.Step(() => network.Loss(1)).GradientNorm);
        Bits.AssertEqual(before, Bits.Of(network.Module.parameters()));
    }

    [Fact]
    public void Keeping_the_weights_leaves_no_tensor_behind()
    {
        using var scope = NewDisposeScope();
        Network network = new();
        LiveTensors.AssertSteady(() =>
        {
            using var inner = NewDisposeScope();
            using FlatMinimaOptimizer optimizer = Make(network, 0.1, new Foreign(context => context.Run(Probe.Noise(0, 0.1, 1))));
            optimizer.Step(() => network.Loss(0));
            network.Module.parameters().First().requires_grad = false;
            optimizer.Step(() => network.Loss(0));
            network.Module.parameters().First().requires_grad = true;
        });
    }

    [Fact]
    public void What_is_disposed_says_so_in_our_words()
    {
        using var scope = NewDisposeScope();
        Network network = new();
        FlatMinimaOptimizer optimizer = Make(network, 0.1, new NoiseStability());
        var state = optimizer.StateDict();
        optimizer.Dispose();
        optimizer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => optimizer.Step(() => network.Loss(0)));
        Assert.Throws<ObjectDisposedException>(() => optimizer.step(() => network.Loss(0)));
        Assert.Throws<ObjectDisposedException>(() => optimizer.StateDict());
        Assert.Throws<ObjectDisposedException>(() => optimizer.LoadStateDict(state));
    }

    private static FlatMinimaOptimizer Make(Network network, double rate, IGradientMethod method) =>
        new(optim.SGD(network.Module.parameters(), rate), method, network.Module, seed: 3);

    private sealed class Foreign(Action<MethodContext> compute) : IGradientMethod
    {
        public string Name => "foreign";

        public int GradientEvaluations => 1;

        public void Validate()
        {
        }

        public void ComputeGradient(MethodContext context) => compute(context);
    }
}
