using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using Polder.Parameters;
using static Polder.Tests.Methods.Replays;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>Each method against its paper's update rule, written out by hand on plain arrays.</summary>
public class SamFamilyReplayTests
{
    public static TheoryData<string> Problems => ["quadratic", "network"];

    [Theory, MemberData(nameof(Problems))]
    public void Sam(string problem) => Replay(problem, new SharpnessAware { Rho = 0.3 }, (w, _, grad, _) =>
    {
        double[] g = grad(w);
        return grad(Add(w, g, 0.3 / Norm(g)));
    });

    [Theory, MemberData(nameof(Problems))]
    public void Unnormalised_sam(string problem) => Replay(problem, new SharpnessAware { Rho = 0.1, Normalize = false },
        (w, _, grad, _) => grad(Add(w, grad(w), 0.1)));

    [Theory, MemberData(nameof(Problems))]
    public void Adaptive_sam_elementwise(string problem) => Replay(problem, new SharpnessAware { Rho = 0.5, Adaptive = true }, (w, _, grad, _) =>
    {
        double[] tg = [.. grad(w).Zip(w, (g, x) => Math.Abs(x) * g)];
        return grad(Add(w, [.. tg.Zip(w, (g, x) => Math.Abs(x) * g)], 0.5 / Norm(tg)));
    });

    // The quadratic's first four weights are two filters of two; the network has none, so it is elementwise there.
    [Theory, MemberData(nameof(Problems))]
    public void Adaptive_sam_filter_wise(string problem) =>
        Replay(problem, new SharpnessAware { Rho = 0.5, Adaptive = true, FilterWise = true }, (w, _, grad, _) =>
    {
        double[] t = [.. w.Select(Math.Abs)];
        if (problem == "quadratic")
        {
            t[0] = t[1] = Math.Sqrt((w[0] * w[0]) + (w[1] * w[1]));
            t[2] = t[3] = Math.Sqrt((w[2] * w[2]) + (w[3] * w[3]));
        }
        double[] tg = [.. grad(w).Zip(t, (g, x) => x * g)];
        return grad(Add(w, [.. tg.Zip(t, (g, x) => x * g)], 0.5 / Norm(tg)));
    });

    [Theory, MemberData(nameof(Problems))]
    public void Sam_within_a_selection(string problem)
    {
        int[] chosen = problem == "quadratic" ? [4, 5] : [6, 7, 8]; // the second parameter
        Replay(problem, p => new SharpnessAware { Rho = 0.3, Within = ParameterSelection.Of(p.Parameters[1]) }, (w, _, grad, _) =>
        {
            double[] g = [.. grad(w).Select((x, i) => chosen.Contains(i) ? x : 0)];
            return grad(Add(w, g, 0.3 / Norm(g)));
        });
    }

    [Theory, MemberData(nameof(Problems))]
    public void Random_sam(string problem) => Replay(problem, new RandomSharpnessAware { Rho = 0.2, Sigma = 0.1, GradientWeight = 0.7 }, (w, _, grad, u) =>
    {
        double[] norms = FilterNorms(problem, w);
        double[] d = [.. u.Select((x, i) => 0.1 * x * norms[i])];
        double[] direction = Add(d, grad(Add(w, d, 1)), 0.7);
        return grad(Add(w, direction, 0.2 / Norm(direction)));
    });

    [Theory, MemberData(nameof(Problems))]
    public void Random_sam_with_plain_noise(string problem) =>
        Replay(problem, new RandomSharpnessAware { Rho = 0.2, Sigma = 0.1, FilterNormalize = false }, (w, _, grad, u) =>
        {
            double[] d = [.. u.Select(x => 0.1 * x)];
            double[] direction = Add(d, grad(Add(w, d, 1)), 1);
            return grad(Add(w, direction, 0.2 / Norm(direction)));
        });

    [Theory, MemberData(nameof(Problems))]
    public void Gsam(string problem) => Replay(problem, new SurrogateGap { Rho = 0.3, Alpha = 0.6 }, (w, _, grad, _) =>
    {
        double[] g = grad(w), p = grad(Add(w, g, 0.3 / Norm(g)));
        double[] orthogonal = Add(g, p, -Dot(g, p) / Dot(p, p));
        return Add(p, orthogonal, -0.6);
    });

