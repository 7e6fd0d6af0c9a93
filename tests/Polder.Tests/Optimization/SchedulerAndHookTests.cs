using Polder.Methods;
using Polder.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

public class SchedulerAndHookTests
{
    private static readonly Dictionary<string, Func<optim.Optimizer, optim.lr_scheduler.LRScheduler>> Schedulers = new()
    {
        ["step"] = o => optim.lr_scheduler.StepLR(o, 3, 0.5),
        ["cosine"] = o => optim.lr_scheduler.CosineAnnealingLR(o, 8),
    };

    [Theory]
    [InlineData("step", true)]
    [InlineData("step", false)]
    [InlineData("cosine", true)]
    [InlineData("cosine", false)]
    public void A_scheduler_drives_the_steps_from_the_wrapper_and_from_the_base(string name, bool onWrapper)
    {
        using var scope = NewDisposeScope();
        Network raw = new(), ours = new();
        var plain = optim.SGD(raw.Module.parameters(), 0.2, momentum: 0.9);
        var inner = optim.SGD(ours.Module.parameters(), 0.2, momentum: 0.9);
        using var optimizer = new FlatMinimaOptimizer(inner, new NoiseStability { Sigma = 0 }, ours.Module);
        var expected = Schedulers[name](plain);
        var actual = Schedulers[name](onWrapper ? optimizer : inner);
        var rates = new HashSet<double>();
        for (int step = 0; step < 8; step++)
        {
            plain.zero_grad();
            raw.Loss(step).backward();
            plain.step();
            expected.step();
            optimizer.step(() => ours.Loss(step));
            actual.step();
            Bits.AssertEqual(raw.Module.parameters(), ours.Module.parameters());
            rates.Add(Assert.Single(optimizer.ParamGroups.Select(g => g.LearningRate)));
        }
        Assert.True(rates.Count >= 3);
    }

    [Fact]
    public void Hooks_run_once_a_step_around_the_update_with_the_weights_at_the_centre()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(new[] { 1.0, 2.0 }));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.1), new NoiseStability { Sigma = 0.5, Pairs = 3 });
        var log = new List<string>();
        optimizer.Hooks.Add(new Recorder("a", w, log));
        optimizer.Hooks.Add(new Recorder("b", w, log));
        optimizer.step(() => w.sum());
        Assert.Equal(["a before 1 2", "b before 1 2", "a after 0.9 1.9", "b after 0.9 1.9"], log);
    }

    [Fact]
    public void A_hook_changes_the_gradient_that_the_base_sees()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(new[] { 3.0, 4.0 }));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 1), new NoiseStability { Sigma = 0.5 });
        optimizer.Hooks.Add(new Clip());
        StepResult result = optimizer.Step(() => w.pow(2).sum() * 0.5);
        Assert.Equal(5, result.GradientNorm, 1e-14);
        Assert.Equal([3 - 0.6, 4 - 0.8], w.data<double>().ToArray().Select(v => Math.Round(v, 14)));
    }

    [Fact]
    public void A_hook_sees_the_step_its_loss_the_base_and_which_parameters_it_updates()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(ones(2)), unused = new(ones(2));
        var sgd = optim.SGD([w, unused], 0.25);
        using var optimizer = new FlatMinimaOptimizer(sgd, new Plain());
        var seen = new List<UpdateContext>();
        optimizer.Hooks.Add(new Reader(seen));
        double[] losses = [.. Enumerable.Range(0, 2).Select(_ => optimizer.Step(() => w.pow(2).sum()).Loss)];
        Assert.Equal([0L, 0, 1, 1], seen.Select(context => context.Step));
        Assert.Equal([losses[0], losses[0], losses[1], losses[1]], seen.Select(context => context.Loss));
        Assert.All(seen, context =>
        {
            Assert.Same(sgd, context.Base);
            Assert.Same(optimizer.Space, context.Space);
            Assert.Equal([true, false], new[] { context.Updates(0), context.Updates(1) });
        });
    }

    [Fact]
    public void Hooks_do_not_run_for_a_step_that_is_skipped()
    {
        using var scope = NewDisposeScope();
        Parameter w = new(tensor(new[] { 1.0, 2.0 }));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD([w], 0.1), new NoiseStability()) { NonFinite = NonFinitePolicy.Skip };
        var log = new List<string>();
        optimizer.Hooks.Add(new Recorder("a", w, log));
        optimizer.step(() => w.sum() * double.NaN);
        Assert.Empty(log);
    }

    private sealed class Recorder(string name, Parameter parameter, List<string> log) : IUpdateHook
    {
        public void BeforeUpdate(UpdateContext context) => log.Add($"{name} before {Values()}");

        public void AfterUpdate(UpdateContext context) => log.Add($"{name} after {Values()}");

        private string Values() => string.Join(' ', parameter.data<double>().ToArray().Select(v => Math.Round(v, 12)));
    }

    private sealed class Reader(List<UpdateContext> seen) : IUpdateHook
    {
        public void BeforeUpdate(UpdateContext context) => seen.Add(context);

        public void AfterUpdate(UpdateContext context) => seen.Add(context);
    }

    private sealed class Clip : IUpdateHook
    {
        public void BeforeUpdate(UpdateContext context) => context.Gradient.Scale(1 / context.Gradient.Norm());
    }
}
