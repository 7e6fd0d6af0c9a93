using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Optimization;
using TorchSharp.Modules;
using static Polder.Tests.Methods.Replays;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>A method that begins late: the base optimizer before, the method after.</summary>
public class LateStartTests
{
    private const int Steps = 6, First = 3;

    public static TheoryData<string> Problems => ["quadratic", "network"];

    [Fact]
    public void Before_its_start_it_is_the_base_optimizer_bit_for_bit_and_after_it_the_method()
    {
        foreach (IGradientMethod method in MethodList.All.Where(m => !MethodList.MakesItsUpdate(m) && m is not (Plain or LateStart)))
        {
            using HandNetwork late = new(), plain = new();
            using FlatMinimaOptimizer a = Make(late, new LateStart(method, First)), b = Make(plain, new Plain());
            for (int step = 0; step < First; step++)
            {
                Assert.False(a.Method.ActsAt(step));
                Assert.Equal(1, a.Take(() => late.Loss(step)).GradientEvaluations);
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
                a.Take(() => late.Loss(step));
                own.Take(() => plain.Loss(step));
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
    public void Every_method_but_the_base_optimizer_takes_the_option()
    {
        Assert.Null(MethodRegistry.Named("base").Option("method-start"));
        foreach (MethodEntry entry in MethodRegistry.OfLibrary.Where(m => m.Name is not ("base" or "samon")))
            Assert.Equal(5, Assert.IsType<LateStart>(Create(entry.Name, 0.5, 10)).FirstStep);
    }

    // The posterior is a point and the metric stays: m of the plain gradient, which goes on at the start, where the precision begins.
    [Theory, MemberData(nameof(Problems))]
    public void Bayesian_sam_before_and_after_its_start(string problem)
    {
        double[]? m = null, s = null;
        var method = new LateStart(
            new BayesianSharpnessAware { Examples = 50, Rho = 0.2, Beta1 = 0.8, Beta2 = 0.9, PriorPrecision = 0.02, Damping = 0.1 }, First);
        Replay(problem, method, (w, step, grad, u) =>
        {
            m ??= new double[w.Length];
            s ??= [.. w.Select(_ => 1.0)];
            double[] g = step < First ? [] : grad([.. w.Select((x, i) => x + (u[i] / Math.Sqrt(50 * s[i])))]);
            double[] p = step < First ? grad(w) : grad([.. w.Select((x, i) => x + (0.2 * g[i] / s[i]))]);
            for (int i = 0; i < w.Length; i++)
            {
                m[i] = (0.8 * m[i]) + (0.2 * (p[i] + (0.02 * w[i])));
                if (step >= First)
                    s[i] = (0.9 * s[i]) + (0.1 * ((Math.Sqrt(s[i]) * Math.Abs(g[i])) + 0.12));
            }
            return [.. m.Zip(s, (a, b) => a / b)];
        }, step => step < First ? 1 : 2);
    }

    [Theory]
    [InlineData("quadratic", double.PositiveInfinity), InlineData("network", double.PositiveInfinity), InlineData("quadratic", 0.1)]
    public void Ivon_before_and_after_its_start(string problem, double clip)
    {
        double[]? m = null, h = null;
        int clipped = 0;
        var method = new LateStart(new VariationalOnlineNewton
        {
            Examples = 50,
            Beta1 = 0.8,
            Beta2 = 0.9,
            PriorPrecision = 0.02,
            HessianInit = 2,
            ClipRadius = clip,
        }, First);
        Replay(problem, method, (w, step, grad, u) =>
        {
            m ??= new double[w.Length];
            h ??= [.. w.Select(_ => 2.0)];
            double[] e = [.. u.Select((x, i) => step < First ? 0 : x / Math.Sqrt(50 * (h[i] + 0.02)))], g = grad(Replays.Add(w, e, 1)),
                update = new double[w.Length];
            for (int i = 0; i < w.Length; i++)
            {
                m[i] = (0.8 * m[i]) + (0.2 * g[i]);
                double estimate = 50 * (h[i] + 0.02) * e[i] * g[i];
                if (step >= First)
                    h[i] = (0.9 * h[i]) + (0.1 * estimate) + (0.5 * 0.1 * 0.1 * (h[i] - estimate) * (h[i] - estimate) / (h[i] + 0.02));
                double full = ((m[i] / (1 - Math.Pow(0.8, step + 1))) + (0.02 * w[i])) / (h[i] + 0.02);
                clipped += step < First && Math.Abs(full) > clip ? 1 : 0;
                update[i] = 2.02 * Math.Clamp(full, -clip, clip);
            }
            return update;
        });
        Assert.Equal(double.IsFinite(clip), clipped > 0);
    }

    // What the base optimizer of other methods is, in TorchSharp's own words; ivon's momentum is debiased beside that.
    [Theory, MemberData(nameof(Problems))]
    public void Before_its_start_bayesian_sam_is_sgd_with_momentum_and_decay(string name)
    {
        using HandProblem late = HandProblem.Make(name), plain = HandProblem.Make(name);
        var method = new BayesianSharpnessAware { Examples = 50, Beta1 = 0.9, PriorPrecision = 0.02 };
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(late.Parameters, 0.1), new LateStart(method, 20), seed: 4);
        using SGD sgd = optim.SGD(plain.Parameters, 0.01, momentum: 0.9, weight_decay: 0.02);
        for (int step = 0; step < 20; step++)
        {
            optimizer.Step(() => late.Loss(step));
            sgd.step(() =>
            {
                sgd.zero_grad();
                Tensor loss = plain.Loss(step);
                loss.backward();
                return loss;
            });
            Assert.All(plain.Weights.Zip(late.Weights), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        }
    }

    [Fact]
    public void A_posterior_before_its_start_is_the_first_one_and_has_seen_no_curvature()
    {
        using var problem = new HandNetwork();
        using var optimizer = new FlatMinimaOptimizer(
            optim.SGD(problem.Parameters, 0.1), new LateStart(new VariationalOnlineNewton { Examples = 50, HessianInit = 2 }, 2), seed: 4);
        using var scope = NewDisposeScope();
        for (int step = 0; step < 2; step++)
            optimizer.Step(() => problem.Loss(step));
        Assert.True(double.IsNaN(optimizer.HessianTrace()));
        Assert.All(optimizer.PosteriorDeviations()!.SelectMany(d => d.data<double>().ToArray()), d => Assert.Equal(1 / Math.Sqrt(50 * 2.0001), d, 1e-12));
        optimizer.Step(() => problem.Loss(2));
        Assert.True(double.IsFinite(optimizer.HessianTrace()));
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
        MethodRegistry.Named(name).Create(new MethodSetup { Steps = steps, Examples = 20 }, new Dictionary<string, object> { ["method-start"] = share });

    private static FlatMinimaOptimizer Make(HandProblem problem, IGradientMethod method) =>
        new(optim.SGD(problem.Parameters, 0.1, momentum: 0.9), method, seed: 4);

    private static Dictionary<string, Tensor> With(IReadOnlyDictionary<string, Tensor> state, string name, Tensor value) =>
        new(state) { [name] = value };
}