    [Theory, MemberData(nameof(Problems))]
    public void Adaptive_gsam(string problem) => Replay(problem, new SurrogateGap { Rho = 0.3, Alpha = 0.6, Adaptive = true }, (w, _, grad, _) =>
    {
        double[] g = grad(w), scaled = [.. g.Zip(w, (x, y) => x * y)], move = [.. scaled.Zip(w, (x, y) => x * y)];
        double[] p = grad(Add(w, move, 0.3 / Norm(scaled)));
        double[] orthogonal = Add(g, p, -Dot(g, p) / Dot(p, p));
        return Add(p, orthogonal, -0.6);
    });

    [Theory, MemberData(nameof(Problems))]
    public void Friendly_sam(string problem)
    {
        double[]? m = null;
        Replay(problem, new FriendlySharpnessAware { Rho = 0.3, Reduction = 0.8, Decay = 0.6 }, (w, _, grad, _) =>
        {
            double[] g = grad(w);
            m = [.. g.Select((x, i) => (0.6 * (m?[i] ?? 0)) + (0.4 * x))];
            double[] d = Add(g, m, -0.8);
            return grad(Add(w, d, 0.3 / Norm(d)));
        });
    }

    // The authors' program subtracts sigma' times the mean of the step before: the same direction up to its length.
    [Theory]
    [InlineData("quadratic", 1), InlineData("network", 1), InlineData("quadratic", 0.8), InlineData("network", 0.8)]
    public void Friendly_sam_is_the_form_with_the_mean_of_the_step_before(string problem, double reduction)
    {
        double[]? m = null;
        double before = reduction * 0.6 / (1 - (reduction * 0.4));
        Replay(problem, new FriendlySharpnessAware { Rho = 0.3, Reduction = reduction, Decay = 0.6 }, (w, _, grad, _) =>
        {
            double[] g = grad(w);
            m ??= new double[w.Length];
            double[] d = Add(g, m, -before);
            m = [.. m.Zip(g, (a, b) => (0.6 * a) + (0.4 * b))];
            return grad(Add(w, d, 0.3 / Norm(d)));
        });
    }

    [Theory, MemberData(nameof(Problems))]
    public void Look_sam(string problem)
    {
        double[] v = [];
        Replay(problem, new LookSharpnessAware { Rho = 0.3, Alpha = 0.7, Every = 3 }, (w, step, grad, _) =>
        {
            double[] g = grad(w);
            if (step % 3 != 0)
                return Add(g, v, 0.7 * Norm(g) / Norm(v));
            double[] s = grad(Add(w, g, 0.3 / Norm(g)));
            double cosine = Dot(g, s) / (Norm(g) * Norm(s));
            v = Add(s, g, -Norm(s) * cosine / Norm(g));
            return s;
        }, step => step % 3 == 0 ? 2 : 1);
    }

    [Theory, MemberData(nameof(Problems))]
    public void Momentum_sam(string problem)
    {
        double[]? v = null;
        Replay(problem, new MomentumSharpnessAware { Rho = 0.3, Beta = 0.8 }, (w, _, grad, _) =>
        {
            double[] g = grad(v is null ? w : Add(w, v, -0.3 / Norm(v)));
            v = v is null ? g : Add(g, v, 0.8);
            return g;
        });
    }

    [Theory, MemberData(nameof(Problems))]
    public void Bayesian_sam(string problem)
    {
        double[]? m = null, s = null;
        // 20 images that count 2.5 times each are the 50 of the formula.
        var method = new BayesianSharpnessAware { Examples = 20, DataFactor = 2.5, Rho = 0.1, Beta1 = 0.8, Beta2 = 0.9, PriorPrecision = 0.02, Damping = 0.3 };
        Replay(problem, method, (w, _, grad, u) =>
        {
            m ??= new double[w.Length];
            s ??= [.. w.Select(_ => 1.0)];
            double[] g = grad([.. w.Select((x, i) => x + (u[i] / Math.Sqrt(50 * s[i])))]);
            double[] p = grad([.. w.Select((x, i) => x + (0.1 * g[i] / s[i]))]);
            for (int i = 0; i < w.Length; i++)
            {
                m[i] = (0.8 * m[i]) + (0.2 * (p[i] + (0.02 * w[i])));
                s[i] = (0.9 * s[i]) + (0.1 * ((Math.Sqrt(s[i]) * Math.Abs(g[i])) + 0.02 + 0.3));
            }
            return [.. m.Zip(s, (a, b) => a / b)];
        });
    }

