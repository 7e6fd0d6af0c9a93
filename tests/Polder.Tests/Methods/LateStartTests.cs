using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Optimization;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>A method that begins late: the base optimizer before, the method after.</summary>
public class LateStartTests
{
    private const int Steps = 6, First = 3;

    [Fact]
    public void Before_its_start_it_is_the_base_optimizer_bit_for_bit_and_after_it_the_method()
    {
        foreach (IGradientMethod method in MethodList.All.Where(m => m is not IPosteriorMethod and not Plain))
        {
            using HandNetwork late = new(), plain = new();
            using FlatMinimaOptimizer a = Make(late, new LateStart(method, First)), b = Make(plain, new Plain());
            for (int step = 0; step < First; step++)
            {
                Assert.False(a.Method.ActsAt(step));
                Assert.Equal(1, a.Step(() => late.Loss(step)).GradientEvaluations);
                b.Step(() => plain.Loss(step));
                Assert.Equal(plain.Weights, late.Weights);
            }
            // From there on it is the method that starts with these weights and momenta.
            using var scope = NewDisposeScope();
            using var own = Make(plain, method);
            own.LoadStateDict(With(b.StateDict(), "algorithm", own.StateDict()["algorithm"]));
            for (int step = First; step < Steps; step++)
            {
                Assert.Equal(method.GradientEvaluationsAt(step), a.Method.GradientEvaluationsAt(step));
                a.Step(() => late.Loss(step));
                own.Step(() => plain.Loss(step));
                Assert.Equal(plain.Weights, late.Weights);
            }
        }
    }

    [Theory]
    [InlineData(0.5, 10, 5), InlineData(0.99, 10, 9), InlineData(0.25, 3, 0)]
    public void The_share_of_the_run_says_the_first_step(double share, int steps, int first)
    {
        IGradientMethod method = Create("sam", share, steps);
        Assert.Equal(first, Assert.IsType<LateStart>(method).FirstStep);
        Assert.Equal("sam", method.Name);
    }

    [Fact]
    public void A_start_beyond_the_run_is_an_error()
    {
        Assert.Equal("method-start of sam: found 1, allowed: a number >= 0 and < 1", Assert.Throws<ArgumentException>(() => Create("sam", 1, 10)).Message
            .Split(" (Parameter")[0]);
        Assert.Throws<ArgumentException>(() => Create("nso", 1.5, 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LateStart(new SharpnessAware(), -1).Validate());
    }

    [Fact]
    public void A_method_with_an_update_of_its_own_has_no_base_optimizer_to_wait_for()
    {
        Assert.Null(MethodRegistry.Named("base").Option("method-start"));
        foreach (MethodEntry entry in MethodRegistry.OfLibrary.Where(m => m.Name != "base"))
            Assert.Equal(entry.DemandsPlainSgd, entry.Option("method-start") is null);
    }

    [Fact]
    public void Both_decorations_go_together_and_say_what_is_inside()
    {
        IGradientMethod method = MethodRegistry.Named("nso").Create(new MethodSetup { Steps = 10 }, new Dictionary<string, object>
        {
            ["micro-perturb"] = 4,
            ["method-start"] = 0.5,
            ["pairs"] = 2,
        });
        var late = Assert.IsType<LateStart>(method);
        Assert.Equal(4, Assert.IsType<MicroPerturbation>(late.Method).Rows);
        Assert.Equal((1, 4), (method.GradientEvaluationsAt(4), method.GradientEvaluationsAt(5)));
        Assert.Contains("FirstStep = 5", method.ToString());
        Assert.Contains("Pairs = 2", method.ToString());
    }

    private static IGradientMethod Create(string name, double share, int steps) =>
        MethodRegistry.Named(name).Create(new MethodSetup { Steps = steps }, new Dictionary<string, object> { ["method-start"] = share });

    private static FlatMinimaOptimizer Make(HandProblem problem, IGradientMethod method) =>
        new(optim.SGD(problem.Parameters, 0.1, momentum: 0.9), method, seed: 4);

    private static Dictionary<string, Tensor> With(IReadOnlyDictionary<string, Tensor> state, string name, Tensor value) =>
        new(state) { [name] = value };
}
