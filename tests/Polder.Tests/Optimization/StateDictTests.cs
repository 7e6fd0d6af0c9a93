using Polder.Averaging;
using Polder.Checkpoints;
using Polder.Methods;
using Polder.Optimization;
using Polder.Parameters;
using Polder.Probes;
using Polder.Testing;
using Polder.Tests.Methods;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>n steps, save, new objects, load, m steps are n + m steps bit for bit.</summary>
public sealed class StateDictTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-state-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<int, string> Cases()
    {
        var cases = new TheoryData<int, string>();
        for (int method = 0; method < MethodList.All.Count; method++)
            foreach (string optimizer in BaseOptimizers.All.Keys)
                if (Fits(MethodList.All[method], optimizer))
                    cases.Add(method, optimizer);
        return cases;
    }

    [Theory, MemberData(nameof(Cases))]
    public void A_resumed_run_is_the_uninterrupted_one_bit_for_bit(int method, string optimizerName)
    {
        using var scope = NewDisposeScope();
        Run whole = new(MethodList.All[method], optimizerName), first = new(MethodList.All[method], optimizerName);
        // The split falls into the middle of LookSAM's interval and of a schedule.
        whole.Steps(0, 7);
        first.Steps(0, 4);
        string file = Path.Combine(_folder, "state.safetensors");
        first.Save(file);
        first.Optimizer.Dispose();

        Run second = new(MethodList.All[method], optimizerName);
        second.Load(file);
        second.Steps(4, 7);

        Bits.AssertEqual(whole.Network.Module.parameters(), second.Network.Module.parameters());
        Bits.AssertEqual(whole.Network.Module.buffers(), second.Network.Module.buffers());
        AssertSame(whole.Optimizer.StateDict(), second.Optimizer.StateDict());
        Assert.Equal(7, second.Optimizer.StepCount);
    }

    [Fact]
    public void A_state_loads_over_the_state_of_other_steps()
    {
        using var scope = NewDisposeScope();
        var method = new LookSharpnessAware { Rho = 0.1, Every = 3 };
        Run run = new(method, "amsgrad");
        run.Steps(0, 4);
        byte[][] weights = Bits.Of([.. run.Network.Module.parameters(), .. run.Network.Module.buffers()]);
        string file = Path.Combine(_folder, "state.safetensors");
        run.Save(file);
        run.Steps(4, 8);
        byte[][] expected = Bits.Of(run.Network.Module.parameters());
        run.Load(file);
        Bits.AssertEqual(weights, Bits.Of([.. run.Network.Module.parameters(), .. run.Network.Module.buffers()]));
        run.Steps(4, 8);
        Bits.AssertEqual(expected, Bits.Of(run.Network.Module.parameters()));
    }

    [Fact]
    public void A_momentum_of_a_double_model_stays_double_and_outlives_the_scope_of_loading()
    {
        using var outer = NewDisposeScope();
        Network network = new(ScalarType.Float64), other = new(ScalarType.Float64);
        using var a = Optimizer(network);
        a.Step(() => network.Loss(0));
        var state = a.StateDict();
        Assert.Equal(ScalarType.Float64, state["base.0.momentum_buffer"].dtype);
        using var b = Optimizer(other);
        other.Module.load_state_dict(network.Module.state_dict());
        using (NewDisposeScope())
            b.LoadStateDict(state);
        for (int step = 1; step < 4; step++)
        {
            a.Step(() => network.Loss(step));
            b.Step(() => other.Loss(step));
        }
        Bits.AssertEqual(network.Module.parameters(), other.Module.parameters());

        static FlatMinimaOptimizer Optimizer(Network network) =>
            new(optim.SGD(network.Module.parameters(), 0.1, momentum: 0.9), new NoiseStability { Sigma = 0.1 }, network.Module, seed: 3);
    }

    [Fact]
    public void The_learning_rate_of_each_group_and_the_skipped_steps_are_part_of_the_state()
    {
        using var scope = NewDisposeScope();
        FlatMinimaOptimizer Make(out Parameter u)
        {
            Parameter w = new(ones(2)), v = new(ones(2));
            u = w;
            var sgd = optim.SGD([w], 0.5, momentum: 0.9);
            sgd.add_param_group(new SGD.ParamGroup([v], new SGD.Options { LearningRate = 0.25 }));
            return new(sgd, new Plain()) { NonFinite = NonFinitePolicy.Skip };
        }
        using FlatMinimaOptimizer a = Make(out Parameter first), b = Make(out _);
        a.ParamGroups.ElementAt(1).LearningRate = 0.125;
        Assert.True(a.Step(() => first.sum() * double.NaN).Skipped);
        b.LoadStateDict(a.StateDict());
        Assert.Equal([0.5, 0.125], b.ParamGroups.Select(g => g.LearningRate));
        Assert.Equal((1, 1), (b.SkippedSteps, b.StepCount));
    }

    [Fact]
    public void A_parameter_without_a_gradient_stays_without_one_after_loading()
    {
        using var scope = NewDisposeScope();
        // Weight decay would move a parameter that the optimizer takes for one with a gradient of zero, and must move one whose gradient
        // has become zero.
        static (Parameter Used, Parameter Unused, FlatMinimaOptimizer Optimizer) Make()
        {
            Parameter used = new(ones(2)), unused = new(ones(2));
            return (used, unused, new(optim.SGD([used, unused], 0.1, weight_decay: 0.5), new Plain()));
        }
        var a = Make();
        a.Optimizer.Step(() => a.Used.sum());
        var b = Make();
        b.Optimizer.LoadStateDict(a.Optimizer.StateDict());
        b.Optimizer.Step(() => b.Unused.sum());
        // Both have had a gradient now: 1 - 0.1 x 0.5 x 1 for the one whose gradient is zero at this step.
        Assert.Equal(0.95f, b.Used[0].ToSingle());
        b.Optimizer.LoadStateDict(a.Optimizer.StateDict());
        byte[] before = Bits.Of(b.Unused);
        b.Optimizer.Step(() => b.Used.sum());
        Assert.Equal(before, Bits.Of(b.Unused));
        a.Optimizer.Dispose();
        b.Optimizer.Dispose();
    }

    [Fact]
    public void Hooks_and_the_methods_numbers_are_saved_and_loaded()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(3)), v = new(ones(3));
        using var a = new FlatMinimaOptimizer(optim.SGD([w], 0.1), new Counting());
        using var b = new FlatMinimaOptimizer(optim.SGD([v], 0.1), new Counting());
        Sum sum = new(), loaded = new();
        a.Hooks.Add(new Silent());
        a.Hooks.Add(sum);
        a.Step(() => w.pow(2).sum());
        a.Step(() => w.pow(2).sum());
        var state = a.StateDict();
        Assert.Equal(0.1 + 0.1, state["scalar.count"].ToDouble());
        var e = Assert.Throws<ArgumentException>(() => b.LoadStateDict(state));
        Assert.Contains("hook.1.", e.Message);
        b.Hooks.Add(new Silent());
        b.Hooks.Add(loaded);
        b.LoadStateDict(state);
        Assert.Equal(sum.Total, loaded.Total);
        Assert.Equal(0.1 + 0.1, b.StateDict()["scalar.count"].ToDouble());
    }

    [Theory]
    [InlineData("optimizer", "SGD")]
    [InlineData("algorithm", "sam")]
    [InlineData("count", "1 trainable parameters")]
    [InlineData("shape", "shape [2], the optimizer's parameter [3]")]
    [InlineData("version", "version 99")]
    [InlineData("empty", "lacks version")]
    [InlineData("group", "no place for base.1")]
    [InlineData("method shape", "method.orthogonal.0")]
    public void A_state_that_does_not_fit_is_refused_and_changes_nothing(string what, string words)
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(3)), two = new(ones(2)), frozen = new(ones(3), requires_grad: false);
        IGradientMethod method = new LookSharpnessAware();
        using FlatMinimaOptimizer other = what switch
        {
            "optimizer" => new(optim.SGD([w], 0.1), method),
            "algorithm" => new(optim.Adam([w], 0.1), new SharpnessAware()),
            "shape" => new(optim.Adam([two], 0.1), method),
            "group" => new(optim.Adam([w, frozen], 0.1), method),
            "method shape" => new(optim.Adam([w], 0.1), method),
            _ => new(optim.Adam([w], 0.1), method),
        };
        using var optimizer = what == "count"
            ? new FlatMinimaOptimizer(optim.Adam([w, two], 0.1), method)
            : new FlatMinimaOptimizer(optim.Adam([w], 0.1), method);
        other.Step(() => (what == "shape" ? two : w).pow(2).sum());
        optimizer.Step(() => w.pow(2).sum() + two.pow(2).sum());
        var state = what == "empty" ? [] : new Dictionary<string, Tensor>(other.StateDict());
        if (what == "version")
            state["version"] = tensor(99L);
        if (what == "method shape")
            state["method.orthogonal.0"] = ones(7);
        var before = optimizer.StateDict();
        var e = Assert.Throws<ArgumentException>(() => optimizer.LoadStateDict(state));
        Assert.Contains(words, e.Message);
        AssertSame(before, optimizer.StateDict());
    }

    [Theory]
    [InlineData("msam", "method.momentum.")]
    [InlineData("msam", "base.")]
    [InlineData("nso", "scalar.")]
    [InlineData("nso", "curvature.")]
    [InlineData("nso", "hook.1.")]
    public void A_state_that_lacks_what_it_was_saved_with_is_refused_and_changes_nothing(string method, string part)
    {
        using var scope = NewDisposeScope();
        Network network = new();
        IGradientMethod Method() => method == "nso" ? new NoiseStability { Sigma = Sigma.Auto(0.2, 0.05) } : new MomentumSharpnessAware();
        FlatMinimaOptimizer Optimizer()
        {
            var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0.1, momentum: 0.9), Method(), network.Module);
            optimizer.Hooks.Add(new ExponentialMovingAverage(0.9));
            optimizer.Hooks.Add(new ExponentialMovingAverage(0.5));
            return optimizer;
        }
        using FlatMinimaOptimizer saved = Optimizer(), fresh = Optimizer();
        for (int step = 0; step < 3; step++)
            saved.Step(() => network.Loss(step));
        var state = new Dictionary<string, Tensor>(saved.StateDict());
        string missing = state.Keys.First(key => key.StartsWith(part, StringComparison.Ordinal));
        state = state.Where(entry => !entry.Key.StartsWith(part, StringComparison.Ordinal)).ToDictionary();
        var before = fresh.StateDict();
        var e = Assert.Throws<ArgumentException>(() => fresh.LoadStateDict(state));
        Assert.Contains($"the saved state lacks {missing}", e.Message);
        AssertSame(before, fresh.StateDict());
    }

    [Fact]
    public void A_hook_that_refuses_its_part_leaves_the_hooks_before_it_as_they_were()
    {
        using var scope = NewDisposeScope();
        Network network = new();
        FlatMinimaOptimizer Optimizer()
        {
            var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0.1), new Plain(), network.Module);
            optimizer.Hooks.Add(new ExponentialMovingAverage(0.9));
            optimizer.Hooks.Add(new ExponentialMovingAverage(0.5));
            return optimizer;
        }
        using FlatMinimaOptimizer saved = Optimizer(), other = Optimizer();
        saved.Step(() => network.Loss(0));
        saved.Step(() => network.Loss(1));
        other.Step(() => network.Loss(2));
        var state = new Dictionary<string, Tensor>(saved.StateDict()) { ["hook.1.average.0"] = ones(7) };
        var before = other.StateDict();
        Assert.Contains("average.0 of shape", Assert.Throws<ArgumentException>(() => other.LoadStateDict(state)).Message);
        AssertSame(before, other.StateDict());
    }

    [Fact]
    public void A_state_of_an_earlier_version_without_the_list_of_its_names_loads()
    {
        using var scope = NewDisposeScope();
        Network network = new();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(network.Module.parameters(), 0.1), new MomentumSharpnessAware(), network.Module);
        optimizer.Step(() => network.Loss(0));
        var state = optimizer.StateDict();
        optimizer.LoadStateDict(state.Where(entry => entry.Key != "names").ToDictionary());
        AssertSame(state, optimizer.StateDict());
    }

    [Fact]
    public void Saving_and_loading_leave_no_tensor_behind()
    {
        using var scope = NewDisposeScope();
        Run run = new(new LookSharpnessAware { Every = 2 }, "amsgrad");
        run.Steps(0, 3);
        LiveTensors.AssertSteady(() =>
        {
            using var inner = NewDisposeScope();
            run.Optimizer.LoadStateDict(run.Optimizer.StateDict());
        });
    }

    internal static bool Fits(IGradientMethod method, string optimizer) => !MethodList.MakesItsUpdate(method) || optimizer == "plain sgd";

    private static void AssertSame(IReadOnlyDictionary<string, Tensor> expected, IReadOnlyDictionary<string, Tensor> actual)
    {
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, value) in expected)
            Assert.True(Bits.Of(value).AsSpan().SequenceEqual(Bits.Of(actual[name])), name);
    }

    private sealed class Run
    {
        public Run(IGradientMethod method, string optimizer)
        {
            Network = new Network();
            Optimizer = new FlatMinimaOptimizer(BaseOptimizers.All[optimizer](Network.Module.parameters()), method, Network.Module, seed: 11);
        }

        public Network Network { get; }

        public FlatMinimaOptimizer Optimizer { get; }

        public void Steps(int from, int to)
        {
            for (int step = from; step < to; step++)
                Network.Take(Optimizer, step);
        }

        public void Save(string file) => Safetensors.Write(
            file, [.. Optimizer.StateDict().Select(e => (e.Key, e.Value)), .. Network.Module.state_dict().Select(e => ("model." + e.Key, e.Value))]);

        public void Load(string file)
        {
            using Checkpoint checkpoint = Checkpoint.Load(file);
            Optimizer.LoadStateDict(checkpoint.Tensors);
            Network.Module.load_state_dict(
                checkpoint.Tensors.Where(e => e.Key.StartsWith("model.", StringComparison.Ordinal)).ToDictionary(e => e.Key["model.".Length..], e => e.Value));
        }
    }

    private sealed record Counting : IGradientMethod
    {
        public string Name => "counting";

        public int GradientEvaluations => 1;

        public void Validate()
        {
        }

        public void ComputeGradient(MethodContext context)
        {
            context.Run(Probe.Centre());
            context.WhenAccepted(() => context.State.Scalars["count"] = (context.State.Scalars.TryGetValue("count", out double count) ? count : 0) + 0.1);
        }
    }

    private sealed class Silent : IUpdateHook;

    private sealed class Sum : IStatefulHook
    {
        public double Total { get; private set; }

        public void AfterUpdate(UpdateContext context)
        {
            using var scope = NewDisposeScope();
            Total += context.Space.Parameters[0].sum().ToDouble();
        }

        public void Save(IDictionary<string, Tensor> state) => state["total"] = tensor(Total, ScalarType.Float64);

        public void Load(ParameterSpace space, IReadOnlyDictionary<string, Tensor> state) => Total = state["total"].ToDouble();
    }
}