    [Fact]
    public void A_data_factor_narrows_the_posterior_by_its_root()
    {
        using var problem = new HandQuadratic();
        // With beta2 = 1 the precision stays at 1.
        var method = new BayesianSharpnessAware { Examples = 50, DataFactor = 4, Beta2 = 1 };
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(problem.Parameters, 0.1), method, seed: 4);
        using var scope = NewDisposeScope();
        optimizer.Step(() => problem.Loss(0));
        Assert.All(optimizer.PosteriorDeviations()!.SelectMany(d => d.data<double>().ToArray()), d => Assert.Equal(1 / Math.Sqrt(4 * 50), d, 1e-12));
        Assert.Throws<ArgumentOutOfRangeException>(() => (method with { DataFactor = 0 }).Validate());
    }

    [Fact]
    public void Bayesian_sam_demands_plain_sgd()
    {
        using var problem = new HandQuadratic();
        var method = new BayesianSharpnessAware { Examples = 10 };
        Assert.Throws<ArgumentException>(() => new FlatMinimaOptimizer(optim.Adam(problem.Parameters), method));
        Assert.Throws<ArgumentException>(() => new FlatMinimaOptimizer(optim.SGD(problem.Parameters, 0.1, momentum: 0.9), method));
        Assert.Throws<ArgumentException>(() => new FlatMinimaOptimizer(optim.SGD(problem.Parameters, 0.1, weight_decay: 0.1), method));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlatMinimaOptimizer(optim.SGD(problem.Parameters, 0.1), new BayesianSharpnessAware()));
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(problem.Parameters, 0.1), method);
    }

    [Fact]
    public void Friendly_sam_without_reduction_and_gsam_without_alpha_are_sam()
    {
        Assert.Equal(Run(new SharpnessAware { Rho = 0.2 }), Run(new FriendlySharpnessAware { Rho = 0.2, Reduction = 0 }));
        Assert.Equal(Run(new SharpnessAware { Rho = 0.2 }), Run(new SurrogateGap { Rho = 0.2, Alpha = 0 }));
        Assert.Equal(Run(new SharpnessAware { Rho = 0.2, Adaptive = true }), Run(new SurrogateGap { Rho = 0.2, Alpha = 0, Adaptive = true }));
        Assert.Equal(Run(new SharpnessAware { Rho = 0.2 }), Run(new LookSharpnessAware { Rho = 0.2, Every = 1 }));
        Assert.Equal(Run(new Plain()), Run(new MomentumSharpnessAware { Rho = 0 }));
    }

    // Where the learning rate is 0 the weights stand still, bit for bit: every ascent is undone.
    [Fact]
    public void Weights_stand_still_at_rate_zero()
    {
        foreach (IGradientMethod method in MethodList.All)
        {
            using var problem = new HandNetwork();
            double[] before = problem.Weights;
            using var optimizer = new FlatMinimaOptimizer(optim.SGD(problem.Parameters, 0), method);
            for (int step = 0; step < 4; step++)
                optimizer.Take(() => problem.Loss(step));
            Assert.Equal(before, problem.Weights);
        }
    }

    // A step that is not finite leaves no trace in what a method remembers.
    [Fact]
    public void A_skipped_step_leaves_the_memory_alone()
    {
        foreach (IGradientMethod method in MethodList.All)
        {
            double[] Run(bool fail)
            {
                using var problem = new HandNetwork();
                using var optimizer = new FlatMinimaOptimizer(optim.SGD(problem.Parameters, 0.1), method,
                    noise: new SameNoise())
                { NonFinite = NonFinitePolicy.Skip };
                for (int step = 0; step < 9; step++)
                {
                    if (step == 4 || (fail && step == 3))
                        optimizer.Take(() => problem.Loss(step) * (step == 4 ? double.NaN : double.PositiveInfinity));
                    else if (step != 3)
                        optimizer.Take(() => problem.Loss(step));
                }
                return problem.Weights;
            }
            double[] once = Run(false);
            Assert.All(once, w => Assert.True(double.IsFinite(w)));
            // LookSAM's rhythm, an interval and a schedule count the skipped steps too.
            if (!MethodList.CountsSteps(method))
                Assert.Equal(once, Run(true));
        }
    }

    private static double[] Run(IGradientMethod method)
    {
        using var problem = new HandNetwork();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(problem.Parameters, Rate, momentum: 0.9), method);
        for (int step = 0; step < 5; step++)
            optimizer.Take(() => problem.Loss(step));
        return problem.Weights;
    }

    private sealed class SameNoise : NoiseStream
    {
        public override void Fill(long step, int draw, long offset, Span<float> destination) => new PhiloxNoise(4).Fill(0, draw, offset, destination);
    }
}
