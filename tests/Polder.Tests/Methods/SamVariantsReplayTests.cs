using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Optimization;
using TorchSharp.Modules;
using static Polder.Tests.Methods.Replays;
using static TorchSharp.torch;

namespace Polder.Tests.Methods;

/// <summary>The later members of SAM's family against their rules, written out by hand on plain arrays.</summary>
public class SamVariantsReplayTests
{
    public static TheoryData<string> Problems => ["quadratic", "network"];

    [Theory, MemberData(nameof(Problems))]
    public void Stable_sam(string problem) => Replay(problem, new StableSharpnessAware { Rho = 0.3 }, (w, _, grad, _) =>
    {
        double[] g = grad(w), p = grad(Add(w, g, 0.3 / Norm(g)));
        return [.. p.Select(x => x * Norm(g) / Norm(p))];
    });

    // The limit of the radius is reached at some steps and not at others.
    [Theory, MemberData(nameof(Problems))]
    public void Loss_equated_sam(string problem)
    {
        int capped = 0;
        double most = problem == "quadratic" ? 0.15 : 0.35;
        var method = new LossEquatedSharpnessAware { LossBudget = Schedule.Annealed(0.4, Steps, 0.5), Rho = most };
        Replay(problem, method, (w, step, grad, _) =>
        {
            double budget = 0.4 * (step < 6 ? 1 : (1 + Math.Cos(Math.PI * (step - 6) / 6)) / 2);
            double[] g = grad(w);
            double rho = Math.Min(budget / Norm(g), most);
            capped += rho == most ? 1 : 0;
            return grad(Add(w, g, rho / Norm(g)));
        });
        Assert.InRange(capped, 1, Steps - 1);
    }

    [Theory, MemberData(nameof(Problems))]
    public void Zsharp(string problem)
    {
        (int Start, int End)[] layers = problem == "quadratic" ? [(0, 4), (4, 6)] : [(0, 6), (6, 9), (9, 12)];
        Replay(problem, new FilteredSharpnessAware { Rho = 0.3, Quantile = 0.7 }, (w, _, grad, _) =>
        {
            double[] g = grad(w), filtered = new double[g.Length];
            foreach ((int start, int end) in layers)
            {
                double[] own = g[start..end];
                double mean = own.Average(), deviation = Math.Sqrt(own.Average(x => (x - mean) * (x - mean)));
                double[] z = [.. own.Select(x => Math.Abs(x - mean) / deviation)];
                for (int i = 0; i < own.Length; i++)
                    filtered[start + i] = z[i] > Quantile(z, 0.7) + 1e-9 ? own[i] : 0;
            }
            return grad(Add(w, filtered, 0.3 / Norm(filtered)));
        });
    }

    [Theory, MemberData(nameof(Problems))]
    public void Sampa(string problem)
    {
        double[]? h = null;
        Replay(problem, new ParallelSharpnessAware { Rho = 0.3, Mix = 0.2 }, (w, _, grad, _) =>
        {
            double[] ascended = h is null ? w : Add(w, h, 0.3 / Norm(h)), y = h is null ? w : Add(w, h, -Rate);
            double[] gy = grad(y), ga = grad(ascended);
            h = gy;
            return [.. ga.Zip(gy, (a, b) => (0.8 * a) + (0.2 * b))];
        });
    }

    [Theory, MemberData(nameof(Problems))]
    public void Random_sam_of_its_authors(string problem) => Replay(problem, RandomSharpnessAware.OfAuthors(Steps, rho: 0.5, sigma: 0.02), (w, step, grad, u) =>
    {
        // From the authors' program: the noise rises as (1 - cos) / 2 from sigma to 5 sigma; rho falls from 2.5 to 1.5 with the learning rate.
        double half = (1 - Math.Cos(Math.PI * step / Steps)) / 2;
        double sigma = 0.02 * (1 + (4 * half)), rho = 0.5 - (0.2 * half);
        double[] norms = FilterNorms(problem, w), d = [.. u.Select((x, i) => sigma * x * norms[i])];
        double[] v = Add(d, grad(Add(w, d, 1)), 2);
        return grad(Add(w, v, rho / Norm(v)));
    });

    [Fact]
    public void Sampa_takes_the_learning_rate_of_each_group()
    {
        using var problem = new HandNetwork();
        SGD sgd = optim.SGD([problem.Parameters[0]], 0.3);
        sgd.add_param_group(new SGD.ParamGroup([problem.Parameters[1], problem.Parameters[2]], new SGD.Options { LearningRate = 0.01 }));
        using var optimizer = new FlatMinimaOptimizer(sgd, new ParallelSharpnessAware { Rho = 0, Mix = 1 });
        optimizer.Step(() => problem.Loss(0));
        // With the auxiliary gradient alone the second step's gradient is the one at W - eta h.
        double[] w = problem.Weights, h = problem.Gradient(Before(), 0);
        double[] y = [.. w.Select((x, i) => x - ((i < 6 ? 0.3 : 0.01) * h[i]))];
        double[] expected = [.. problem.Gradient(y, 1).Select((g, i) => w[i] - ((i < 6 ? 0.3 : 0.01) * g))];
        optimizer.Step(() => problem.Loss(1));
        Assert.All(expected.Zip(problem.Weights), pair => Assert.Equal(pair.First, pair.Second, 1e-12));

        double[] Before()
        {
            using var fresh = new HandNetwork();
            return fresh.Weights;
        }
    }

    [Fact]
    public void Settings_of_the_authors_go_with_no_others()
    {
        MethodEntry rsam = MethodRegistry.Named("rsam");
        var setup = new MethodSetup { Steps = 10 };
        var made = Assert.IsType<RandomSharpnessAware>(rsam.Create(setup, new Dictionary<string, object>
        {
            ["settings"] = "authors",
            ["rho"] = 2.5,
            ["sigma"] = 0.0005,
        }));
        Assert.Equal(RandomSharpnessAware.OfAuthors(10), made);
        Assert.Equal((2.5, 1.5, 0.0005, 0.0025), (made.Rho.At(0), made.Rho.At(10), made.Sigma.At(0), made.Sigma.At(10)));
        foreach ((string option, object value) in ((string, object)[])[("gradient-weight", 1.5), ("rho-schedule", "linear"), ("sigma-schedule", "cosine")])
        {
            Assert.StartsWith($"{option}: found {MethodOption.Text(value)}, allowed with settings authors", Assert.Throws<ArgumentException>(() =>
                rsam.Create(setup, new Dictionary<string, object> { ["settings"] = "authors", [option] = value })).Message);
        }
    }

    // As torch and numpy have it: linear between the two elements beside (n - 1) q.
    private static double Quantile(double[] values, double q)
    {
        double[] sorted = [.. values.Order()];
        double place = (sorted.Length - 1) * q;
        int low = (int)place, high = Math.Min(low + 1, sorted.Length - 1);
        return sorted[low] + ((place - low) * (sorted[high] - sorted[low]));
    }
}
